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
 * ours (rule R8). *ret_alias is the caller's. The instance was read after its lock was
 * taken, so that its epoch is the current one.
 */
int fence_raise(struct context *context, const struct instance *instance, char **ret_alias,
                struct error *err);

#endif
