/*
 * The load: from the source through the sender into the engine, in one snapshot.
 */
#ifndef ESMIGRATE_LOAD_LOAD_H
#define ESMIGRATE_LOAD_LOAD_H

#include "load/copies.h"
#include "load/id_set.h"
#include "load/progress.h"
#include "load/sender.h"

#include "domain/full_load.h"
#include "domain/reading.h"

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
    struct meter *meter;          /* or NULL */
    struct copies copies;         /* opened */
    int64_t never_changes;        /* documents read whose _changed_at is null */
    const struct full_load *full; /* while load_all() runs */
    struct range_part *parts;     /* of load_all(), one per range */
};

/* Deletes a document of which no more is known than its id. */
int load_delete(struct load *load, struct span id, struct error *err);

/* Sends the rows of the reading that was started on the source. Those of
 * the ids in `wanted` that come are marked as met. */
int load_pump(struct load *load, struct id_set *wanted, struct error *err);

#endif
