#include "base/secrets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/memory.h"

static const size_t shortest_secret = 3;

static void remember(struct secrets *secrets, const char *value)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (strcmp(secrets->values[i], value) == 0)
            return;
    secrets->values = x_grow(secrets->values, secrets->count, &secrets->capacity, sizeof(char *));
    secrets->values[secrets->count++] = x_strdup(value);
}

static char *percent_encoded(const char *value, const char *digits)
{
    struct buffer encoded = BUFFER(BUFFER_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c))
            buffer_char(&encoded, (char)*c);
        else {
            const char escape[] = {'%', digits[*c >> 4], digits[*c & 15]};
            buffer_append(&encoded, escape, sizeof(escape));
        }
    }
    return buffer_take(&encoded);
}

void secrets_add(struct secrets *secrets, const char *value)
{
    if (!value || strlen(value) < shortest_secret)
        return;
    _cleanup_free_ char *upper = percent_encoded(value, "0123456789ABCDEF");
    _cleanup_free_ char *lower = percent_encoded(value, "0123456789abcdef");
    _cleanup_free_ char *coded = base64(value, strlen(value));
    remember(secrets, value);
    remember(secrets, upper);
    remember(secrets, lower);
    remember(secrets, coded);
}

/* How long the longest known secret is that starts here; 0: none does. */
static size_t secret_at(const struct secrets *secrets, const char *text)
{
    size_t longest = 0;
    for (size_t i = 0; i < secrets->count; i++) {
        size_t length = strlen(secrets->values[i]);
        if (length > longest && strncmp(text, secrets->values[i], length) == 0)
            longest = length;
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
