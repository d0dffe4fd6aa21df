/* es_deploy: create if the declaration changed, update, verify, activate; the same again does
 * nothing. What an earlier run has left stopped is resumed first, and hooks that the switch would
 * miss refuse everything. */
#ifndef ESMIGRATE_USECASES_DEPLOY_H
#define ESMIGRATE_USECASES_DEPLOY_H

#include "usecases/activate.h"
#include "usecases/plan.h"
#include "usecases/update.h"

struct deploy_request {
    struct targets targets;       /* masters */
    bool all;                     /* every declaration instead */
    bool warm;                    /* everything but the switch */
    struct update_request update; /* how documents are sent; its targets are not used */
    struct activation_request activation;
};

/* Of a dry run: why new instances would be made. */
struct deploy_plans {
    struct plan *list;
    size_t count;
    size_t capacity;
};
void deploy_plans_release(struct deploy_plans *plans);

/* Items: what each step reports, in order; that the switch verifies is no step of its own. With
 * dry_run the steps as they would be, and plans; these are the caller's, also after a failure. */
int deploy_masters(struct context *context, const struct deploy_request *request,
                   struct report *report, struct deploy_plans *ret_plans, struct error *err);

#endif
