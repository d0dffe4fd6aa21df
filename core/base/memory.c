#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((noreturn)) static void out_of_memory(void)
{
    static const char text[] = "esmigrate: error: out of memory\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    __builtin_trap();
}

void *x_malloc(size_t size)
{
    void *pointer = malloc(size ? size : 1);
    if (!pointer)
        out_of_memory();
    return pointer;
}

void *x_calloc(size_t count, size_t size)
{
    void *pointer = calloc(count ? count : 1, size ? size : 1);
    if (!pointer)
        out_of_memory();
    return pointer;
}

void *x_realloc(void *pointer, size_t size)
{
    void *grown = realloc(pointer, size ? size : 1);
    if (!grown)
        out_of_memory();
    return grown;
}

void *x_grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    size_t wanted = *capacity ? *capacity * 2 : 8;
    if (wanted > SIZE_MAX / 2 / size)
        out_of_memory();
    *capacity = wanted;
    return x_realloc(array, wanted * size);
}

char *x_strdup(const char *text)
{
    return text ? x_strndup(text, strlen(text)) : NULL;
}

char *x_strndup(const char *text, size_t length)
{
    if (!text)
        return NULL;
    char *copy = x_malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

char *x_vprintf(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        out_of_memory();
    return text;
}

char *x_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = x_vprintf(format, arguments);
    va_end(arguments);
    return text;
}
