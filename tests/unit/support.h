/*
 * What the unit tests share: cmocka, the way a test is written, and a few assertions that show the
 * text in question when they fail.
 */
#ifndef ESMIGRATE_TESTS_SUPPORT_H
#define ESMIGRATE_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"

/* A test is named after the rule it checks. */
#define TEST(name) static void name(__attribute__((unused)) void **state)

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        const char *text_ = (text), *part_ = (part);                                               \
        if (!text_ || !strstr(text_, part_))                                                       \
            fail_msg("\"%s\" is not in \"%s\"", part_, text_ ? text_ : "(null)");                  \
    } while (0)

#define assert_lacks(text, part)                                                                   \
    do {                                                                                           \
        const char *text_ = (text), *part_ = (part);                                               \
        if (!text_ || strstr(text_, part_))                                                        \
            fail_msg("\"%s\" is in \"%s\"", part_, text_ ? text_ : "(null)");                      \
    } while (0)

#define assert_error(err_pointer, wanted_kind, wanted_message)                                     \
    do {                                                                                           \
        const struct error *error_ = (err_pointer);                                                \
        assert_string_equal(error_->message ? error_->message : "(null)", wanted_message);         \
        assert_int_equal(error_->kind, wanted_kind);                                               \
    } while (0)

static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

/* Deterministic numbers (xorshift64, Marsaglia 2003): a failure can be repeated. */
static inline uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

#endif
