/* SHA-256, base64 and SipHash, by libcrypto. What is returned belongs to the caller (free()). */
#ifndef ESMIGRATE_BASE_DIGEST_H
#define ESMIGRATE_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

#define SHA256_HEX_SIZE 65

/* 64 lower-case hexadecimal digits and a NUL into ret_hex. */
void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE]);

char *base64(const void *data, size_t length);

/*
 * SipHash-2-4 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012) with a random key
 * of its own: whoever chooses what is hashed cannot choose what collides.
 */
struct keyed_hash;
int keyed_hash_open(struct keyed_hash **ret_hash, struct error *err);
void keyed_hash_close(struct keyed_hash *hash);
DEFINE_CLEANUP(struct keyed_hash *, keyed_hash_close)

/* Of two texts as a pair; a second one without data is not the empty one. */
uint64_t keyed_hash(struct keyed_hash *hash, struct span first, struct span second);

#endif
