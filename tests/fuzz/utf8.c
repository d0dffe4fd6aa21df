/* base/utf8: what is cleaned is valid and loses nothing that was. */
#include "fuzz.h"

#include "base/utf8.h"

/* The bytes of the character at c by its definition: decoded, and then looked at; 0 if there is
 * none. */
static size_t decode(const unsigned char *c)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = c[0] < 0x80       ? 1
                    : c[0] >> 5 == 6  ? 2
                    : c[0] >> 4 == 14 ? 3
                    : c[0] >> 3 == 30 ? 4
                                      : 0;
    uint32_t code = length == 1 ? c[0] : c[0] & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if (c[i] >> 6 != 2)
            return 0;
        code = code << 6 | (c[i] & 0x3fU);
    }
    if (!length || code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    return length;
}

static void check_clean(const char *text, const char *clean)
{
    MUST(strlen(text) == strlen(clean));
    MUST(!utf8_first_wrong(clean));
    for (size_t i = 0; text[i];) {
        size_t length = decode((const unsigned char *)text + i);
        if (length)
            MUST(memcmp(text + i, clean + i, length) == 0);
        else
            MUST(clean[i] == '?');
        i += length ? length : 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    size_t place = take_byte(&input);
    _cleanup_free_ char *text = take_rest(&input);
    _cleanup_free_ char *clean = utf8_clean(text);
    check_clean(text, clean);
    MUST(!utf8_first_wrong(text) == (strcmp(text, clean) == 0));

    size_t length = strlen(clean);
    size_t cut = utf8_cut(clean, place < length ? place : length);
    MUST(cut <= length && (cut == place || cut + 3 >= place || place > length));
    _cleanup_free_ char *front = x_strndup(clean, cut);
    MUST(!utf8_first_wrong(front) && !utf8_first_wrong(clean + cut));
    return 0;
}
