/*
 * Whether two JSON texts have the same value: white space and the order of keys do not count, and
 * numbers are equal when their values are, to the last digit (1.0 and 1, 1e2 and 100).
 */
#ifndef ESMIGRATE_DOMAIN_JSON_DIFFERENCE_H
#define ESMIGRATE_DOMAIN_JSON_DIFFERENCE_H

#include <stdbool.h>

#include "base/buffer.h"

/* *ret_field: where they first differ, in the order of their keys: "address.city", "tags[2]"; "" of
 * the whole, also where one of them is no JSON. The caller's (free()). */
bool json_differ(struct span first, struct span second, char **ret_field);

/* An object less those members in which two readings of the same thing differ, `first` and `again`;
 * the caller's. */
char *json_less_unstable(struct span object, struct span first, struct span again);

#endif
