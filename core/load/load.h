/*
 * The load: from the source through the sender into the engine, in one snapshot.
 */
#ifndef ESMIGRATE_LOAD_LOAD_H
#define ESMIGRATE_LOAD_LOAD_H

#include "load/sender.h"

#include "domain/source.h"

struct load {
    struct source *source; /* its transaction has begun */
    struct sender *sender;
    struct history *history;
    struct engine *engine;
    const struct log *log;
    int64_t instance_id;
    const char *index_name;
    int64_t never_changes; /* documents read whose _changed_at is null */
};

/* Every document of the source. */
int load_all(struct load *load, struct error *err);

/*
 * What changed at or after a time: the rows of documents.sql, or the ids that changed.sql names,
 * of which those that documents.sql no longer returns are deleted. Documents that were rejected
 * before are read and sent again.
 */
int load_changed(struct load *load, const char *since, struct error *err);

/* The documents that were rejected before, alone: read and sent again, or deleted. */
int load_rejected(struct load *load, struct error *err);

/*
 * Deletes what the source no longer has (rule R6). Candidates are the documents that nothing has
 * written since the marks were taken (engine_max_seq_no(), before the first write); each is
 * confirmed in the source. Everything sent must have been accounted for and refreshed.
 */
int load_sweep(struct load *load, const int64_t *marks, size_t shards, struct error *err);

/* As load_sweep(), of all documents, without asking the source: for es_clear. */
int load_sweep_all(struct load *load, const int64_t *marks, size_t shards, struct error *err);

#endif
