#include "base/utf8.h"

#include <stdbool.h>

#include "base/memory.h"

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

size_t utf8_cut(const char *text, size_t length)
{
    while (length && is_continuation((unsigned char)text[length]))
        length--;
    return length;
}

/* The bytes of the character that begins here, 0 if none does. A NUL ends the text early enough:
 * it is no continuation. */
static size_t character_length(const unsigned char *c)
{
    if (c[0] < 0x80)
        return 1;
    if (c[0] >= 0xc2 && c[0] < 0xe0)
        return is_continuation(c[1]) ? 2 : 0;
    if (c[0] >= 0xe0 && c[0] < 0xf0) {
        unsigned char low = c[0] == 0xe0 ? 0xa0 : 0x80, high = c[0] == 0xed ? 0x9f : 0xbf;
        return c[1] >= low && c[1] <= high && is_continuation(c[2]) ? 3 : 0;
    }
    if (c[0] >= 0xf0 && c[0] < 0xf5) {
        unsigned char low = c[0] == 0xf0 ? 0x90 : 0x80, high = c[0] == 0xf4 ? 0x8f : 0xbf;
        return c[1] >= low && c[1] <= high && is_continuation(c[2]) && is_continuation(c[3]) ? 4
                                                                                             : 0;
    }
    return 0;
}

const char *utf8_first_wrong(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        size_t length = character_length(c);
        if (!length)
            return (const char *)c;
        c += length;
    }
    return NULL;
}

char *utf8_clean(const char *text)
{
    char *copy = x_strdup(text);
    for (char *at = copy; at && (at = (char *)utf8_first_wrong(at));)
        *at++ = '?';
    return copy;
}
