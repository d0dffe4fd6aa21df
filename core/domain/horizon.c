#include "domain/horizon.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/uptime.h"
#include "domain/grace.h"
#include "sql.h"

const char horizon_default_overlap[] = "5 seconds";

/* What H is found from; -v says it. */
static const char by_statistics[] = "statistics", by_grace[] = "grace period",
                  by_standby[] = "standby", by_overlap[] = "overlap only";

struct search {
    struct source *source;
    struct history *history;
    const char *overlap; /* never NULL */
    const struct log *log;
    const struct pg_rows *rows; /* of horizon.sql */
};

void horizon_release(struct horizon *horizon)
{
    free(horizon->moment);
    free(horizon->taken_at);
    free(horizon->boot);
    *horizon = (struct horizon){};
}

static int refuse(const char *why, const char *remedy, struct error *err)
{
    error_set(err, ERR_FAILED, "source database: %s, so a late commit could be missed", why);
    return error_hint(err,
                      "%s \"overlap\" in master.json to the longest time between a row's "
                      "change and its commit, for example \"10 minutes\".",
                      remedy);
}

int horizon_check(const struct pg_rows *rows, struct error *err)
{
    if (pg_bool(rows, 0, "standby"))
        return refuse("it is a standby, which does not show the primary's transactions", "Set",
                      err);
    if (pg_bool(rows, 0, "subscriber"))
        return refuse("it has an enabled subscription, whose changes carry the publisher's times",
                      "Set", err);
    if (!pg_bool(rows, 0, "tracked"))
        return refuse("track_activities is off", "Switch it on, or set", err);
    if (pg_bool(rows, 0, "sees_all") && pg_text(rows, 0, "hidden_pid")) {
        _cleanup_free_ char *why =
            x_printf("track_activities is off in the session with pid %s, which does not show "
                     "when it began",
                     pg_text(rows, 0, "hidden_pid"));
        return refuse(why, "Switch it on for every role and database, or set", err);
    }
    return 0;
}

/* ---- statistics ---- */

/* H without regard to prepared transactions, and what holds it back. */
static void say_what_holds(const struct search *search, const char *h)
{
    const struct pg_rows *rows = search->rows;
    bool tracked = pg_bool(rows, 0, "tracked");
    bool complete = tracked && !pg_bool(rows, 0, "subscriber") && !pg_text(rows, 0, "hidden_pid");
    const char *way = complete ? by_statistics : by_overlap;
    const char *pid = pg_text(rows, 0, "oldest_pid");
    _cleanup_free_ char *moment = time_rfc3339(h);
    _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "oldest_since"));
    if (pid)
        log_say(search->log, pg_bool(rows, 0, "held_back") ? LOG_WARNING : LOG_DETAIL,
                "horizon %s (%s): the oldest transaction of the source runs since %s (pid %s, %s)",
                moment, way, since, pid, pg_text(rows, 0, "oldest_application"));
    else
        log_say(search->log, LOG_DETAIL, "horizon %s (%s): %s", moment, way,
                tracked ? "no other transaction runs in the source" : "track_activities is off");
}

/* ---- the grace period ---- */

/* The newest horizon that any run has found in this source, and found `before` if that is given:
 * it holds for every later snapshot too. */
static int find_recorded(const struct search *search, const char *before, const char *limit,
                         char **ret_h, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(search->history, sql_history_horizon_before,
                      PG_VALUES(search->source->system_identifier, search->source->database_oid,
                                before, search->overlap, limit),
                      &rows, err) < 0)
        return -1;
    *ret_h = x_strdup(pg_text(rows, 0, "h"));
    return 0;
}

static void say_grace(const struct search *search, const struct grace *grace, const char *h)
{
    _cleanup_free_ char *moment = time_rfc3339(h), *of = time_rfc3339(grace->moment);
    if (!grace->waits_for) {
        log_say(search->log, LOG_DETAIL,
                "horizon %s (%s): no transaction of the source that ran at %s still runs", moment,
                by_grace, of);
        return;
    }
    log_say(search->log, LOG_DETAIL, "horizon %s (%s)", moment ? moment : "unknown", by_grace);
    if (grace->through && !grace->held_back)
        log_say(search->log, LOG_DETAIL, "the next one waits for %s", grace->waits_for);
    else
        log_say(search->log, grace->held_back ? LOG_WARNING : LOG_NOTICE,
                "changed_through %s%s until %s, whose times this role does not see, %s idle for a "
                "moment%s",
                moment ? "cannot pass " : "stays where it is", moment ? moment : "",
                grace->waits_for, grace->several ? "have all been" : "has been",
                grace->held_back ? "; with pg_read_all_stats the role sees them" : "");
}

/* *ret_found: it was found now, and is new. *ret_h stays NULL when none is known. */
static int find_by_grace(const struct search *search, char **ret_h, bool *ret_found,
                         struct error *err)
{
    _cleanup_(grace_release) struct grace grace = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (grace_find(search->source, search->history, &grace, err) < 0)
        return -1;
    if (grace.through) {
        if (history_query(search->history, sql_history_time_less,
                          PG_VALUES(grace.moment, search->overlap), &rows, err) < 0)
            return -1;
        *ret_h = x_strdup(pg_text(rows, 0, "moment"));
    } else if (find_recorded(search, NULL, NULL, ret_h, err) < 0) {
        return -1;
    }
    *ret_found = grace.through;
    say_grace(search, &grace, *ret_h);
    return 0;
}

/* ---- what limits every way ---- */

/* *ret_moment is h, or less while a prepared transaction is open; NULL: there is none to be had. */
static int limit_by_prepared(const struct search *search, const struct pg_rows *prepared,
                             const char *h, char **ret_moment, struct error *err)
{
    const char *since = pg_text(prepared, 0, "since");
    if (!since || !h) {
        *ret_moment = x_strdup(h);
        return 0;
    }
    if (find_recorded(search, since, h, ret_moment, err) < 0)
        return -1;
    _cleanup_free_ char *since_text = time_rfc3339(since);
    log_say(search->log, LOG_WARNING,
            "a transaction prepared at %s is still open in the source: changed_through %s",
            since_text, *ret_moment ? "cannot pass it" : "stays where it is");
    return 0;
}

static int find_on_primary(const struct search *search, struct horizon *ret_horizon,
                           struct error *err)
{
    const struct source *source = search->source;
    _cleanup_(pg_rows_freep) struct pg_rows *prepared = NULL;
    _cleanup_free_ char *h = NULL;
    bool found = true;
    if (history_query(
            search->history, sql_history_horizon_forget,
            PG_VALUES(source->system_identifier, source->database_oid, ret_horizon->taken_at), NULL,
            err) < 0)
        return -1;
    if (pg_bool(search->rows, 0, "sees_all")) {
        h = x_strdup(pg_text(search->rows, 0, "h"));
        say_what_holds(search, h);
    } else if (find_by_grace(search, &h, &found, err) < 0) {
        return -1;
    }
    if (pg_query(source->pg, sql_source_prepared, PG_NO_VALUES, &prepared, err) < 0 ||
        limit_by_prepared(search, prepared, h, &ret_horizon->moment, err) < 0)
        return -1;
    if (!found)
        return 0;
    return history_query(search->history, sql_history_horizon_insert,
                         PG_VALUES(source->system_identifier, source->database_oid,
                                   pg_text(prepared, 0, "read_at"), h, search->overlap),
                         NULL, err);
}

/* What the primary stamped before the last commit that was replayed here, less the overlap, is
 * here; now() of a standby says nothing. */
static void find_on_standby(const struct search *search, struct horizon *ret_horizon)
{
    const struct pg_rows *rows = search->rows;
    ret_horizon->moment = x_strdup(pg_text(rows, 0, "replayed"));
    if (!ret_horizon->moment) {
        log_say(search->log, LOG_WARNING,
                "the standby has replayed nothing yet: changed_through stays where it is");
        return;
    }
    _cleanup_free_ char *moment = time_rfc3339(ret_horizon->moment);
    _cleanup_free_ char *replayed = time_rfc3339(pg_text(rows, 0, "replayed_to"));
    log_say(search->log, pg_bool(rows, 0, "replay_behind") ? LOG_WARNING : LOG_DETAIL,
            "horizon %s (%s): the newest transaction that it has replayed was committed at %s",
            moment, by_standby, replayed);
}

int horizon_find(struct source *source, struct history *history, const char *overlap,
                 const struct log *log, struct horizon *ret_horizon, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(horizon_release) struct horizon horizon = {};
    struct search search = {
        .source = source,
        .history = history,
        .overlap = overlap ? overlap : horizon_default_overlap,
        .log = log,
    };
    horizon.uptime_before_us = uptime_us();
    if (pg_query(source->pg, sql_source_horizon, PG_VALUES(search.overlap), &rows, err) < 0 ||
        (!overlap && horizon_check(rows, err) < 0))
        return -1;
    horizon.uptime_after_us = uptime_us();
    search.rows = rows;
    if (pg_bool(rows, 0, "standby")) {
        find_on_standby(&search, &horizon);
    } else {
        horizon.taken_at = x_strdup(pg_text(rows, 0, "taken_at"));
        horizon.boot = uptime_boot();
        if (find_on_primary(&search, &horizon, err) < 0)
            return -1;
    }
    *ret_horizon = TAKE(horizon);
    return 0;
}
