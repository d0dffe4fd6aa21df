/*
 * Mappings as an engine writes them: what two of them differ in, field by field, and the request
 * that would make the one into the other, as far as a request can.
 */
#ifndef ESMIGRATE_DOMAIN_MAPPING_H
#define ESMIGRATE_DOMAIN_MAPPING_H

#include <stddef.h>

#include "clients/json.h"

struct mapping_change {
    char **fields; /* from the outermost on; none: it is about `attribute` */
    size_t field_count;
    char *attribute; /* of the whole mapping, e.g. "dynamic"; NULL: it is about a field */
    bool shallow;    /* not about the fields inside of it: they have changes of their own */
    char *path;      /* for people: "address.street", or the attribute */
    char *before;    /* definitions, canonical JSON; NULL: it is not there */
    char *after;
    char *request; /* for PUT _mapping; NULL: no request takes a thing away */
};

struct mapping_changes {
    struct mapping_change *list;
    size_t count;
    size_t capacity;
};
void mapping_changes_release(struct mapping_changes *changes);

/* The mapping without esmigrate's own mark in _meta; the caller's. NULL gives an empty one. */
json *mapping_without_mark(const json *mapping);

/* Both are without marks. */
void mapping_compare(const json *before, const json *after, struct mapping_changes *changes);

/* Whether the mapping has what the change was to bring. */
bool mapping_has(const json *mapping, const struct mapping_change *change);

#endif
