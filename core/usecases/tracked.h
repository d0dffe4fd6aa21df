/* Whether the records of es_track are all there that an update of what changed needs. */
#ifndef ESMIGRATE_USECASES_TRACKED_H
#define ESMIGRATE_USECASES_TRACKED_H

#include "usecases/context.h"

/*
 * Looks at the trackers that the instance's changed.sql names: records since `since` that were
 * pruned, triggers that are gone, or triggers that are younger than what fills the index, are
 * ERR_FAILED. Exact when asked in the snapshot that the ids are then read in. With `since` NULL, a
 * full update, there is nothing to ask.
 */
int tracked_check(struct context *context, const struct instance *instance,
                  const struct source *source, const char *since, struct error *err);

#endif
