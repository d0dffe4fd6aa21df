/*
 * Those who work at a full update: the process that began it, or goes on with it, and any that join
 * it. They take ranges from the history, one by one. A worker is dead when the session that holds
 * its lock is gone, or when it has not renewed its lease; whoever finds that fences it in the
 * engine and closes its action, which frees its ranges (rule R2).
 */
#ifndef ESMIGRATE_DOMAIN_LOAD_WORKER_H
#define ESMIGRATE_DOMAIN_LOAD_WORKER_H

#include "domain/full_load.h"

/* A worker; texts are borrowed. Its session holds the action's LOCK_WORKER until that is closed. */
struct load_worker {
    struct history *history;
    const char *action_id; /* running */
    int64_t load_id;
    int64_t renewed; /* clock_ms() of the last time */
    int epoch;       /* of its write alias */
    int64_t others;  /* documents of the ranges that others had finished by then; 0: not known */
};

/*
 * Begins to work at the full update; one that joins gets an epoch of its own. ERR_FAILED if the
 * load has come to its end, or the action was closed.
 */
int load_worker_begin(struct load_worker *worker, bool joins, struct error *err);

/* Renews the lease when it is time to; ERR_FAILED if this worker was replaced. To be called every
 * second or so. */
int load_worker_renew(struct load_worker *worker, struct error *err);
/* ERR_FAILED if this worker was replaced, whatever time it is. */
int load_worker_check(struct load_worker *worker, struct error *err);

struct load_range {
    int number;  /* 0: there is none */
    char *first; /* its first _id; NULL: from the beginning */
    char *end;   /* the _id it ends before; NULL: to the end */
};
void load_range_release(struct load_range *range);

/* The next range that is free, if there is one. */
int load_worker_take(struct load_worker *worker, struct load_range *ret_range, struct error *err);

/* What a finished range brought. */
struct range_outcome {
    int64_t indexed;
    int64_t deleted;
    int64_t rejected;
    int64_t superseded;
};
int load_worker_finish(struct load_worker *worker, int number, const struct range_outcome *outcome,
                       struct error *err);

/* How the full update stands. */
struct load_work {
    bool ended;       /* another one gave it up */
    size_t left;      /* unfinished ranges, whoever has them */
    int64_t indexed;  /* by the finished ones */
    bool has_earlier; /* a worker that began before this one is at work */
    bool is_shared;   /* other actions have worked at it, at any time */
    bool cut_short;   /* one of all these did not come to a good end */
};
int load_worker_look(struct load_worker *worker, struct load_work *ret_work, struct error *err);

/* ---- the others ---- */

struct dead_worker {
    char *action_id;
    char *who; /* "pid 4711 on HOST" */
    char *why; /* how it is known to be dead */
    int epoch; /* of the write alias that is to be taken away */
};
void dead_workers_free(struct dead_worker *list, size_t count);

/* *ret_list is the caller's. */
int load_worker_find_dead(struct load_worker *worker, struct dead_worker **ret_list,
                          size_t *ret_count, struct error *err);
/*
 * Closes the action of a dead one, whose write alias is gone from the engine. If it still has a
 * session this is ended, as far as this role may, so that its locks are free. *ret_replaced: by
 * this worker, not by another one or itself meanwhile.
 */
int load_worker_replace(struct load_worker *worker, const struct dead_worker *dead,
                        bool *ret_replaced, struct error *err);

/* Whether anyone is at work at a full update of the instance. */
int load_worker_any(struct history *history, int64_t instance_id, bool *ret_any, struct error *err);

#endif
