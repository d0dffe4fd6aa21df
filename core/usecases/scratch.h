/*
 * Scratch indexes: empty indexes of a declaration, on which es_check and es_plan try things, named
 * PREFIX + MASTER + "-scratch." + something random. Each is locked in the history while it is
 * used, so that one whose lock is free was left behind by a crash.
 */
#ifndef ESMIGRATE_USECASES_SCRATCH_H
#define ESMIGRATE_USECASES_SCRATCH_H

#include "usecases/context.h"
#include "usecases/report.h"

struct scratch {
    struct context *context;
    char *index;       /* NULL: there is none */
    char *write_alias; /* as an instance has one */
    int64_t lock;
};

/*
 * Makes an empty index from the content, as es_create would. History and engine are open. What the
 * engine refuses of the content has err->http_code 400.
 */
int scratch_create(struct context *context, const char *master, const struct content *content,
                   struct scratch *ret_scratch, struct error *err);

/* Deletes the index and gives its lock back, also after a stop was asked for. */
int scratch_remove(struct scratch *scratch, struct error *err);

/* The same where something failed before: one that cannot be removed is warned of. */
void scratch_release(struct scratch *scratch);

/* Removes those of the master that crashed runs of this history left behind. Call it before
 * scratch_create(): the own lock does not keep the own session away. */
int scratch_sweep(struct context *context, const char *master, struct error *err);

/* The same for es_prune, of all masters (NULL), also those the history does not know. Items:
 * scratch; with dry_run they would be removed. */
int scratch_prune(struct context *context, const char *master, struct report *report,
                  struct error *err);

/* Whether it is one, whichever history made it. */
bool scratch_is(const struct engine_index *index);

#endif
