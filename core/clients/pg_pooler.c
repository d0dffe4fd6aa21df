#include "clients/pg_pooler.h"

#include <string.h>

static int session_of(struct pg *pg, int64_t *ret_pid, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(pg, "SELECT pg_catalog.pg_backend_pid() AS pid", PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_pid = pg_int(rows, 0, "pid");
    return 0;
}

/*
 * A pooler that takes its sessions in turns gives different ones to two statements in a row; one
 * that gives out the latest first gives the same one to `pg` and `other`. Where clients of its own
 * come in between, none keeps its session for long. No transaction is held open meanwhile: several
 * runs that look at a small pool at once would wait for each other.
 */
static int is_shared(struct pg *pg, struct pg *other, bool *ret_shared, struct error *err)
{
    enum { ROUNDS = 3 };
    int64_t ours = 0, theirs = 0;
    *ret_shared = false;
    for (int round = 0; round < ROUNDS && !*ret_shared; round++) {
        int64_t first, second, third;
        if (session_of(pg, &first, err) < 0 || session_of(pg, &second, err) < 0 ||
            session_of(other, &third, err) < 0)
            return -1;
        *ret_shared =
            first != second || second == third || (round && (first != ours || third != theirs));
        ours = second;
        theirs = third;
    }
    return 0;
}

static int refuse(const struct pg_options *options, struct error *err)
{
    bool is_source = strcmp(options->name, "source") == 0;
    error_set(err, ERR_FAILED,
              "%s database: a pooler in between gives another session for each transaction",
              options->name);
    error_detail(err, "Session locks would not hold, and settings would stay behind in sessions of "
                      "others.");
    return error_hint(err,
                      "Name PostgreSQL itself with --%s (%s), or a pool in session mode, then run "
                      "the same command again.",
                      options->name,
                      is_source ? "ESMIGRATE_SOURCE, \"source\" in master.json"
                                : "ESMIGRATE_HISTORY");
}

int pg_pooler_refuse(struct pg *pg, const struct pg_options *options, bool *ret_pooled,
                     struct error *err)
{
    struct pg_options bare = *options;
    _cleanup_(pg_closep) struct pg *other = NULL;
    int64_t pid;
    /* A pooler has to make up the number that a client is told, to know whom it wants cancelled. */
    if (session_of(pg, &pid, err) < 0)
        return -1;
    *ret_pooled = pid != pg_announced_pid(pg);
    if (!*ret_pooled)
        return 0;
    bare.bare = true;
    bool shared;
    if (pg_open(&bare, &other, err) < 0 || is_shared(pg, other, &shared, err) < 0)
        return -1;
    return shared ? refuse(options, err) : 0;
}
