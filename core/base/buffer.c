#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"

int buffer_reserve(struct buffer *b, size_t more)
{
    if (b->overflow || more > b->maximum - b->length) {
        b->overflow = true;
        return -1;
    }
    size_t needed = b->length + more + 1;
    if (needed <= b->capacity)
        return 0;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > b->maximum + 1)
        capacity = b->maximum + 1;
    b->data = x_realloc(b->data, capacity);
    b->capacity = capacity;
    return 0;
}

int buffer_append(struct buffer *b, const void *data, size_t length)
{
    if (buffer_reserve(b, length) < 0)
        return -1;
    if (length)
        memcpy(b->data + b->length, data, length);
    b->length += length;
    b->data[b->length] = '\0';
    return 0;
}

int buffer_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

int buffer_char(struct buffer *b, char c)
{
    return buffer_append(b, &c, 1);
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *text = x_vprintf(format, arguments);
    va_end(arguments);
    return buffer_text(b, text);
}

void buffer_truncate(struct buffer *b, size_t length)
{
    b->length = length;
    b->overflow = false;
    if (b->data)
        b->data[length] = '\0';
}

void buffer_clear(struct buffer *b)
{
    buffer_truncate(b, 0);
}

void buffer_release(struct buffer *b)
{
    free(b->data);
    *b = BUFFER(b->maximum);
}

const char *buffer_cstr(const struct buffer *b)
{
    return b->data ? b->data : "";
}

char *buffer_take(struct buffer *b)
{
    char *text = b->data ? b->data : x_strdup("");
    *b = BUFFER(b->maximum);
    return text;
}
