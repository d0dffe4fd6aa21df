/*
 * Indexes of the engine that no live instance has, and instances whose index is not there.
 *
 * An orphan is an index that an action of this history made (mappings._meta.esmigrate), that bears
 * the name such an instance has (prefix + master + "-N"), and that no live instance bears. One that
 * esmigrate made for a history which is not this one is never dropped: two prefixes may begin
 * alike, and a history may be a copy of another.
 */
#ifndef ESMIGRATE_USECASES_ORPHANS_H
#define ESMIGRATE_USECASES_ORPHANS_H

#include "usecases/context.h"
#include "usecases/report.h"

/*
 * Items: each orphan (result "orphan"; "orphan_in_use" if an alias points to it), each index of
 * another history ("other_history"), each with the prefix that nothing says esmigrate made, or that
 * is a copy of what it made ("foreign"), each instance without its index ("missing";
 * "missing_in_use" if it is active, kept for a rollback, or another index bears its name). Changes
 * nothing.
 */
int orphans_find(struct context *context, struct report *report, struct error *err);

/*
 * Drops one; "dropped". It is looked at again under the lock of its master, and left with
 * ERR_FAILED if it is no orphan any more, or if an alias points to it.
 */
int orphans_drop(struct context *context, const char *index_name, struct report *report,
                 struct error *err);

/* Ends an instance without its index, as es_drop does: what is active or kept is ERR_FAILED. */
int orphans_drop_row(struct context *context, const char *master, int number, struct report *report,
                     struct error *err);

#endif
