/*
 * The way of an instance to being the active one: es_activate and es_rollback, which differ in
 * which one they choose. The run that does it holds the locks of the master and of the instance.
 *
 *     what an earlier run has left stopped is resumed
 *     -> its index is ours and filled, the alias is where the history says
 *     -> what changed since the last update -> settings and replicas (rule R11) -> it is verified
 *     -> stop_indexing -> what changed since -> the switch -> the history -> resume_indexing
 */
#ifndef ESMIGRATE_USECASES_ACTIVATION_H
#define ESMIGRATE_USECASES_ACTIVATION_H

#include "usecases/hooks.h"
#include "usecases/switch.h"

struct activation_request {
    bool force;       /* also an instance that never completed a full update */
    bool no_update;   /* it is not updated before */
    bool no_verify;   /* nor compared with its source, declaration and history */
    bool no_warm_up;  /* with no_verify: nor is it asked the application's queries */
    bool allow_stale; /* an update that fails is warned of, no more */
    int64_t allowed_rejected;
    struct hook_request hooks;
    enum switch_part part;
    bool replace_index; /* see struct alias_switch */
    bool take_alias;    /* the same */
    bool rehearse;      /* on an alias of its own, which nobody reads */
};

/* Puts into run->outcome.result and *item: activated, already_active, writes_switched or rehearsed.
 * `planned` is the instance as it was before the locks were held. */
int activation_in_run(struct run *run, const struct activation_request *request,
                      const struct instance *planned, struct report_item *item, struct error *err);

#endif
