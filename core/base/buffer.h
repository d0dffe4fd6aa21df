/*
 * A growing byte buffer with a hard maximum. An append that would pass the maximum leaves the
 * buffer as it was, sets `overflow` and returns -1; later appends fail too, so a writer may check
 * once at the end. The data is always followed by a NUL that does not count.
 *
 *     _cleanup_(buffer_release) struct buffer b = BUFFER(64 * 1024);
 */
#ifndef ESMIGRATE_BASE_BUFFER_H
#define ESMIGRATE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* A piece of text that is not terminated; data NULL: there is none. */
struct span {
    const char *data;
    size_t length; /* bytes */
};

struct buffer {
    char *data; /* NULL until the first append */
    size_t length;
    size_t capacity;
    size_t maximum; /* bytes of data at most */
    bool overflow;
};

/* Large enough for every text of ours (SQL, messages, JSON reports); documents have their own. */
#define BUFFER_TEXT_MAX ((size_t)256 * 1024 * 1024)

#define BUFFER(max) ((struct buffer){.maximum = (max)})

int buffer_reserve(struct buffer *b, size_t more);
int buffer_append(struct buffer *b, const void *data, size_t length);
int buffer_text(struct buffer *b, const char *text);
int buffer_char(struct buffer *b, char c);
int buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Where at least `more` bytes may be written, NULL if they would pass the maximum; then
 * buffer_end_at() says behind which byte they end. The closing NUL is left to the next append. */
static inline char *buffer_room(struct buffer *b, size_t more)
{
    if ((b->overflow || b->length + more >= b->capacity) && buffer_reserve(b, more) < 0)
        return NULL;
    return b->data + b->length;
}

static inline void buffer_end_at(struct buffer *b, const char *end)
{
    b->length = (size_t)(end - b->data);
}

/* Takes back what was appended behind `length`, and an overflow. */
void buffer_truncate(struct buffer *b, size_t length);

/* Empties the buffer and keeps its memory for reuse. */
void buffer_clear(struct buffer *b);
void buffer_release(struct buffer *b);

/* The text ("" if nothing was appended); valid until the next change. */
const char *buffer_cstr(const struct buffer *b);

/* Hands the text over to the caller (free()) and empties the buffer. */
char *buffer_take(struct buffer *b);

#endif
