/* es_create --in-place: gives the newest instance what its declaration adds. */
#ifndef ESMIGRATE_USECASES_IN_PLACE_H
#define ESMIGRATE_USECASES_IN_PLACE_H

#include "usecases/report.h"
#include "usecases/targets.h"

/*
 * Of one master, whose history is open. The item: altered_in_place, or unchanged when the newest
 * instance has the declaration; with dry_run what would be. ERR_FAILED names the first change that
 * needs a new instance; nothing is changed then. parent: the id of the action that stands for
 * several, or NULL.
 */
int in_place_master(struct context *context, const char *name, const char *parent,
                    struct report *report, struct error *err);

#endif
