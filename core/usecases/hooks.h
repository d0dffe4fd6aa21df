/*
 * The commands of the user's that stop and resume indexing around a switch, so that no write of the
 * application falls between the final update and the switch.
 */
#ifndef ESMIGRATE_USECASES_HOOKS_H
#define ESMIGRATE_USECASES_HOOKS_H

#include "usecases/run.h"

/* What the command line says of them. */
struct hook_request {
    const char *stop;   /* NULL: what master.json says; "none": none */
    const char *resume; /* the same */
    int timeout_s;      /* 0: what master.json says, or 60 */
};

struct hooks {
    struct context *context;
    const char *stop; /* NULL: none; borrowed, as the next two */
    const char *resume;
    const char *master;
    int64_t timeout_s;
    bool resume_is_known; /* it is NULL because there is none */
    bool stopped;         /* the first was called */
};

/* One without the other, or none where master.json requires one, is ERR_USAGE. */
int hooks_find(struct context *context, const char *master, const struct hook_request *request,
               const struct master_options *options, struct hooks *ret_hooks, struct error *err);

/* Whether an earlier run has called the first, and nothing the second since, which is there to be
 * called: *ret_instance_id is the instance that it was to switch to, or 0. When there is no second
 * one, that is said. */
int hooks_find_left(const struct hooks *hooks, int64_t master_id, int64_t *ret_instance_id,
                    struct error *err);

/*
 * An earlier run may have called the first and not the second: it was killed, or that one failed.
 * It is called now, before this run takes its time. It may be called twice, as the first may.
 */
int hooks_resume_left(struct hooks *hooks, struct run *run, const struct instances *instances,
                      struct error *err);

/* Calls the first, if there is one; from then on hooks_resume() must be called. */
int hooks_stop(struct hooks *hooks, struct run *run, const struct instance *from,
               const struct instance *to, struct error *err);

/* Calls the second if the first was called, also after a failure and a stop. Says how long it was
 * between. */
int hooks_resume(struct hooks *hooks, struct run *run, const struct instance *from,
                 const struct instance *to, struct error *err);

#endif
