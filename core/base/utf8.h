/* Keeping texts valid UTF-8: PostgreSQL refuses anything else. */
#ifndef ESMIGRATE_BASE_UTF8_H
#define ESMIGRATE_BASE_UTF8_H

#include <stddef.h>

/* The length, at most `length`, at which a text may be cut without splitting a character. */
size_t utf8_cut(const char *text, size_t length);

/* The first byte that is not part of a well-formed character (RFC 3629), or NULL. */
const char *utf8_first_wrong(const char *text);

/* A copy in which each byte that is not part of a well-formed character is a '?'; the
 * caller's (free()). NULL stays NULL. */
char *utf8_clean(const char *text);

#endif
