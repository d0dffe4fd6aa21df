/*
 * The settings that the first full update takes off an index that nobody searches yet: no refresh
 * and no replicas while it is filled (rule R11). What they were is in the history before they are
 * changed; whichever run brings the full update to its end, or activates the instance, restores
 * them.
 */
#ifndef ESMIGRATE_USECASES_BULK_SETTINGS_H
#define ESMIGRATE_USECASES_BULK_SETTINGS_H

#include "usecases/context.h"

/* For an instance that was never filled and is not active; nothing otherwise. */
int bulk_settings_begin(struct context *context, const struct instance *instance,
                        const char *action_id, struct error *err);

/* Restores them in the engine and waits for the replicas, then in the history; nothing when there
 * is nothing to restore. Asks the history itself whether there is. */
int bulk_settings_end(struct context *context, const struct instance *instance,
                      const char *action_id, struct error *err);

#endif
