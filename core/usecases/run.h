/*
 * One execution of a command on one master or instance: it takes the locks, settles what crashed
 * runs left behind, writes the action row, and closes it with the outcome, whatever that is.
 */
#ifndef ESMIGRATE_USECASES_RUN_H
#define ESMIGRATE_USECASES_RUN_H

#include "usecases/context.h"
#include "usecases/report.h"

enum run_locks { RUN_LOCK_MASTER = 1, RUN_LOCK_INSTANCE = 2 };

struct run_spec {
    const char *action;    /* the command without es_ */
    const char *parent_id; /* or NULL */
    const char *name;      /* how messages call what it is about: master or index */
    int64_t master_id;
    int64_t instance_id; /* 0: none yet */
    int locks;           /* of enum run_locks */
};

struct run {
    struct context *context;
    struct action action;
    struct action_outcome outcome; /* to be filled in while it runs; status is for run_end() */
    int locks;
    int64_t locked_instance;
    bool open;
};

/*
 * *ret_skipped: the lock is taken and --if-busy=skip was given; nothing was written. A lock that
 * is taken otherwise leaves a closed `failed` row and is ERR_BUSY.
 */
int run_begin(struct context *context, const struct run_spec *spec, struct run *ret_run,
              bool *ret_skipped, struct error *err);

/*
 * Closes the row by `result` (0: complete, or partial if the outcome says so; -1: failed or
 * interrupted with *err), releases the locks and returns the final result. The item, if given,
 * gets id, status and duration.
 */
int run_end(struct run *run, int result, struct report_item *item, struct error *err);

/* As run_end() of a success, within the transaction that history_begin() opened and that is
 * committed here: what the transaction wrote and the closed row are there together or not at all.
 */
int run_end_in_transaction(struct run *run, struct report_item *item, struct error *err);

/*
 * Leaves one closed `failed` row of a command that got no further than finding out which instance
 * of the master is meant; a dry run leaves none. Returns -1, *err stays what it is.
 */
int run_refused(struct context *context, const char *action, int64_t master_id, struct error *err);

/* An action that stands for several; a single one has none. */
struct parent {
    struct context *context;
    struct action action;
    int64_t lock;
    bool open;
};
int parent_begin(struct context *context, const char *action, size_t parts, struct parent *ret,
                 struct error *err);
int parent_end(struct parent *parent, int result, struct error *err);
/* The id for run_spec.parent_id; NULL without a parent. */
const char *parent_id(const struct parent *parent);

#endif
