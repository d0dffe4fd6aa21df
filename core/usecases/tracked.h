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

/*
 * The trackers that a full update sees which begins now, as PostgreSQL's text of an array: it reads
 * what was committed before they began to record; none where this role may not look. NULL where
 * there is no changed.sql. *ret_trackers is the caller's.
 */
int tracked_seen(const struct source *source, char **ret_trackers, struct error *err);

#endif
