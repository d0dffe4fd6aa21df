/* An update of one instance inside another action, such as a switch, that holds its lock already.
 */
#ifndef ESMIGRATE_USECASES_CATCH_UP_H
#define ESMIGRATE_USECASES_CATCH_UP_H

#include "usecases/run.h"

/*
 * `again`: it is not the first one in this run, and does not repeat what that one said.
 * Has a row of its own, whose parent is the run's. Rejected documents that are open afterwards are
 * ERR_REJECTED if they are more than `allowed`.
 */
int catch_up(struct run *run, const struct master *master, const struct instance *instance,
             int64_t allowed, bool again, struct error *err);

#endif
