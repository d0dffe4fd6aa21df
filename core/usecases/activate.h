/* es_activate: points a master's alias at an instance, in one atomic call (rule R7). */
#ifndef ESMIGRATE_USECASES_ACTIVATE_H
#define ESMIGRATE_USECASES_ACTIVATE_H

#include "usecases/report.h"
#include "usecases/targets.h"

struct activate_request {
    struct targets targets; /* without a number: the newest instance */
    bool force;             /* also one that never completed a full update */
};

/* Items: activated or already_active. */
int activate_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err);

#endif
