/*
 * Known secrets and how they are kept out of every text (rule R10): each is replaced by "***"
 * wherever it turns up raw, in base64, either of them percent-encoded in whole or in part, or made
 * UTF-8 by utf8_clean().
 */
#ifndef ESMIGRATE_BASE_SECRETS_H
#define ESMIGRATE_BASE_SECRETS_H

#include <stddef.h>

struct secrets {
    char **values;
    size_t count;
    size_t capacity;
};

/* Remembers a secret; NULL and texts shorter than 3 bytes (they occur everywhere) are ignored. */
void secrets_add(struct secrets *secrets, const char *value);

/* A copy of the text with every known secret replaced; the caller's (free()). NULL stays NULL. */
char *secrets_mask(const struct secrets *secrets, const char *text);

void secrets_release(struct secrets *secrets);

#endif
