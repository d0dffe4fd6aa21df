/*
 * Allocation that cannot fail. When memory is gone the process ends on the spot: every write of
 * esmigrate is safe to be cut off at any moment (rule R5), and a half-handled NULL is not.
 * Sizes are bytes; what is returned belongs to the caller, who releases it with free().
 */
#ifndef ESMIGRATE_BASE_MEMORY_H
#define ESMIGRATE_BASE_MEMORY_H

#include <stdarg.h>
#include <stddef.h>

void *x_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *x_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *x_realloc(void *pointer, size_t size) __attribute__((returns_nonnull));

/* Room for one more element of `size` bytes in an array of `count`; grows by doubling. */
void *x_grow(void *array, size_t count, size_t *capacity, size_t size)
    __attribute__((returns_nonnull));

/* Copies of a text; NULL stays NULL. */
char *x_strdup(const char *text);
char *x_strndup(const char *text, size_t length);

char *x_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *x_vprintf(const char *format, va_list arguments) __attribute__((format(printf, 1, 0)));

#endif
