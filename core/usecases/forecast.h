/*
 * What an update is going to take: how many documents there will be, whether an index finds those
 * that changed, and whether updates will ever catch up with the source.
 */
#ifndef ESMIGRATE_USECASES_FORECAST_H
#define ESMIGRATE_USECASES_FORECAST_H

#include "domain/full_load.h"
#include "domain/horizon.h"
#include "domain/survey.h"
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

/* ---- whether updates will ever catch up with the source ---- */

/*
 * Looks at it while a full update reads, after its first ten seconds and then each time that it has
 * taken twice as long, and once more at its end: warns, once, when documents change about as fast
 * as it writes them. What cannot be found out is left out.
 */
struct catch_up {
    struct forecast forecast;
    struct change_watch watch;
    struct ticker ticker; /* of the meter, aside of it */
    const char *since;    /* NULL: the source does not tell what changed */
    int64_t began, next;  /* monotonic ms */
    double rate;          /* documents a second that were written when it was asked */
    bool warned;
};

/* Before the source's session reads; `options` is where it was opened. All is borrowed until
 * catch_up_release(), `catch_up` itself by the meter. */
void catch_up_begin(struct catch_up *catch_up, const struct forecast *forecast,
                    const struct source_options *options, const struct horizon *horizon);
/* After a full update has read everything, outside of its snapshot. */
void catch_up_end(struct catch_up *catch_up);
void catch_up_release(struct catch_up *catch_up);

#endif
