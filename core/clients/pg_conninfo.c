#include "clients/pg_conninfo.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/buffer.h"

void pg_conninfo_secrets(const char *conninfo, struct secrets *secrets)
{
    PQconninfoOption *options = conninfo ? PQconninfoParse(conninfo, NULL) : NULL;
    for (PQconninfoOption *o = options; o && o->keyword; o++)
        if (strcmp(o->keyword, "password") == 0 || strcmp(o->keyword, "sslpassword") == 0)
            secrets_add(secrets, o->val);
    PQconninfoFree(options);
}

char *pg_conninfo_public(const char *conninfo)
{
    PQconninfoOption *options = PQconninfoParse(conninfo, NULL);
    if (!options)
        return NULL;
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (PQconninfoOption *o = options; o->keyword; o++) {
        if (!o->val || strstr(o->keyword, "password"))
            continue;
        buffer_printf(&text, "%s%s='", text.length ? " " : "", o->keyword);
        for (const char *c = o->val; *c; c++) {
            if (*c == '\'' || *c == '\\')
                buffer_char(&text, '\\');
            buffer_char(&text, *c);
        }
        buffer_char(&text, '\'');
    }
    PQconninfoFree(options);
    return buffer_take(&text);
}
