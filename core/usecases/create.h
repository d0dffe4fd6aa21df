/* es_create: a new instance for a declaration that no live instance has. */
#ifndef ESMIGRATE_USECASES_CREATE_H
#define ESMIGRATE_USECASES_CREATE_H

#include "usecases/report.h"
#include "usecases/targets.h"

struct create_request {
    struct targets targets;
    bool all;         /* every declaration instead of targets */
    bool force;       /* create although an instance has the declaration */
    bool engine_only; /* make again, from the history, the indexes that are gone */
};

/* Items: created, unchanged or recreated; with dry_run what would be. */
int create_instances(struct context *context, const struct create_request *request,
                     struct report *report, struct error *err);

#endif
