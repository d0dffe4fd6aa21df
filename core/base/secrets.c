#include "base/secrets.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/utf8.h"

static const size_t shortest_secret = 3;

static void remember(struct secrets *secrets, const char *value)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->values[i], value) == 0)
            return;
    secrets->values = x_grow(secrets->values, secrets->count, &secrets->capacity, sizeof(char *));
    secrets->values[secrets->count++] = x_strdup(value);
}

void secrets_add(struct secrets *secrets, const char *value)
{
    if (!value || strlen(value) < shortest_secret)
        return;
    _cleanup_free_ char *coded = base64(value, strlen(value));
    _cleanup_free_ char *clean = utf8_clean(value);
    remember(secrets, value);
    remember(secrets, coded);
    remember(secrets, clean);
}

static int digit_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The length of the secret that begins here with some of its bytes percent-encoded, which of them
 * is up to who wrote it; 0: it does not. */
static size_t encoded_at(const char *text, const char *secret)
{
    const char *at = text;
    for (; *secret; secret++) {
        bool escape =
            *at == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]);
        if (escape && (char)(digit_value(at[1]) << 4 | digit_value(at[2])) == *secret)
            at += 3;
        else if (*at == *secret)
            at++;
        else
            return 0;
    }
    return (size_t)(at - text);
}

/* How long the longest known secret is that starts here; 0: none does. */
static size_t secret_at(const struct secrets *secrets, const char *text)
{
    size_t longest = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        size_t length = strlen(secrets->values[i]), encoded = encoded_at(text, secrets->values[i]);
        if (length > longest && strncmp(text, secrets->values[i], length) == 0)
            longest = length;
        if (encoded > longest)
            longest = encoded;
    }
    return longest;
}

char *secrets_mask(const struct secrets *secrets, const char *text)
{
    if (!text)
        return NULL;
    struct buffer masked = BUFFER(BUFFER_TEXT_MAX);
    const char *covered = text; /* up to here it is secret; the next one may begin within */
    for (const char *c = text; *c; c++) {
        size_t length = secret_at(secrets, c);
        if (length && c >= covered)
            buffer_text(&masked, "***");
        if (length && c + length > covered)
            covered = c + length;
        if (c >= covered)
            buffer_char(&masked, *c);
    }
    return buffer_take(&masked);
}

void secrets_release(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        free(secrets->values[i]);
    free(secrets->values);
    *secrets = (struct secrets){};
}
