#include "load/progress.h"

#include "base/retry.h"
#include "sql.h"

enum {
    WRITE_EVERY_MS = 1000,
    SILENT_MS = 3000, /* a shorter wait is nothing to speak of */
};

const char *progress_phase_name(enum progress_phase phase)
{
    static const char *const names[] = {
        [PROGRESS_PREPARE] = "prepare", [PROGRESS_LOAD] = "load",       [PROGRESS_SWEEP] = "sweep",
        [PROGRESS_REFRESH] = "refresh", [PROGRESS_RESTORE] = "restore", [PROGRESS_MERGE] = "merge",
        [PROGRESS_VERIFY] = "verify",
    };
    return names[phase];
}

/* ---- what is known ---- */

static int64_t settled(const struct sender_totals *totals)
{
    return totals->indexed + totals->deleted + totals->rejected + totals->superseded;
}

static enum progress_wait waits_for(const struct meter *meter)
{
    if (meter->now.in_flight)
        return WAITS_FOR_ANSWER;
    if (meter->sender && sender_held(meter->sender))
        return WAITS_FOR_RETRY;
    return meter->now.phase == PROGRESS_LOAD ? WAITS_FOR_SOURCE : WAITS_FOR_NOTHING;
}

/* What is waited for has come, or it is something else by now: the wait begins anew. */
static void look_at_waits(struct meter *meter, const struct sender_totals *totals, int64_t now)
{
    enum progress_wait wait = waits_for(meter);
    int64_t answered = settled(totals) + totals->retries;
    bool came = wait == WAITS_FOR_SOURCE ? totals->sent != meter->seen_sent
                                         : answered != meter->seen_settled;
    meter->seen_sent = totals->sent;
    meter->seen_settled = answered;
    if (came || wait != meter->now.waits_for)
        meter->waits_since = now;
    int64_t waited = now - meter->waits_since;
    meter->now.waits_for = wait;
    meter->now.waits_s = waited < SILENT_MS ? 0 : waited / 1000;
}

static double rate_at(const struct meter *meter, int64_t now)
{
    bool loads = meter->now.phase == PROGRESS_LOAD;
    double seconds = (double)(loads ? now - meter->phase_began : meter->load_ms) / 1000;
    return seconds > 0 ? (double)(meter->now.done - meter->began_with) / seconds : 0;
}

/* Where others work at it too, it comes nearer by what they do. */
static int64_t time_left(const struct meter *meter, int64_t now)
{
    const struct progress *progress = &meter->now;
    bool is_shared = meter->before > meter->began_with;
    double rate = is_shared ? rate_at(meter, now) : progress->documents_per_second;
    if (progress->total < 0 || rate <= 0)
        return -1;
    double left = (double)(progress->total - progress->done) / rate;
    return left < 1e9 ? (int64_t)(left + 0.5) : -1;
}

void meter_look(struct meter *meter, int64_t now)
{
    static const struct sender_totals none;
    const struct sender_totals *totals = meter->sender ? sender_totals(meter->sender) : &none;
    struct progress *progress = &meter->now;
    progress->in_flight = meter->sender ? sender_in_flight(meter->sender) : 0;
    progress->limit = meter->sender ? sender_limit(meter->sender) : 0;
    if (progress->phase <= PROGRESS_LOAD)
        progress->done = meter->before + settled(totals);
    progress->retries = totals->retries;
    progress->rejected = totals->rejected;
    progress->bytes_sent = totals->bytes;
    progress->phase_s = (now - meter->phase_began) / 1000;
    if (progress->phase == PROGRESS_LOAD && progress->done > progress->total)
        progress->total = -1; /* fewer were expected */
    int64_t count = progress->phase == PROGRESS_VERIFY ? progress->done : settled(totals);
    window_add(&meter->window, now, count, totals->bytes);
    window_rates(&meter->window, &progress->documents_per_second, &progress->bytes_per_second);
    progress->eta_s = progress->phase == PROGRESS_LOAD ? time_left(meter, now) : -1;
    look_at_waits(meter, totals, now);
}

/* ---- who is told ---- */

/* A write that fails is no reason to stop: the next one that matters will meet the same. */
static void write_down(struct meter *meter)
{
    _cleanup_(error_release) struct error err = {};
    const struct progress *now = &meter->now;
    struct pg_number eta = pg_number(now->eta_s), total = pg_number(now->total);
    if (history_query(meter->history, sql_history_progress_write,
                      PG_VALUES(meter->action_id, progress_phase_name(now->phase),
                                pg_number(now->done).text, now->total < 0 ? NULL : total.text,
                                now->total < 0     ? NULL
                                : now->is_estimate ? "true"
                                                   : "false",
                                pg_number((int64_t)now->documents_per_second).text,
                                pg_number((int64_t)now->bytes_per_second).text,
                                pg_number(now->bytes_sent).text,
                                pg_number((int64_t)now->in_flight).text,
                                pg_number((int64_t)now->limit).text, pg_number(now->retries).text,
                                pg_number(now->rejected).text, now->eta_s < 0 ? NULL : eta.text),
                      NULL, &err) < 0)
        meter->writes = false;
}

/* One that was replaced, or lost the history, finds that out at its next write. */
static void renew_lease(const struct meter *meter)
{
    _cleanup_(error_release) struct error ignored = {};
    if (meter->worker)
        load_worker_renew(meter->worker, &ignored);
}

static void tick(void *data)
{
    struct meter *meter = data;
    int64_t now = clock_ms();
    if (!meter->engine || now - meter->shown_at < TICK_MS)
        return;
    meter->shown_at = now;
    renew_lease(meter);
    meter_look(meter, now);
    if (meter->watch)
        meter->watch->show(meter->watch->data, &meter->now);
    ticker_call(meter->aside);
    if (!meter->writes || now - meter->written_at < WRITE_EVERY_MS)
        return;
    meter->written_at = now;
    write_down(meter);
}

void meter_begin(struct meter *meter, const struct progress_watch *watch, struct history *history,
                 struct engine *engine, const char *action_id, const char *index_name)
{
    int64_t now = clock_ms();
    *meter = (struct meter){
        .now = {.index_name = index_name, .total = -1, .eta_s = -1},
        .watch = watch,
        .history = history,
        .action_id = action_id,
        .engine = engine,
        .ticker = {tick, meter},
        .phase_began = now,
        .shown_at = now,
        .written_at = now,
        .waits_since = now,
        .writes = true,
    };
    http_set_ticker(engine->http, &meter->ticker);
}

void meter_end(struct meter *meter)
{
    if (!meter->engine)
        return;
    http_set_ticker(meter->engine->http, NULL);
    meter->engine = NULL;
    if (meter->watch)
        meter->watch->show(meter->watch->data, NULL);
}

void meter_phase(struct meter *meter, enum progress_phase phase)
{
    int64_t now = clock_ms();
    if (meter->now.phase == PROGRESS_LOAD && phase != PROGRESS_LOAD) {
        /* All that there are; what is deleted later is none of them. */
        meter_look(meter, now);
        meter->now.total = meter->now.done;
        meter->now.is_estimate = false;
        meter->load_ms = now - meter->phase_began;
    }
    if (phase == PROGRESS_LOAD) {
        meter->window = (struct window){};
        window_add(&meter->window, now, 0, 0);
    }
    meter->now.phase = phase;
    meter->phase_began = meter->waits_since = now;
}

void meter_verify(struct meter *meter, const char *part)
{
    meter_phase(meter, PROGRESS_VERIFY);
    meter->window = (struct window){};
    window_add(&meter->window, meter->phase_began, 0, 0);
    meter->now.part = part;
    meter->now.done = 0;
}

double meter_rate(const struct meter *meter)
{
    return rate_at(meter, clock_ms());
}

void meter_expect(struct meter *meter, int64_t total, bool is_estimate, int64_t before)
{
    if (!meter)
        return;
    meter->now.total = total;
    meter->now.is_estimate = is_estimate;
    meter->before = meter->began_with = before;
}

void meter_others(struct meter *meter, int64_t documents)
{
    if (meter && documents > meter->before)
        meter->before = documents;
}
