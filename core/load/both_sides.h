/*
 * The ids of all documents, of the source and of the index at once, in no order: while the engine
 * makes a page, rows of the source are read.
 */
#ifndef ESMIGRATE_LOAD_BOTH_SIDES_H
#define ESMIGRATE_LOAD_BOTH_SIDES_H

#include <stdint.h>

#include "domain/pages.h"
#include "domain/reading.h"

enum side { SIDE_SOURCE, SIDE_INDEX, SIDE_COUNT };

struct sided_key {
    enum side side;
    struct span id;
    struct span routing; /* data NULL: none */
    int64_t version;     /* of the index; the source has none */
};

typedef int visit_key(void *data, const struct sided_key *key, struct error *err);

/* The source's transaction has begun, and the index was refreshed. `page_size` as of scroll_open().
 * Stops with what `visit` fails with. */
int both_sides_read(struct source *source, struct engine *engine, const char *index,
                    size_t page_size, visit_key *visit, void *data, struct error *err);

#endif
