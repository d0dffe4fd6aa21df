#include "base/digest.h"

#include <openssl/evp.h>
#include <stdio.h>

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
