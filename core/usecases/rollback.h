/* es_rollback: back to the instance that was active before, with what was written since. */
#ifndef ESMIGRATE_USECASES_ROLLBACK_H
#define ESMIGRATE_USECASES_ROLLBACK_H

#include "usecases/activate.h"

/* Targets without numbers. Items: as activation_in_run() has them. */
int rollback_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err);

#endif
