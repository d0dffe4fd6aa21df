/*
 * A document as a row of columns, written as the JSON object that row_to_json() makes of it.
 */
#ifndef ESMIGRATE_DOMAIN_JSON_DOCUMENT_H
#define ESMIGRATE_DOMAIN_JSON_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "domain/json_value.h"

struct json_key {
    char *text; /* `{"name":`, of all but the first column `,"name":` */
    size_t length;
    enum json_form form;
};

/* What all rows have in common. */
struct json_shape {
    struct json_key *keys;
    size_t count;
    size_t capacity;
    bool may_nest; /* a value may have objects and arrays in it */
};
void json_shape_release(struct json_shape *shape);

/* One column more. */
void json_shape_add(struct json_shape *shape, const char *name, enum json_form form);

struct json_row {
    const struct json_shape *shape; /* NULL: it is no row */
    const struct span *values;      /* one for each column; data NULL: null */
};

bool json_row_is_sound(const struct json_row *row);

/* Appends the object of a row that is sound, of at least one column; see json_value_put(). */
void json_row_put(struct buffer *out, const struct json_row *row);

#endif
