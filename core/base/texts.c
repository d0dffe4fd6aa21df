#include "base/texts.h"

#include <stdlib.h>
#include <string.h>

void texts_free(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

int texts_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t texts_unique(char **texts, size_t count)
{
    size_t left = 0;
    if (count)
        qsort(texts, count, sizeof(char *), texts_compare);
    for (size_t i = 0; i < count; i++) {
        if (left && strcmp(texts[left - 1], texts[i]) == 0)
            free(texts[i]);
        else
            texts[left++] = texts[i];
    }
    return left;
}
