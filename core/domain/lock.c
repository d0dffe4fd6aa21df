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
    return pg_query(history->locks, sql_source_mark_session, PG_NO_VALUES, NULL, err);
}

int lock_try(struct history *history, enum lock_class class, int64_t object, bool *ret_taken,
             struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (open_connection(history, err) < 0 ||
        pg_query(history->locks, sql_history_lock_try,
                 PG_VALUES(pg_number(class).text, pg_number(object).text), &rows, err) < 0)
        return -1;
    *ret_taken = pg_bool(rows, 0, "locked");
    return 0;
}

static int busy(struct history *history, enum lock_class class, int64_t object, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(history->locks, sql_history_lock_holder,
                 PG_VALUES(pg_number(class).text, pg_number(object).text), &rows, err) < 0)
        return -1;
    error_set(err, ERR_BUSY, "another run holds the lock");
    if (pg_rows_count(rows)) {
        const char *client = pg_text(rows, 0, "client");
        const char *since = pg_text(rows, 0, "backend_start");
        error_detail(err, "PostgreSQL backend %s%s%s%s%s.", pg_text(rows, 0, "pid"),
                     client ? " of " : "", client ? client : "", since ? ", connected since " : "",
                     since ? since : "");
    }
    return error_hint(err, "See what runs with es_history --status running; wait for it with "
                           "--wait-lock, or pass over it with --if-busy=skip.");
}

int lock_take(struct history *history, enum lock_class class, int64_t object, int wait_s,
              struct error *err)
{
    int64_t until = clock_ms() + (int64_t)wait_s * 1000;
    for (;;) {
        bool taken = false;
        if (lock_try(history, class, object, &taken, err) < 0)
            return -1;
        if (taken)
            return 0;
        if (wait_s >= 0 && clock_ms() >= until)
            return busy(history, class, object, err);
        if (stop_sleep(POLL_MS, err) < 0)
            return -1;
    }
}

void lock_release(struct history *history, enum lock_class class, int64_t object)
{
    _cleanup_(error_release) struct error ignored = {};
    if (history->locks)
        pg_query(history->locks, sql_history_lock_release,
                 PG_VALUES(pg_number(class).text, pg_number(object).text), NULL, &ignored);
}

int lock_check(struct history *history, struct error *err)
{
    if (!history->locks)
        return 0;
    if (pg_check(history->locks, err) < 0) {
        error_prefix(err, "the lock is lost");
        return error_hint(err, "Nothing more is written by this run. Run the same command again.");
    }
    return 0;
}

int lock_socket(const struct history *history)
{
    return history->locks ? pg_socket(history->locks) : -1;
}
