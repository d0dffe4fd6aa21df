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

static char *percent_encoded(const char *value)
{
    struct buffer encoded = BUFFER(BUFFER_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (isalnum(*c) || strchr("-._~", *c))
            buffer_char(&encoded, (char)*c);
        else
            buffer_printf(&encoded, "%%%02X", *c);
    }
    return buffer_take(&encoded);
}

void secrets_add(struct secrets *secrets, const char *value)
{
    if (!value || strlen(value) < shortest_secret)
        return;
    _cleanup_free_ char *encoded = percent_encoded(value);
    _cleanup_free_ char *coded = base64(value, strlen(value));
    remember(secrets, value);
    remember(secrets, encoded);
    remember(secrets, coded);
}

/* The longest known secret that starts at text, or NULL: a secret may begin with another. */
static const char *secret_at(const struct secrets *secrets, const char *text)
{
    const char *found = NULL;
    for (size_t i = 0; i < secrets->count; i++) {
        const char *value = secrets->values[i];
        if (strncmp(text, value, strlen(value)) == 0 && (!found || strlen(value) > strlen(found)))
            found = value;
    }
    return found;
}

char *secrets_mask(const struct secrets *secrets, const char *text)
{
    if (!text)
        return NULL;
    struct buffer masked = BUFFER(BUFFER_TEXT_MAX);
    while (*text) {
        const char *secret = secret_at(secrets, text);
        if (secret) {
            buffer_text(&masked, "***");
            text += strlen(secret);
        } else {
            buffer_char(&masked, *text++);
        }
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
