/* "Did you mean ...?" */
#ifndef ESMIGRATE_BASE_NEAREST_H
#define ESMIGRATE_BASE_NEAREST_H

#include <stddef.h>

/*
 * The name that a mistyped word is closest to: fewest insertions, deletions, replacements and swaps
 * of neighbours (optimal string alignment distance; Boytsov, "Indexing methods for approximate
 * dictionary searching", 2011), at most a third of its length. NULL if none is that close.
 */
const char *nearest_name(const char *word, const char *const *names, size_t count);

#endif
