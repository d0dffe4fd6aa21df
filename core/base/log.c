#include "base/log.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/memory.h"

void log_say(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || !log->write)
        return;
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *line = x_vprintf(format, arguments);
    va_end(arguments);
    log->write(log->data, level, line);
}

void log_error(const struct log *log, const struct error *err)
{
    log_say(log, LOG_WARNING, "%s%s%s%s%s", err->message, err->detail ? "\nDETAIL: " : "",
            err->detail ? err->detail : "", err->hint ? "\nHINT: " : "",
            err->hint ? err->hint : "");
}
