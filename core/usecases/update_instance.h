/* One update of one instance, from its lock to its mark. */
#ifndef ESMIGRATE_USECASES_UPDATE_INSTANCE_H
#define ESMIGRATE_USECASES_UPDATE_INSTANCE_H

#include "usecases/update.h"

/*
 * Takes the instance's lock, brings its documents up to date, and closes the action's row with what
 * came of it; adds an item to the report. `parent` is the id of the action this is a part of, or
 * NULL. Of the request only full and since matter here.
 */
int update_instance(struct context *context, const struct update_request *request,
                    const struct master *master, const struct instance *instance,
                    const char *parent, struct report *report, struct error *err);

#endif
