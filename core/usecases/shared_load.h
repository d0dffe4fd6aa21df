/*
 * A full update as those who work at it share it: ranges of dead workers are taken over (rule R2),
 * and one of them brings it to its end.
 */
#ifndef ESMIGRATE_USECASES_SHARED_LOAD_H
#define ESMIGRATE_USECASES_SHARED_LOAD_H

#include "load/load.h"
#include "usecases/run.h"

struct shared_load {
    struct context *context;
    const struct instance *instance;
    struct run *run;   /* shares the instance's lock */
    struct load *load; /* its worker has begun */
};

/*
 * Works until no range is left, whoever had it. *ret_finishes: this process is the one to bring the
 * full update to its end, and now has the instance's lock alone; else another one does.
 */
int shared_load_work(const struct shared_load *shared, struct load_work *ret_work,
                     bool *ret_finishes, struct error *err);

/* Waits, as long as --wait-lock says, until a full update of the instance is running. That none is
 * then is no error yet. */
int shared_load_wait(struct context *context, const struct instance *instance, struct error *err);

#endif
