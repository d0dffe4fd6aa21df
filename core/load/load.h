/*
 * The load: from the source through the sender into the engine, in one snapshot.
 */
#ifndef ESMIGRATE_LOAD_LOAD_H
#define ESMIGRATE_LOAD_LOAD_H

#include "load/copies.h"
#include "load/id_set.h"
#include "load/progress.h"
#include "load/sender.h"

#include "domain/load_worker.h"
#include "domain/reading.h"

struct load {
    struct source *source;   /* its transaction has begun */
    struct source **helpers; /* further sessions of it in the same snapshot, for ranges */
    size_t helper_count;
    struct sender *sender;
    struct history *history;
    struct engine *engine;
    const struct log *log;
    int64_t instance_id;
    const char *action_id;
    const char *index_name;
    bool keeps_rejected;        /* those of earlier runs: the source may not have them yet */
    struct meter *meter;        /* or NULL */
    struct copies copies;       /* opened */
    int64_t never_changes;      /* documents read whose _changed_at is null */
    struct load_worker *worker; /* of a full update; else NULL */
    struct range_part *parts;   /* ranges that are not recorded yet */
};

/* Deletes a document of which no more is known than its id. */
int load_delete(struct load *load, struct span id, struct error *err);

/* Sends the rows of the reading that was started on the source. Those of
 * the ids in `wanted` that come are marked as met. */
int load_pump(struct load *load, struct id_set *wanted, struct error *err);

/*
 * Some of the rows of a reading that was started on one of the sessions: some hundreds at most, and
 * none while the sender has no room. *ret_state: PG_COPY_ROWS there may be more, PG_COPY_WAIT none
 * has arrived, PG_COPY_END it is at its end.
 */
int load_step(struct load *load, struct source *source, struct id_set *wanted,
              enum pg_copy *ret_state, struct error *err);

/* Lets requests progress, as sender_wait() does, records what they bring to its end, and renews the
 * worker's lease. */
int load_wait(struct load *load, int other_fd, int timeout_ms, struct error *err);

#endif
