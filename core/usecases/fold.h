/* es_prune --history-older-than: rows of updates that changed nothing. */
#ifndef ESMIGRATE_USECASES_FOLD_H
#define ESMIGRATE_USECASES_FOLD_H

#include "usecases/context.h"
#include "usecases/report.h"

/*
 * Of the updates that changed nothing, and began on a day (UTC) that ended so long ago, leaves the
 * last of each kind and day, with the number of the others. Kinds differ in instance, command
 * line, tag, version, user and host. A day is a statement of its own. One item, if there were any.
 */
int fold_history(struct context *context, const char *older_than, struct report *report,
                 struct error *err);

#endif
