#include "domain/lock.h"

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "sql.h"

enum { POLL_MS = 200 };

static int open_connection(struct history *history, struct error *err)
{
    if (history->locks)
        return 0;
    struct pg_options options = {
        .conninfo = history->conninfo,
        .name = "history",
        .lock_timeout_s = history->lock_timeout_s,
        .search_path = "pg_catalog",
    };
    if (pg_open(&options, &history->locks, err) < 0)
        return -1;
    return session_mark(history->locks, err);
}

int lock_number(struct history *history, const char *text, int64_t *ret_object, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_lock_hash, PG_VALUES(text), &rows, err) < 0)
        return -1;
    *ret_object = pg_int(rows, 0, "object");
    return 0;
}

static int try(struct history *history, const char *sql, enum lock_class class, int64_t object,
               bool *ret_taken, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (open_connection(history, err) < 0 ||
        pg_query(history->locks, sql, PG_VALUES(pg_number(class).text, pg_number(object).text),
                 &rows, err) < 0)
        return -1;
    *ret_taken = pg_bool(rows, 0, "locked");
    return 0;
}

int lock_try(struct history *history, enum lock_class class, int64_t object, bool *ret_taken,
             struct error *err)
{
    return try(history, sql_history_lock_try, class, object, ret_taken, err);
}

/* The command, if its row tells; else what PostgreSQL shows of the connection. */
static void say_who(const struct pg_rows *rows, struct error *err)
{
    const char *client = pg_text(rows, 0, "client");
    if (pg_text(rows, 0, "action")) {
        _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "started_at"));
        error_detail(err, "\"%s\" has been running since %s: pid %s on %s, user %s.",
                     pg_text(rows, 0, "command"), since, pg_text(rows, 0, "action_pid"),
                     pg_text(rows, 0, "host"), pg_text(rows, 0, "os_user"));
        return;
    }
    _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "backend_start"));
    error_detail(err, "It is the PostgreSQL session with pid %s%s%s%s%s.", pg_text(rows, 0, "pid"),
                 client ? " from " : "", client ? client : "", since ? ", connected since " : "",
                 since ? since : "");
}

static int busy(struct history *history, enum lock_class class, int64_t object, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(history->locks, sql_history_lock_holder,
                 PG_VALUES(pg_number(class).text, pg_number(object).text), &rows, err) < 0)
        return -1;
    error_set(err, ERR_BUSY, "another run holds the lock");
    if (pg_rows_count(rows))
        say_who(rows, err);
    return error_hint(err, "See it with esmigrate es_history --running. Wait for its end "
                           "with --wait-lock, or exit 0 instead of this error with "
                           "--if-busy=skip.");
}

static int take(struct history *history, const char *sql, enum lock_class class, int64_t object,
                int wait_s, struct error *err)
{
    int64_t until = clock_ms() + (int64_t)wait_s * 1000;
    for (;;) {
        bool taken = false;
        if (try(history, sql, class, object, &taken, err) < 0)
            return -1;
        if (taken)
            return 0;
        if (wait_s >= 0 && clock_ms() >= until)
            return busy(history, class, object, err);
        if (stop_sleep(POLL_MS, err) < 0)
            return -1;
    }
}

int lock_take(struct history *history, enum lock_class class, int64_t object, int wait_s,
              struct error *err)
{
    return take(history, sql_history_lock_try, class, object, wait_s, err);
}

int lock_take_shared(struct history *history, enum lock_class class, int64_t object, int wait_s,
                     struct error *err)
{
    return take(history, sql_history_lock_try_shared, class, object, wait_s, err);
}

static void release(struct history *history, const char *sql, enum lock_class class, int64_t object)
{
    _cleanup_(error_release) struct error ignored = {};
    if (history->locks)
        pg_query(history->locks, sql, PG_VALUES(pg_number(class).text, pg_number(object).text),
                 NULL, &ignored);
}

void lock_release(struct history *history, enum lock_class class, int64_t object)
{
    release(history, sql_history_lock_release, class, object);
}

void lock_release_shared(struct history *history, enum lock_class class, int64_t object)
{
    release(history, sql_history_lock_release_shared, class, object);
}

static int lost(struct error *err)
{
    error_prefix(err, "the lock is lost");
    return error_hint(err, "Nothing more is written by this run. Run the same command again.");
}

int lock_check(struct history *history, struct error *err)
{
    return history->locks && pg_check(history->locks, err) < 0 ? lost(err) : 0;
}

int lock_ask(struct history *history, struct error *err)
{
    return history->locks && pg_query(history->locks, "SELECT 1", PG_NO_VALUES, NULL, err) < 0
               ? lost(err)
               : 0;
}

int lock_socket(const struct history *history)
{
    return history->locks ? pg_socket(history->locks) : -1;
}
