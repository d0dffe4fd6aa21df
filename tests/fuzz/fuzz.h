/*
 * What the fuzz targets share. A target is one file with LLVMFuzzerTestOneInput(); it gives the
 * code an input and aborts when an invariant does not hold, so that libFuzzer keeps the input.
 */
#ifndef ESMIGRATE_TESTS_FUZZ_H
#define ESMIGRATE_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/memory.h"

/* NDEBUG cannot switch it off, and it says what did not hold. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* What is left of the input; pieces are taken from its front. */
struct input {
    const uint8_t *data;
    size_t length;
};

static inline uint8_t take_byte(struct input *input)
{
    if (!input->length)
        return 0;
    input->length--;
    return *input->data++;
}

/* A text of at most `length` bytes, up to a NUL byte; the caller's (free()). Its memory ends with
 * it, so that AddressSanitizer sees the first byte read behind it. */
static inline char *take_text(struct input *input, size_t length)
{
    if (length > input->length)
        length = input->length;
    char *text = x_strndup(input->length ? (const char *)input->data : "", length);
    input->data += length;
    input->length -= length;
    return text;
}

static inline char *take_rest(struct input *input)
{
    return take_text(input, input->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
