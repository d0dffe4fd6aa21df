/* What es_check asks the source, and the database of the history. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/memory.h"
#include "base/retry.h"
#include "domain/horizon.h"
#include "domain/reading.h"
#include "domain/survey.h"
#include "sql.h"
#include "usecases/checking.h"

/* ---- the connection and the SQL ---- */

int check_source(struct checking *checking, const char *check, struct error *err)
{
    struct context *context = checking->context;
    if (context_open_source(context, checking->declaration.options.source, NULL, &checking->source,
                            err) < 0)
        return check_connection_failed(checking, check, "source_pooler", err);
    checking->met |= CHECK_NEEDS_SOURCE;
    return check_line(checking, check, CHECK_OK,
                      x_printf("database %s", pg_database(checking->source->pg)), NULL, NULL);
}

int check_source_pooler(struct checking *checking, const char *check, struct error *err)
{
    (void)err;
    return check_one_session(checking, check);
}

int check_documents(struct checking *checking, const char *check, struct error *err)
{
    const struct declaration *declaration = &checking->declaration;
    struct source *source = checking->source;
    _cleanup_free_ char *place =
        x_printf("%s/%s", checking->context->settings.indexes, checking->name);
    if (source_check_options(source, declaration->content.changed_at_zone,
                             declaration->options.overlap, place, err) < 0 ||
        source_use(source, &declaration->content, declaration->options.max_document_bytes, place,
                   err) < 0)
        return -1;
    checking->met |= CHECK_NEEDS_DOCUMENTS;
    return check_line(checking, check, CHECK_OK,
                      x_printf("%s prepared",
                               source->changed ? "documents.sql and changed.sql" : "documents.sql"),
                      NULL, NULL);
}

/* ---- whether an index serves what changed ---- */

/* A time with a fraction that is found again in the plan, whatever the time zone. */
static const char since[] = "2001-02-03 04:05:06.789123+00", mark[] = ".789123";

struct plan_reading {
    bool served;    /* an index serves the time somewhere */
    char *unserved; /* the first node that filters by it instead; NULL: none does */
};

static bool has_mark(json *node, const char *condition)
{
    const char *text = json_text(json_get(node, condition), "");
    return strstr(text, mark) || strstr(text, "$1");
}

static void read_plan(json *node, struct plan_reading *reading)
{
    const char *relation = json_text(json_get(node, "Relation Name"), NULL);
    if (has_mark(node, "Index Cond"))
        reading->served = true;
    if (!reading->unserved && (has_mark(node, "Filter") || has_mark(node, "Join Filter") ||
                               has_mark(node, "One-Time Filter")))
        reading->unserved =
            x_printf("%s%s%s filters all rows", json_text(json_get(node, "Node Type"), ""),
                     relation ? " on " : "", relation ? relation : "");
    json *plans = json_get(node, "Plans");
    for (size_t i = 0; i < json_length(plans); i++)
        read_plan(json_at(plans, i), reading);
}

int check_changed_index(struct checking *checking, const char *check, struct error *err)
{
    struct source *source = checking->source;
    _cleanup_(json_freep) json *plan = NULL;
    struct plan_reading reading = {};
    static const char limit[] = "an index serves the time";
    if (!source_tells_changes(source))
        return check_line(checking, check, CHECK_WARNING, x_strdup("no _changed_at"), limit,
                          x_strdup("Every update reads everything. Select the time of a row's last "
                                   "change as _changed_at, then esmigrate es_create."));
    if (source->changed && !source->changed_takes_time)
        return check_line(checking, check, CHECK_WARNING, x_strdup("changed.sql has no $1"), limit,
                          x_strdup("Compare a column with $1, the time since when, so that an "
                                   "update reads only what changed."));
    if (source_explain_changed(source, since, &plan, err) < 0)
        return -1;
    read_plan(json_get(json_at(plan, 0), "Plan"), &reading);
    if (reading.served && !reading.unserved)
        return check_line(checking, check, CHECK_OK, x_strdup("served"), limit, NULL);
    return check_line(
        checking, check, CHECK_WARNING,
        reading.unserved ? reading.unserved : x_strdup("the plan does not use the time"), limit,
        x_printf("Make an index on the column that %s, or write the SQL so that the planner can "
                 "reach it (EXPLAIN tells).",
                 source->changed ? "changed.sql compares with $1" : "_changed_at is read from"));
}

/* ---- clocks ---- */

static int64_t wall_clock_ms(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000;
}

/* How far the server's clock is ahead of this machine's, by the quickest of a few answers. */
static int measure_skew(struct pg *pg, int64_t *ret_ms, struct error *err)
{
    enum { TRIES = 3 };
    int64_t quickest = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
        int64_t began = clock_ms();
        if (pg_query(pg, sql_source_clock, PG_NO_VALUES, &rows, err) < 0)
            return -1;
        int64_t took = clock_ms() - began;
        int64_t skew = pg_int(rows, 0, "ms") - (wall_clock_ms() - took / 2);
        if (took < quickest)
            *ret_ms = skew;
        quickest = took < quickest ? took : quickest;
    }
    return 0;
}

/* Rule R3 orders reads by the history's clock, and a person compares times of all three. */
int check_clocks(struct checking *checking, const char *check, struct error *err)
{
    enum { MOST_MS = 1000 };
    int64_t history = 0, source = 0;
    if (measure_skew(checking->context->history->pg, &history, err) < 0 ||
        measure_skew(checking->source->pg, &source, err) < 0)
        return -1;
    bool good =
        llabs(history) <= MOST_MS && llabs(source) <= MOST_MS && llabs(history - source) <= MOST_MS;
    return check_line(checking, check, good ? CHECK_OK : CHECK_WARNING,
                      x_printf("history %+" PRId64 " ms, source %+" PRId64 " ms", history, source),
                      "1000 ms apart, also from this machine",
                      good ? NULL
                           : x_strdup("Let all machines follow the same clock (NTP): timedatectl"));
}

/* ---- what keeps changed_through back (rule R1) ---- */

static int look_at_horizon(struct checking *checking, struct pg_rows **ret_rows, struct error *err)
{
    const char *overlap = checking->declaration.options.overlap;
    return pg_query(checking->source->pg, sql_source_horizon,
                    PG_VALUES(overlap ? overlap : horizon_default_overlap), ret_rows, err);
}

int check_late_commits(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *overlap = checking->declaration.options.overlap;
    if (look_at_horizon(checking, &rows, err) < 0 || (!overlap && horizon_check(rows, err) < 0))
        return -1;
    if (overlap && pg_bool(rows, 0, "standby"))
        return check_line(checking, check, CHECK_OK, x_printf("overlap of %s", overlap), NULL,
                          NULL);
    if (pg_bool(rows, 0, "sees_all"))
        return check_line(checking, check, CHECK_OK, x_strdup("pg_read_all_stats"),
                          "pg_read_all_stats", NULL);
    return check_line(checking, check, CHECK_WARNING,
                      x_strdup("grace period: an update waits for the transactions of others"),
                      "pg_read_all_stats",
                      x_strdup("GRANT pg_read_all_stats TO the role of --source"));
}

int check_oldest_transaction(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (look_at_horizon(checking, &rows, err) < 0)
        return -1;
    const char *pid = pg_text(rows, 0, "oldest_pid");
    const char *limit = "15 minutes";
    if (!pid)
        return check_line(checking, check, CHECK_OK, x_strdup("none"), limit, NULL);
    bool held = pg_bool(rows, 0, "held_back");
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, 0, "oldest_since"));
    return check_line(
        checking, check, held ? CHECK_WARNING : CHECK_OK,
        x_printf("since %s, pid %s, %s", began, pid, pg_text(rows, 0, "oldest_application")), limit,
        held ? x_printf("changed_through stands still until it ends: SELECT "
                        "pg_terminate_backend(%s), if nobody needs it",
                        pid)
             : NULL);
}

int check_prepared_transactions(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(checking->source->pg, sql_source_prepared, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    _cleanup_free_ char *since_text = time_rfc3339(pg_text(rows, 0, "since"));
    if (!since_text)
        return check_line(checking, check, CHECK_OK, x_strdup("none"), "none", NULL);
    return check_line(checking, check, CHECK_WARNING, x_printf("one since %s", since_text), "none",
                      x_strdup("changed_through cannot pass it: COMMIT PREPARED or ROLLBACK "
                               "PREPARED; SELECT * FROM pg_prepared_xacts"));
}
