/* Lists of texts: arrays of pointers, each text and the array on the heap. */
#ifndef ESMIGRATE_BASE_TEXTS_H
#define ESMIGRATE_BASE_TEXTS_H

#include <stddef.h>

void texts_free(char **texts, size_t count);

/* For qsort() and bsearch() of such arrays, by bytes. */
int texts_compare(const void *a, const void *b);

/* Sorts them by bytes and frees those that are there already; returns how many are left. */
size_t texts_unique(char **texts, size_t count);

#endif
