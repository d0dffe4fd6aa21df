/*
 * The fence (rule R2): documents are written through a private alias that names the writer's
 * epoch. When a writer may have crashed the epoch was raised in the history; here the engine
 * follows, in one call, and a replaced writer that wakes up finds its alias gone.
 */
#ifndef ESMIGRATE_USECASES_FENCE_H
#define ESMIGRATE_USECASES_FENCE_H

#include "usecases/context.h"

/*
 * Makes the write alias of the current epoch the only one of the instance's index, which must be
 * ours (rule R8), if the action is still running. *ret_alias is the caller's. The instance was read
 * after its lock was taken, so that its epoch is the current one.
 */
int fence_raise(struct context *context, const struct instance *instance, const char *action_id,
                char **ret_alias, struct error *err);

/* Makes the alias the only one; the others' writers have ended, or are to be locked out. */
int fence_alone(struct context *context, const struct instance *instance, const char *action_id,
                const char *alias, struct error *err);

/* Adds the write alias of an epoch beside those of others who work at the same full update. */
int fence_add(struct context *context, const struct instance *instance, int epoch, char **ret_alias,
              struct error *err);

/* Takes away the write alias of an epoch, if it is there. */
int fence_remove(struct context *context, const struct instance *instance, int epoch,
                 struct error *err);

#endif
