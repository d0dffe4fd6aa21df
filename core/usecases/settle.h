/*
 * Settling what crashed runs left behind. A `running` action whose lock is free is a crashed one
 * (rule R2). What it had asked of the engine is found out there, which is the truth (rule R7), and
 * the history is brought in line before the action is closed as `interrupted`.
 */
#ifndef ESMIGRATE_USECASES_SETTLE_H
#define ESMIGRATE_USECASES_SETTLE_H

#include "usecases/context.h"

/* Crashed creates, switches and drops of a master. Its lock is held. */
int settle_master(struct context *context, int64_t master_id, struct error *err);

/* The same for a run that does not take the master's lock: only if it is free now. */
int settle_master_if_free(struct context *context, int64_t master_id, struct error *err);

/* Crashed updates and clears of an instance; its lock is held. The next writer gets a new epoch. */
int settle_instance(struct context *context, int64_t instance_id, struct error *err);

/* Crashed es_verify runs of an instance; the lock of its verification is held. */
int settle_verify(struct context *context, int64_t instance_id, struct error *err);

/* The same for a run that does not take that lock: only if it is free now, and the run is not a
 * part (`parent_id`, or NULL) of one of them, whose session would get it once more. */
int settle_verify_if_free(struct context *context, int64_t instance_id, const char *parent_id,
                          struct error *err);

/* Crashed actions that stood for several others. */
int settle_parents(struct context *context, struct error *err);

/*
 * Brings the master's active instance in line with the alias, which is the truth. An alias that
 * points to an index that is not ours is ERR_FAILED. In the name of an action nothing is written
 * once that was replaced; NULL: the master's lock is held.
 */
int settle_alias(struct context *context, const char *master, int64_t master_id,
                 const char *action_id, struct error *err);

/* The same, looked at only: the instance that the alias points to, 0 for none. */
int settle_look_at_alias(struct context *context, const char *master, int64_t master_id,
                         int64_t *ret_active, struct error *err);

#endif
