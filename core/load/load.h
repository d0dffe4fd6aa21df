/*
 * The load: from the source through the sender into the engine, in one snapshot.
 */
#ifndef ESMIGRATE_LOAD_LOAD_H
#define ESMIGRATE_LOAD_LOAD_H

#include "load/sender.h"

#include "domain/full_load.h"
#include "domain/source.h"

/* A range that load_all() reads. */
struct range_part {
    struct sender_part sent;
    bool read;     /* all of it was given to the sender */
    bool recorded; /* the history has it as finished */
};

struct load {
    struct source *source; /* its transaction has begun */
    struct sender *sender;
    struct history *history;
    struct engine *engine;
    const struct log *log;
    int64_t instance_id;
    const char *action_id;
    const char *index_name;
    int64_t never_changes;        /* documents read whose _changed_at is null */
    const struct full_load *full; /* while load_all() runs */
    struct range_part *parts;     /* of load_all(), one per range */
};
/* After the sender was closed. */
void load_release(struct load *load);

/*
 * The ranges of a full update that are left, and waits until everything is accounted for. Each is
 * recorded as soon as that is so of it. When others were done by an earlier run, the documents
 * that are rejected are read and sent again too.
 */
int load_all(struct load *load, const struct full_load *full, struct error *err);

/* Records the ranges that were read and are accounted for: also of a load that is given up. */
int load_record_ranges(struct load *load, struct error *err);

/*
 * What changed at or after a time: the rows of documents.sql, or the ids that changed.sql names,
 * of which those that documents.sql no longer returns are deleted. Documents that were rejected
 * before are read and sent again.
 */
int load_changed(struct load *load, const char *since, struct error *err);

/*
 * Deletes what the source no longer has (rule R6). Candidates are the documents that nothing has
 * written since the marks were taken (engine_max_seq_no(), before the first write); each is
 * confirmed in the source. Everything sent must have been accounted for and refreshed.
 */
int load_sweep(struct load *load, const int64_t *marks, size_t shards, struct error *err);

/* As load_sweep(), of all documents, without asking the source: for es_clear. */
int load_sweep_all(struct load *load, const int64_t *marks, size_t shards, struct error *err);

#endif
