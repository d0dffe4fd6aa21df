/* One update of one instance, from the fence to the mark. */
#ifndef ESMIGRATE_USECASES_UPDATE_INSTANCE_H
#define ESMIGRATE_USECASES_UPDATE_INSTANCE_H

#include "usecases/update.h"

/* An instance_work: brings the documents of the instance up to date. Of the request only full,
 * restart, since and the limits matter here. */
int update_instance(struct run *run, const struct update_request *request,
                    const struct master *master, const struct instance *instance,
                    struct report_item *item, struct error *err);

#endif
