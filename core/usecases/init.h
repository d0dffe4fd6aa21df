/* es_init: makes or upgrades the history. */
#ifndef ESMIGRATE_USECASES_INIT_H
#define ESMIGRATE_USECASES_INIT_H

#include "domain/schema.h"
#include "usecases/context.h"

/* With dry_run only looks. */
int init_history(struct context *context, bool adopt, struct schema_upgrade *ret_upgrade,
                 struct error *err);

#endif
