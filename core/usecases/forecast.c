#include "usecases/forecast.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/amount.h"
#include "base/memory.h"
#include "base/retry.h"
#include "sql.h"

enum {
    MANY_DOCUMENTS = 100000, /* of fewer nobody needs to be told before */
    SHORTEST_S = 10,         /* in less time too little changes to tell how fast */
};

/* ---- a full update ---- */

static int rate_before(const struct forecast *forecast, double *ret_rate, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct pg_number master = pg_number(forecast->instance->master_id);
    if (history_query(forecast->context->history, sql_history_full_load_rate,
                      PG_VALUES(master.text), &rows, err) < 0)
        return -1;
    *ret_rate = pg_rows_count(rows) ? strtod(pg_text(rows, 0, "docs_per_second"), NULL) : 0;
    return 0;
}

static int say_what_it_takes(const struct forecast *forecast, int64_t documents, struct error *err)
{
    const struct log *log = forecast->context->log;
    const char *name = forecast->instance->index_name;
    double rate;
    if (!forecast->count && documents < MANY_DOCUMENTS)
        return 0;
    if (rate_before(forecast, &rate, err) < 0)
        return -1;
    const char *about = forecast->count ? "" : "about ";
    _cleanup_free_ char *count = amount_count(documents);
    if (rate < 1) {
        log_say(log, LOG_NOTICE, "%s: %s%s documents to read", name, about, count);
        return 0;
    }
    _cleanup_free_ char *per_second = amount_count((int64_t)rate);
    _cleanup_free_ char *time = amount_duration((int64_t)((double)documents / rate) + 1);
    log_say(log, LOG_NOTICE,
            "%s: %s%s documents to read; at %s a second, as in the last full update of %s, that "
            "takes %s",
            name, about, count, per_second, forecast->instance->master, time);
    return 0;
}

int forecast_full(const struct forecast *forecast, const struct full_load *full, struct error *err)
{
    int64_t total;
    if (forecast->count) {
        if (source_count(forecast->source, &total, err) < 0)
            return -1;
    } else {
        struct source_estimate all;
        if (source_estimate_range(forecast->source, NULL, NULL, &all, err) < 0)
            return -1;
        total = (int64_t)all.documents;
    }
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(forecast->context->history, sql_history_load_done,
                      PG_VALUES(pg_number(full->id).text), &rows, err) < 0)
        return -1;
    int64_t done = pg_int(rows, 0, "documents"), left = total > done ? total - done : 0;
    meter_expect(forecast->meter, total, !forecast->count, done);
    return say_what_it_takes(forecast, left, err);
}

/* ---- what changed ---- */

/* An index that is there, and not used, is one the planner knows too little for. */
static void warn_of_plan(const struct forecast *forecast, const struct change_plan *plan)
{
    _cleanup_free_ char *cost = amount_count((int64_t)plan->cost);
    _cleanup_free_ char *hint =
        plan->column
            ? x_printf("CREATE INDEX CONCURRENTLY ON %s (%s); or, if there is such an index: "
                       "ANALYZE %s",
                       plan->table, plan->column, plan->table)
            : x_printf("An index serves a plain column as _changed_at: not an expression, not one "
                       "behind LIMIT or an aggregate. Or name the ids in changed.sql.");
    log_say(forecast->context->log, LOG_WARNING,
            "%s: no index finds what changed, each update reads all: %s, cost %s\nHINT: %s",
            forecast->instance->index_name, plan->step, cost, hint);
}

int forecast_changed(const struct forecast *forecast, const char *since, struct error *err)
{
    _cleanup_(change_plan_release) struct change_plan plan = {};
    bool by_ids = forecast->source->changed != NULL; /* which come with their number */
    int64_t total;
    if (forecast->context->settings.verbose) {
        if (source_plan_changed(forecast->source, since, &plan, err) < 0)
            return -1;
        if (change_plan_is_dear(&plan))
            warn_of_plan(forecast, &plan);
        meter_expect(forecast->meter, (int64_t)plan.documents, true, 0);
    }
    if (!forecast->count || by_ids)
        return 0;
    if (source_count_changed(forecast->source, since, INT64_MAX, &total, err) < 0)
        return -1;
    meter_expect(forecast->meter, total, false, 0);
    return 0;
}

/* ---- catching up ---- */

/* How many documents a second have changed since H; 0 if that is not known, or not worth its cost.
 */
static int change_rate(const struct forecast *forecast, const char *since, double rate,
                       double *ret_changes, struct error *err)
{
    _cleanup_(change_plan_release) struct change_plan plan = {};
    double seconds;
    int64_t changed;
    *ret_changes = 0;
    if (source_seconds_since(forecast->source, since, &seconds, err) < 0)
        return -1;
    if (seconds < SHORTEST_S)
        return 0;
    if (source_plan_changed(forecast->source, since, &plan, err) < 0)
        return -1;
    if (change_plan_is_dear(&plan))
        return 0;
    /* More than it could have written meanwhile need not be counted. */
    if (source_count_changed(forecast->source, since, (int64_t)(rate * seconds) + 1, &changed,
                             err) < 0)
        return -1;
    *ret_changes = (double)changed / seconds;
    return 0;
}

static void judge(struct catch_up *catch_up, double rate, double changes, bool at_end)
{
    const struct forecast *forecast = &catch_up->forecast;
    const struct log *log = forecast->context->log;
    const char *name = forecast->instance->index_name;
    _cleanup_free_ char *since = time_rfc3339(catch_up->since);
    _cleanup_free_ char *rates =
        x_printf("since %s documents changed in the source at %.1f a second, and this update %s "
                 "%.1f a second",
                 since, changes, at_end ? "wrote" : "writes", rate);
    if (changes < rate / 2) {
        log_say(log, LOG_DETAIL, "%s: %s", name, rates);
        return;
    }
    catch_up->warned = true;
    log_say(log, LOG_WARNING,
            "%s will %s catch up: %s\nHINT: Look at its changed_through in es_list before "
            "es_activate. Updates at a quieter hour, or documents that cost the source less, bring "
            "it nearer.",
            name, changes < rate ? "hardly" : "not", rates);
}

static void not_known(const struct catch_up *catch_up, const struct error *err)
{
    const struct forecast *forecast = &catch_up->forecast;
    log_say(forecast->context->log, LOG_DETAIL, "%s: how fast the source changes is not known: %s",
            forecast->instance->index_name, err->message);
}

/* One question at a time, at growing distances: what it costs the source is nothing to speak of. */
static void look(void *data)
{
    _cleanup_(error_release) struct error err = {};
    struct catch_up *catch_up = data;
    const struct meter *meter = catch_up->forecast.meter;
    int64_t now = clock_ms();
    bool known;
    double changes;
    if (catch_up->warned || meter->now.phase != PROGRESS_LOAD)
        return;
    if (now >= catch_up->next) {
        catch_up->next = now + (now - catch_up->began);
        catch_up->rate = meter_rate(meter);
        if (catch_up->rate > 0 && change_watch_ask(&catch_up->watch, catch_up->rate, &err) < 0)
            not_known(catch_up, &err);
        return;
    }
    if (change_watch_look(&catch_up->watch, &known, &changes, &err) < 0)
        not_known(catch_up, &err);
    else if (known && changes >= 0)
        judge(catch_up, catch_up->rate, changes, false);
}

void catch_up_begin(struct catch_up *catch_up, const struct forecast *forecast,
                    const struct source_options *options, const struct horizon *horizon)
{
    _cleanup_(error_release) struct error err = {};
    int64_t now = clock_ms();
    *catch_up = (struct catch_up){
        .forecast = *forecast,
        .ticker = {look, catch_up},
        .since = source_tells_changes(forecast->source) ? horizon->moment : NULL,
        .began = now,
        .next = now + (int64_t)SHORTEST_S * 1000,
    };
    if (!catch_up->since)
        return;
    if (change_watch_begin(&catch_up->watch, forecast->source, options, catch_up->since, &err) < 0)
        not_known(catch_up, &err);
    else
        forecast->meter->aside = &catch_up->ticker;
}

void catch_up_end(struct catch_up *catch_up)
{
    _cleanup_(error_release) struct error err = {};
    const struct forecast *forecast = &catch_up->forecast;
    double rate, changes = 0;
    catch_up_release(catch_up);
    if (catch_up->warned || !catch_up->since || (rate = meter_rate(forecast->meter)) <= 0)
        return;
    if (change_rate(forecast, catch_up->since, rate, &changes, &err) < 0)
        not_known(catch_up, &err);
    else if (changes > 0)
        judge(catch_up, rate, changes, true);
}

void catch_up_release(struct catch_up *catch_up)
{
    if (catch_up->forecast.meter)
        catch_up->forecast.meter->aside = NULL;
    change_watch_release(&catch_up->watch);
}
