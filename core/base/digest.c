#include "base/digest.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

void sha256_hex(const void *data, size_t length, char ret_hex[SHA256_HEX_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(data, length, hash, &size, EVP_sha256(), NULL) != 1)
        __builtin_trap(); /* a libcrypto without SHA-256 cannot be worked with */
    for (unsigned int i = 0; i < 32; i++)
        snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", hash[i]);
}

char *base64(const void *data, size_t length)
{
    char *text = x_malloc((length + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    return text;
}

/* ---- SipHash ---- */

struct keyed_hash {
    EVP_MAC *algorithm;
    EVP_MAC_CTX *state;
    unsigned char key[16];
};

int keyed_hash_open(struct keyed_hash **ret_hash, struct error *err)
{
    _cleanup_(keyed_hash_closep) struct keyed_hash *hash = x_calloc(1, sizeof(*hash));
    size_t size = sizeof(uint64_t);
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_size_t("size", &size),
        OSSL_PARAM_construct_end(),
    };
    hash->algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    if (hash->algorithm)
        hash->state = EVP_MAC_CTX_new(hash->algorithm);
    if (!hash->state || RAND_bytes(hash->key, sizeof(hash->key)) != 1 ||
        EVP_MAC_CTX_set_params(hash->state, parameters) != 1)
        return error_set(err, ERR_FAILED, "libcrypto has no SipHash");
    *ret_hash = TAKE_PTR(hash);
    return 0;
}

void keyed_hash_close(struct keyed_hash *hash)
{
    if (!hash)
        return;
    EVP_MAC_CTX_free(hash->state);
    EVP_MAC_free(hash->algorithm);
    free(hash);
}

uint64_t keyed_hash(struct keyed_hash *hash, struct span first, struct span second)
{
    uint64_t value = 0, length = first.length;
    size_t written = 0;
    EVP_MAC_init(hash->state, hash->key, sizeof(hash->key), NULL);
    EVP_MAC_update(hash->state, (const unsigned char *)first.data, first.length);
    if (second.data) {
        /* The length tells where the first one ends. */
        EVP_MAC_update(hash->state, (const unsigned char *)&length, sizeof(length));
        EVP_MAC_update(hash->state, (const unsigned char *)second.data, second.length);
    }
    EVP_MAC_final(hash->state, (unsigned char *)&value, &written, sizeof(value));
    return value;
}
