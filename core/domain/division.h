/*
 * Cuts the documents of a source into ranges of _id that are read one after the other, about as
 * many documents in each. The bounds are quantiles of a sample of the table that _id comes from;
 * the planner tells whether ranges of it can be read without reading everything each time.
 */
#ifndef ESMIGRATE_DOMAIN_DIVISION_H
#define ESMIGRATE_DOMAIN_DIVISION_H

#include "domain/reading.h"

struct division {
    char **bounds; /* the ids at which one range ends and the next begins, in order */
    size_t count;  /* one less than there are ranges */
    char *why_not; /* why there is one range only although there are documents for more, or NULL */
};
void division_release(struct division *division);

/* `documents`: how many a range is to have. Outside of a transaction; reads no documents. */
int division_find(struct source *source, int64_t documents, struct division *ret_division,
                  struct error *err);

#endif
