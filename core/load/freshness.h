/*
 * Which documents of an index are older than their rows: a read version is the time at which the
 * source was read (rule R3), so a document whose version lies before the changed time of its row
 * was read before that change.
 *
 * The rows that count, those that changed before changed_through and could be newer than a
 * document, are taken down first, 16 bytes each; then the index is read. Where they are too many
 * for the memory, only those whose hash is in the first part of all hashes are kept, and the index
 * is read once more for the next part.
 */
#ifndef ESMIGRATE_LOAD_FRESHNESS_H
#define ESMIGRATE_LOAD_FRESHNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"

struct changed_row {
    uint64_t hash;
    int64_t time; /* as a read version: microseconds by the history's clock */
};

struct freshness {
    struct keyed_hash *hash;
    struct changed_row *rows;
    size_t count, capacity, most;
    uint64_t first, last; /* the hashes of this part */
};

/* `memory` in bytes. */
int freshness_open(struct freshness *freshness, size_t memory, struct error *err);
void freshness_release(struct freshness *freshness);

/* Takes down a row. */
void freshness_expect(struct freshness *freshness, struct span id, int64_t time);

/* All rows were taken down: their documents may come. */
void freshness_ready(struct freshness *freshness);

/* Whether the document of that version is older than its row; never for one of another part. */
bool freshness_is_stale(const struct freshness *freshness, struct span id, int64_t version);

/* On to the next part, for which all rows are taken down anew; false: there is none. */
bool freshness_next(struct freshness *freshness);

#endif
