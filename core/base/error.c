#include "base/error.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/memory.h"

static void replace(char **slot, char *text)
{
    free(*slot);
    *slot = text;
}

int(error_set)(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = x_vprintf(format, arguments);
    va_end(arguments);

    error_release(err);
    err->kind = kind;
    err->message = message;
    return -1;
}

int(error_detail)(struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    replace(&err->detail, x_vprintf(format, arguments));
    va_end(arguments);
    return -1;
}

int(error_hint)(struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    replace(&err->hint, x_vprintf(format, arguments));
    va_end(arguments);
    return -1;
}

int(error_prefix)(struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *prefix = x_vprintf(format, arguments);
    va_end(arguments);
    replace(&err->message, x_printf("%s: %s", prefix, err->message));
    return -1;
}

bool error_is_set(const struct error *err)
{
    return err->kind != ERR_NONE;
}

void error_move(struct error *to, struct error *from)
{
    error_release(to);
    *to = TAKE(*from);
}

void error_release(struct error *err)
{
    free(err->message);
    free(err->detail);
    free(err->hint);
    *err = (struct error){};
}
