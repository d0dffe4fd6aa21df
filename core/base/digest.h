/* SHA-256 and base64, by libcrypto. What is returned belongs to the caller (free()). */
#ifndef ESMIGRATE_BASE_DIGEST_H
#define ESMIGRATE_BASE_DIGEST_H

#include <stddef.h>

#define SHA256_HEX_SIZE 65

/* 64 lower-case hexadecimal digits and a NUL into ret_hex. */
void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE]);

char *base64(const void *data, size_t length);

#endif
