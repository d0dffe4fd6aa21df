#include "base/nesting.h"

#include <string.h>

/* Whether there are more than `limit` of them. */
static bool has_more(const char *text, size_t length, char sought, size_t limit, size_t *count)
{
    const char *end = text + length;
    for (const char *c = text; c < end && (c = memchr(c, sought, (size_t)(end - c))); c++)
        if (++*count > limit)
            return true;
    return false;
}

/* Behind the string that begins at the quote. */
static const char *skip_string(const char *c, const char *end)
{
    for (c++; c < end && *c != '"'; c++)
        if (*c == '\\')
            c++;
    return c;
}

bool nested_deeper(const char *json, size_t length, size_t levels)
{
    size_t count = 0, depth = 0;
    if (length <= 2 * levels || !(has_more(json, length, '{', levels, &count) ||
                                  has_more(json, length, '[', levels, &count)))
        return false;
    const char *end = json + length;
    for (const char *c = json; c < end; c++) {
        if (*c == '"')
            c = skip_string(c, end);
        else if (*c == '}' || *c == ']')
            depth--;
        else if ((*c == '{' || *c == '[') && ++depth > levels)
            return true;
    }
    return false;
}
