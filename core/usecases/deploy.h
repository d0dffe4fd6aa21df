/* es_deploy: create if the declaration changed, update, activate; the same again does nothing. */
#ifndef ESMIGRATE_USECASES_DEPLOY_H
#define ESMIGRATE_USECASES_DEPLOY_H

#include "usecases/activate.h"
#include "usecases/update.h"

struct deploy_request {
    struct targets targets;       /* masters */
    bool all;                     /* every declaration instead */
    bool warm;                    /* everything but the switch */
    struct update_request update; /* how documents are sent; its targets are not used */
    struct activation_request activation;
};

/* Items: what each step reports, in order. With dry_run what es_create would do, and es_activate
 * with an instance that is there. */
int deploy_masters(struct context *context, const struct deploy_request *request,
                   struct report *report, struct error *err);

#endif
