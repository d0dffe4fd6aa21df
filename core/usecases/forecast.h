/*
 * What an update is going to take: how many documents there will be, whether an index finds those
 * that changed, and whether updates will ever catch up with the source.
 */
#ifndef ESMIGRATE_USECASES_FORECAST_H
#define ESMIGRATE_USECASES_FORECAST_H

#include "domain/full_load.h"
#include "domain/horizon.h"
#include "load/progress.h"
#include "usecases/context.h"

struct forecast {
    struct context *context;
    const struct instance *instance;
    struct source *source;
    struct meter *meter;
    bool count; /* exactly, not by the planner's estimate */
};

/* In the snapshot of a full update, before it reads: what there is to do, and by the last one how
 * long that takes. */
int forecast_full(const struct forecast *forecast, const struct full_load *full, struct error *err);

/* In the snapshot of an update of what changed, before it reads. The plan costs a question, and is
 * looked at with -v only. */
int forecast_changed(const struct forecast *forecast, const char *since, struct error *err);

/* After a full update has read everything, outside of its snapshot: warns when documents change
 * about as fast as it wrote them. What cannot be found out is left out. */
void forecast_catch_up(const struct forecast *forecast, const struct horizon *horizon);

#endif
