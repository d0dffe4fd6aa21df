/*
 * Every copy of a document with a _routing is found (rule R6). The routing decides on which shard a
 * document is, so one whose routing changed leaves its old copy on another shard, and a delete that
 * does not know the routing reaches nothing. Therefore what a run writes and deletes is looked up
 * in the engine by _id, some at a time.
 *
 * The search sees the index as earlier runs left it: copies_open() refreshes it, and nobody else
 * writes (rule R2). A copy that is left over is deleted with the version before this run's. That is
 * enough for all that earlier runs wrote, and too little for what this one writes, in whatever
 * order the two arrive: both routings may lead to the same shard.
 */
#ifndef ESMIGRATE_LOAD_COPIES_H
#define ESMIGRATE_LOAD_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "domain/engine.h"
#include "load/sender.h"

struct copies {
    struct engine *engine;
    struct sender *sender;
    const char *index_name;
    bool has_routing;
    bool may_move; /* there is more than one shard */
    bool is_empty; /* nothing was in the index when the run began */
    struct copies_entry *list;
    size_t count;
    size_t page;    /* the most that a search returns */
    size_t removed; /* copies so far */
};
void copies_release(struct copies *copies);

/* After the fence and before the first write. Texts and handles are borrowed. */
int copies_open(struct copies *copies, struct engine *engine, struct sender *sender,
                const char *index_name, bool has_routing, struct error *err);

/* A document with this routing (data NULL: none) goes to the sender, which is the caller's to do.
 */
int copies_of_written(struct copies *copies, struct span id, struct span routing,
                      struct error *err);

/* A document is to be deleted, wherever it is; that is done here. Only if has_routing. */
int copies_of_deleted(struct copies *copies, struct span id, struct error *err);

/* Deals with those that are left. */
int copies_finish(struct copies *copies, struct error *err);

#endif
