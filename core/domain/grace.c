#include "domain/grace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/stop.h"
#include "sql.h"

/*
 * When is a hidden session through with what it did at t0?
 *
 * All that shows of it is whether it is in a transaction now: its virtual transaction in pg_locks.
 * That the one of t0 has ended is not enough. now() is the arrival of the client's message, and one
 * message can hold several transactions (COMMIT; BEGIN; ... in a simple query, COMMIT AND CHAIN): a
 * second one, with another virtual transaction that begins after t0, stamps its rows with a time
 * before t0. Nor is any number of changes enough, for a message may be a script of thousands of
 * transactions. What no message does is pause: between two of its transactions there are
 * microseconds without one, while a session that waits for its client has none for as long as it
 * waits. So a session is through when several looks in a row, over a third of a second, found it
 * without a transaction. One look can hit such a gap: of a script of the smallest transactions, on
 * a machine with more to do than processors, one look in seven did, and a process that was
 * suspended there stayed in it for 20 ms. So looks are further apart than that, and many.
 *
 * A session that is never idle for that long is never through: it is named, and changed_through
 * stands still rather than pass a row. GRANT pg_read_all_stats ends that.
 *
 * A session that was idle at t0 is looked at too: t0 may have met a gap. Sessions that come later
 * stamp later. One whose times do show (the role's own) is through when it is idle or began what it
 * does after t0. VACUUM, which is alone in its message, and whoever is gone are through as well,
 * and so is everybody when the server was restarted. What was prepared shows in pg_prepared_xacts.
 */
enum {
    QUIET_LOOKS = 12,
    MOST_LOOKS = 45,
    PAUSE_MS = 30,
    NAMED = 3, /* sessions in a message */
};

static const int64_t late_us = (int64_t)15 * 60 * 1000 * 1000;

struct session {
    int64_t pid;
    char *application;
    int quiet;   /* looks in a row that found it without a transaction */
    bool older;  /* it keeps back the moment that an earlier run has noted */
    bool holds;  /* it keeps back the moment of this run */
    bool looked; /* it was there at the last look */
};

struct watch {
    struct session *sessions; /* all that were connected at the first look */
    size_t count;
    char *older; /* the moment that an earlier run waits for, or NULL */
    int64_t older_us;
    char *now; /* the moment of this run's first look */
    int64_t now_us;
    char *server_started;
};

static void watch_release(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        free(watch->sessions[i].application);
    free(watch->sessions);
    free(watch->older);
    free(watch->now);
    free(watch->server_started);
}

void grace_release(struct grace *grace)
{
    free(grace->moment);
    free(grace->waits_for);
    *grace = (struct grace){};
}

static struct session *find_session(const struct watch *watch, int64_t pid)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->sessions[i].pid == pid)
            return &watch->sessions[i];
    return NULL;
}

/* ---- looking ---- */

/* Whom this look and those before it show to be through. */
static void judge(struct watch *watch, struct session *session, const struct pg_rows *rows,
                  size_t row)
{
    bool busy = pg_bool(rows, row, "busy");
    session->looked = true;
    if (pg_bool(rows, row, "hidden")) {
        session->quiet = busy ? 0 : session->quiet + 1;
        if (session->quiet >= QUIET_LOOKS)
            session->holds = session->older = false;
        return;
    }
    int64_t since = pg_int(rows, row, "since_us");
    if (!busy || since >= watch->now_us)
        session->holds = false;
    if (!busy || since >= watch->older_us)
        session->older = false;
}

static int look(struct watch *watch, struct source *source, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, sql_source_sessions, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    size_t count = pg_rows_count(rows);
    bool first = !watch->now;
    if (first) {
        watch->now = x_strdup(pg_text(rows, 0, "looked_at"));
        watch->now_us = pg_int(rows, 0, "looked_at_us");
        watch->server_started = x_strdup(pg_text(rows, 0, "server_started"));
        watch->sessions = x_calloc(count, sizeof(*watch->sessions));
    }
    for (size_t i = 0; i < watch->count; i++)
        watch->sessions[i].looked = false;
    for (size_t i = 0; i < count; i++) {
        int64_t pid = pg_int(rows, i, "pid");
        if (first && pid)
            watch->sessions[watch->count++] = (struct session){
                .pid = pid,
                .application = x_strdup(pg_text(rows, i, "application")),
                .holds = true,
            };
        struct session *session = find_session(watch, pid);
        if (session)
            judge(watch, session, rows, i);
    }
    for (size_t i = 0; i < watch->count; i++)
        if (!watch->sessions[i].looked)
            watch->sessions[i].holds = watch->sessions[i].older = false;
    return 0;
}

/* What an earlier run waits for; a server that was restarted since has nobody left of then. */
static int read_older(struct watch *watch, struct source *source, struct history *history,
                      struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_horizon_waiting,
                      PG_VALUES(source->system_identifier, source->database_oid), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    watch->older = x_strdup(pg_text(rows, 0, "taken_at"));
    watch->older_us = pg_int(rows, 0, "taken_at_us");
    if (strcmp(pg_text(rows, 0, "server_started"), watch->server_started) != 0)
        return 0;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct session *session = find_session(watch, pg_int(rows, i, "pid"));
        if (session)
            session->older = true;
    }
    return 0;
}

static size_t holding(const struct watch *watch, bool older)
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++)
        count += older ? watch->sessions[i].older : watch->sessions[i].holds;
    return count;
}

static int look_until_through(struct watch *watch, struct source *source, struct error *err)
{
    for (int looks = 1; looks < MOST_LOOKS && holding(watch, false); looks++)
        if (stop_sleep(PAUSE_MS, err) < 0 || look(watch, source, err) < 0)
            return -1;
    return 0;
}

/* ---- what is left for the next run ---- */

static void name_them(const struct watch *watch, bool older, char **ret_names)
{
    _cleanup_(buffer_release) struct buffer names = BUFFER(BUFFER_TEXT_MAX);
    size_t named = 0, count = holding(watch, older);
    for (size_t i = 0; i < watch->count && named < NAMED; i++) {
        const struct session *session = &watch->sessions[i];
        if (older ? session->older : session->holds)
            buffer_printf(&names, "%spid %" PRId64 " (%s)", named++ ? ", " : "", session->pid,
                          session->application);
    }
    if (count > named)
        buffer_printf(&names, " and %zu more", count - named);
    *ret_names = buffer_take(&names);
}

static int note_waiting(const struct watch *watch, bool older, struct source *source,
                        struct history *history, struct error *err)
{
    _cleanup_(buffer_release) struct buffer pids = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&pids, "{");
    for (size_t i = 0; i < watch->count; i++) {
        const struct session *session = &watch->sessions[i];
        if (older ? session->older : session->holds)
            buffer_printf(&pids, "%s%" PRId64, pids.length > 1 ? "," : "", session->pid);
    }
    buffer_text(&pids, "}");
    return history_query(history, sql_history_horizon_wait,
                         PG_VALUES(source->system_identifier, source->database_oid,
                                   older ? watch->older : watch->now, watch->server_started,
                                   buffer_cstr(&pids)),
                         NULL, err);
}

/* The newest moment that is through, if one is; and what the next run has to wait for. */
static int settle(struct watch *watch, struct source *source, struct history *history,
                  struct grace *ret_grace, struct error *err)
{
    if (!holding(watch, false)) {
        *ret_grace = (struct grace){.moment = TAKE_PTR(watch->now), .through = true};
        return history_query(history, sql_history_horizon_waited,
                             PG_VALUES(source->system_identifier, source->database_oid), NULL, err);
    }
    bool older = watch->older && holding(watch, true);
    *ret_grace = (struct grace){
        .through = watch->older && !older,
        .moment = x_strdup(watch->older ? watch->older : watch->now),
        .held_back = watch->older && watch->now_us - watch->older_us > late_us,
    };
    ret_grace->several = holding(watch, older) > 1;
    name_them(watch, older, &ret_grace->waits_for);
    return note_waiting(watch, older, source, history, err);
}

int grace_find(struct source *source, struct history *history, struct grace *ret_grace,
               struct error *err)
{
    _cleanup_(watch_release) struct watch watch = {};
    *ret_grace = (struct grace){};
    /* Sessions of an earlier run's moment are a part of those that are connected now. */
    if (look(&watch, source, err) < 0 || read_older(&watch, source, history, err) < 0 ||
        look_until_through(&watch, source, err) < 0)
        return -1;
    return settle(&watch, source, history, ret_grace, err);
}
