/* What two JSON values differ in. */
#ifndef ESMIGRATE_DOMAIN_DIFFERENCE_H
#define ESMIGRATE_DOMAIN_DIFFERENCE_H

#include <stddef.h>

#include "clients/json.h"

struct difference {
    char *path;   /* keys with dots between; "" for the values themselves */
    char *before; /* JSON in its canonical form; NULL: it is not there */
    char *after;
};

struct differences {
    struct difference *list;
    size_t count;
    size_t capacity;
};
void differences_release(struct differences *differences);

/* Adds those of two values, either may be NULL. Objects are compared member by member; what is
 * only in one of them is one difference, however large. */
void differences_find(const json *before, const json *after, struct differences *differences);

/* Whether the two mean the same; NULL is equal to NULL only. */
bool json_equal(const json *one, const json *other);

/* The canonical text; NULL of NULL. The caller's (free()). */
char *json_canonical(const json *value);

#endif
