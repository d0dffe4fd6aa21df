/* es_activate: points a master's alias at an instance, in one atomic call (rule R7). */
#ifndef ESMIGRATE_USECASES_ACTIVATE_H
#define ESMIGRATE_USECASES_ACTIVATE_H

#include "usecases/activation.h"
#include "usecases/report.h"
#include "usecases/targets.h"

struct activate_request {
    struct targets targets; /* without a number: the newest instance */
    struct activation_request activation;
};

/* Chooses one instance of a master. */
typedef int activate_choose(struct context *context, const struct target *target,
                            struct choice *choice, struct error *err);

/* The frame of `action`, the command without es_: each master's choice, under a parent row if there
 * are several, until one fails. */
int activate_chosen(struct context *context, const char *action,
                    const struct activate_request *request, activate_choose *choose,
                    struct report *report, struct error *err);

/* Items: as activation_in_run() has them. */
int activate_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err);

#endif
