/* How a full update begins, or goes on where one was cut short (rules R1 f and R5). */
#ifndef ESMIGRATE_USECASES_FULL_UPDATE_H
#define ESMIGRATE_USECASES_FULL_UPDATE_H

#include "domain/full_load.h"
#include "domain/horizon.h"
#include "usecases/context.h"

struct full_update {
    struct context *context;
    const struct instance *instance;
    const char *action_id;
    struct source *source; /* no transaction of it has begun */
    struct horizon *horizon;
    int64_t range_documents; /* how many a range is to have; 0: the default */
    bool restart;            /* begin anew, whatever there is */
};

/*
 * Before the first write. *ret_load is the caller's; when it goes on, the horizon's moment becomes
 * the one of the first start. One that was begun for another index or another source, or whose
 * source's clock is behind its start, is abandoned for a new one.
 */
int full_update_begin(const struct full_update *update, struct full_load *ret_load,
                      struct error *err);

/* The one that is running, which this process is to work at too; its moment is that of its start.
 * There is none, or it reads what this process does not: ERR_FAILED. Nothing is looked up in the
 * horizon. */
int full_update_join(const struct full_update *update, struct full_load *ret_load,
                     struct error *err);

#endif
