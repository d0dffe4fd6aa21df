/*
 * Which ids the source and the index do not have in common, in memory that does not grow with their
 * number.
 *
 * Both sides are read in whatever order is fastest. A keyed hash of each id decides on one of
 * 65,536 partitions, and of each partition either side keeps how many ids it has and the sum of
 * their hashes (a multiset hash: Clarke, Devadas, van Dijk, Gassend and Suh, "Incremental Multiset
 * Hash Functions and Their Application to Memory Integrity Checking", 2003). Partitions that are
 * equal in both hold the same ids, but for a chance of 2^-64 each. The others are read once more,
 * as many at a time as a limit of memory allows, and their ids compared one by one. An index that
 * equals its source takes one pass.
 *
 * The sides are read at different times: what differs may have changed meanwhile (load/look.h).
 */
#ifndef ESMIGRATE_LOAD_COMPARE_IDS_H
#define ESMIGRATE_LOAD_COMPARE_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "load/both_sides.h"

struct key_sums;

struct id_comparison {
    struct keyed_hash *hash;
    struct key_sums *sums;
    int64_t ids[SIDE_COUNT]; /* read of each side in the first pass */
    int64_t bytes;           /* of them all */
    size_t next;             /* the partition to go on with */
};

int id_comparison_open(struct id_comparison *comparison, struct error *err);
void id_comparison_release(struct id_comparison *comparison);

/* The first pass: takes down a key. */
void id_comparison_note(struct id_comparison *comparison, const struct sided_key *key);

/* Chooses the differing partitions of the next pass, whose keys take about that many bytes, or a
 * single one; false: there is none left. */
bool id_comparison_choose(struct id_comparison *comparison, int64_t memory);

/* A further pass: keeps a key that belongs to it. ERR_FAILED if far more keys come than there were.
 */
int id_comparison_keep(struct id_comparison *comparison, const struct sided_key *key,
                       struct error *err);

/* At its end: the ids that the two sides do not have equally often, or not with the same routing,
 * each once. The caller's (differing_keys_free()). */
struct differing_key {
    char *id;
    int64_t count[SIDE_COUNT];
};
size_t id_comparison_differing(struct id_comparison *comparison, struct differing_key **ret_keys);
void differing_keys_free(struct differing_key *keys, size_t count);

#endif
