/* es_init: makes or upgrades the history. */
#ifndef ESMIGRATE_USECASES_INIT_H
#define ESMIGRATE_USECASES_INIT_H

#include "domain/schema.h"
#include "usecases/context.h"
#include "usecases/report.h"

/*
 * With dry_run only looks. With `adopt` in a copy of the database, *taken_over gets an item for
 * each live index that this history takes, or would take, from the original.
 */
int init_history(struct context *context, bool adopt, struct schema_upgrade *ret_upgrade,
                 struct report *taken_over, struct error *err);

#endif
