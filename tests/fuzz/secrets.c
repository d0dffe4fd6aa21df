/* base/secrets: no known secret is left in what was masked, and nothing else is lost. */
#include "fuzz.h"

#include <ctype.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/secrets.h"
#include "base/utf8.h"

enum { MOST_SECRETS = 4, MOST_PIECES = 16, LONGEST_SECRET = 40, FORMS = 6 };

/* Raw, URL-encoded with capitals, without, and every other byte, base64, made UTF-8; written apart
 * from the code that is tried. */
static char *form_of(const char *secret, int form)
{
    if (form == 0)
        return x_strdup(secret);
    if (form == 4)
        return base64(secret, strlen(secret));
    if (form == 5)
        return utf8_clean(secret);
    struct buffer encoded = BUFFER(BUFFER_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)secret; *c; c++) {
        bool plain = (*c < 0x80 && isalnum(*c)) || *c == '-' || *c == '.' || *c == '_' || *c == '~';
        plain |= form == 3 && (c - (const unsigned char *)secret) % 2 && *c != '%';
        buffer_printf(&encoded, plain ? "%c" : form == 1 ? "%%%02X" : "%%%02x", *c);
    }
    return buffer_take(&encoded);
}

static void add_piece(struct input *input, char **known, size_t count, struct buffer *text)
{
    uint8_t what = take_byte(input);
    if (count && what & 0x80) {
        _cleanup_free_ char *form = form_of(known[(what >> 2) % count], what % FORMS);
        buffer_text(text, form);
    } else {
        _cleanup_free_ char *piece = take_text(input, what % 16);
        buffer_text(text, piece);
    }
}

static void check_masked(const char *secret, const char *text, const char *masked, bool *any)
{
    for (int i = 0; i < FORMS; i++) {
        _cleanup_free_ char *form = form_of(secret, i);
        *any |= strstr(text, form) != NULL;
        /* The stars of the mask may make a secret of stars, which tells nothing. */
        if (!strchr(form, '*'))
            MUST(!strstr(masked, form));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    _cleanup_(secrets_release) struct secrets secrets = {};
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    char *known[MOST_SECRETS];
    size_t count = take_byte(&input) % (MOST_SECRETS + 1);
    for (size_t i = 0; i < count; i++) {
        known[i] = take_text(&input, take_byte(&input) % LONGEST_SECRET);
        secrets_add(&secrets, known[i]);
    }
    for (int i = 0; i < MOST_PIECES && input.length; i++)
        add_piece(&input, known, count, &text);

    _cleanup_free_ char *masked = secrets_mask(&secrets, buffer_cstr(&text));
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (strlen(known[i]) >= 3)
            check_masked(known[i], buffer_cstr(&text), masked, &any);
        free(known[i]);
    }
    /* Encoded in part it may be there in other ways, too. */
    MUST(any || strchr(buffer_cstr(&text), '%') || strcmp(masked, buffer_cstr(&text)) == 0);
    return 0;
}
