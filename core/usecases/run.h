/*
 * One execution of a command on one master or instance: it takes the locks, settles what crashed
 * runs left behind, writes the action row, and closes it with the outcome, whatever that is.
 *
 *     if (run_begin(context, &spec, &run, &skipped, err) < 0) return -1;
 *     if (skipped) return 0;
 *     ... what is to be done, in `result` ...
 *     return run_end(&run, result, item, err);
 *
 * In a dry run the same calls take no lock and write no row.
 */
#ifndef ESMIGRATE_USECASES_RUN_H
#define ESMIGRATE_USECASES_RUN_H

#include "usecases/context.h"
#include "usecases/report.h"

/* A run that holds a lock already may take it once more. */
enum run_locks {
    RUN_LOCK_MASTER = 1,
    RUN_LOCK_INSTANCE = 2,
    RUN_LOCK_SHARED = 4,  /* of the instance, by those who work at one full update */
    RUN_LOCK_VERIFY = 8,  /* of the instance: held while it is verified, beside its writer */
    RUN_LOCK_WORKER = 16, /* taken by run_work() only */
};

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
    const char
        *name; /* how messages call what it is about; NULL: a parent, which stands for several */
    struct action action;
    struct action_outcome outcome; /* to be filled in while it runs; status is for run_end() */
    int locks;
    int64_t locked_instance;
    int64_t locked_worker;
    bool open;           /* its row is running */
    bool in_transaction; /* run_begin_results() was called */
    bool unsettled;      /* see run_leave_open() */
    bool done;           /* see run_keep_result() */
};

/*
 * *ret_skipped: the lock is taken and --if-busy=skip was given; nothing was written. What cannot
 * even begin leaves a closed row all the same; a lock that is taken is ERR_BUSY.
 */
int run_begin(struct context *context, const struct run_spec *spec, struct run *ret_run,
              bool *ret_skipped, struct error *err);

/* Lets others share the instance with this run, which holds its lock. */
int run_share_instance(struct run *run, struct error *err);
/* Takes the instance's lock alone again, once nobody shares it: *ret_taken. */
int run_own_instance(struct run *run, bool *ret_taken, struct error *err);

/* Shows the other workers of a full update that this run is alive, for as long as its row is open:
 * who is at work without this lock is taken for dead. */
int run_work(struct run *run, struct error *err);

/* Begins the transaction in which the results are written; run_end() closes the row in the same
 * one, so that results and closed row are there together or not at all. */
int run_begin_results(struct run *run, struct error *err);

/*
 * What the engine did is not known, and could not be found out: run_end() will leave the row
 * `running`, so that the next command takes it for crashed and settles it (rule R7).
 */
void run_leave_open(struct run *run);

/* What the run was for is done: the failure that follows leaves its result in row and report. */
void run_keep_result(struct run *run);

/*
 * Closes the row by `result` (0: complete, or partial if the outcome says so; -1: failed or
 * interrupted with *err, whose message then names what the run is about), releases the locks and
 * returns the final result. The item, if given, gets id, status, result and duration.
 */
int run_end(struct run *run, int result, struct report_item *item, struct error *err);

/*
 * Leaves one closed row of a command that got no further than finding out which instance of the
 * master is meant; a dry run leaves none. Returns -1, *err stays what it is.
 */
int run_refused(struct context *context, const char *action, const char *parent_id,
                int64_t master_id, struct error *err);

/* An action that stands for several; a single one has none. */
struct parent {
    struct context *context;
    struct action action;
    struct action_outcome outcome; /* partial, when one of the several was */
    int64_t lock;
    bool open;
};
int parent_begin(struct context *context, const char *action, size_t parts, struct parent *ret,
                 struct error *err);
int parent_end(struct parent *parent, int result, struct error *err);
/* The id for run_spec.parent_id; NULL without a parent. */
const char *parent_id(const struct parent *parent);

#endif
