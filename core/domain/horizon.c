#include "domain/horizon.h"

#include <stdlib.h>

#include "base/memory.h"
#include "sql.h"

static const char default_overlap[] = "5 seconds";

void horizon_release(struct horizon *horizon)
{
    free(horizon->moment);
    free(horizon->taken_at);
    *horizon = (struct horizon){};
}

static int refuse(const char *why, const char *besides, struct error *err)
{
    error_set(err, ERR_FAILED, "source database: %s, so a late commit could be missed", why);
    return error_hint(err,
                      "%sset \"overlap\" in master.json to the longest time between a row's "
                      "change and its commit, for example \"10 minutes\".",
                      besides);
}

/* What pg_stat_activity cannot show; an explicit overlap is the user's answer to all of it. */
static int check_visibility(const struct pg_rows *rows, struct error *err)
{
    if (pg_bool(rows, 0, "standby"))
        return refuse("it is a standby, which does not show the primary's transactions", "", err);
    if (pg_bool(rows, 0, "subscriber"))
        return refuse("it has an enabled subscription, whose changes carry the publisher's times",
                      "", err);
    if (!pg_bool(rows, 0, "tracked"))
        return refuse("track_activities is off", "Switch it on, or ", err);
    if (pg_int(rows, 0, "hidden_sessions"))
        return refuse("this role cannot see when all other sessions began",
                      "GRANT pg_read_all_stats to it (and see that track_activities is on for "
                      "every role), or ",
                      err);
    return 0;
}

/* The limit that prepared transactions set: *ret_moment stays NULL when there is none to be had. */
static int limit_by_prepared(struct source *source, struct history *history, const char *h,
                             const struct log *log, char **ret_moment, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *prepared = NULL, *before = NULL;
    if (pg_query(source->pg, sql_source_prepared, PG_NO_VALUES, &prepared, err) < 0)
        return -1;
    const char *since = pg_text(prepared, 0, "since");
    if (!since) {
        *ret_moment = x_strdup(h);
        return 0;
    }
    if (history_query(history, sql_history_horizon_before,
                      PG_VALUES(source->system_identifier, source->database_oid, since), &before,
                      err) < 0)
        return -1;
    *ret_moment = x_strdup(pg_text(before, 0, "h"));
    _cleanup_free_ char *since_text = time_rfc3339(since);
    log_say(log, LOG_WARNING,
            "a transaction prepared at %s is still open in the source: changed_through %s",
            since_text, *ret_moment ? "cannot pass it" : "stays where it is");
    return 0;
}

static void say_what_holds(const struct pg_rows *rows, const char *h, const struct log *log)
{
    _cleanup_free_ char *moment = time_rfc3339(h);
    const char *pid = pg_text(rows, 0, "oldest_pid");
    if (!pid) {
        log_say(log, LOG_DETAIL, "horizon %s: no other transaction runs in the source", moment);
        return;
    }
    _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "oldest_since"));
    log_say(log, pg_bool(rows, 0, "held_back") ? LOG_WARNING : LOG_DETAIL,
            "horizon %s: the oldest transaction of the source runs since %s (pid %s, %s)", moment,
            since, pid, pg_text(rows, 0, "oldest_application"));
}

int horizon_find(struct source *source, struct history *history, const char *overlap,
                 const struct log *log, struct horizon *ret_horizon, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    *ret_horizon = (struct horizon){};
    if (pg_query(source->pg, sql_source_horizon, PG_VALUES(overlap ? overlap : default_overlap),
                 &rows, err) < 0)
        return -1;
    const char *h = pg_text(rows, 0, "h");
    if (!overlap && check_visibility(rows, err) < 0)
        return -1;
    if (pg_bool(rows, 0, "standby")) {
        ret_horizon->moment = x_strdup(pg_text(rows, 0, "replayed"));
        if (!ret_horizon->moment)
            log_say(log, LOG_WARNING,
                    "the standby has replayed nothing yet: changed_through stays where it is");
        return 0;
    }
    ret_horizon->taken_at = x_strdup(pg_text(rows, 0, "taken_at"));
    say_what_holds(rows, h, log);
    if (limit_by_prepared(source, history, h, log, &ret_horizon->moment, err) < 0)
        return -1;
    return history_query(
        history, sql_history_horizon_insert,
        PG_VALUES(source->system_identifier, source->database_oid, pg_text(rows, 0, "taken_at"), h),
        NULL, err);
}
