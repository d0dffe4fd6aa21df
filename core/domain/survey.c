#include "domain/survey.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "clients/json.h"
#include "sql.h"

bool source_tells_changes(const struct source *source)
{
    return source->changed || source->columns.has_changed_at;
}

/* ---- counting ---- */

int source_count(struct source *source, int64_t *ret_count, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *sql =
        x_printf("SELECT count(*) AS documents FROM (\n%s\n) esmigrate_d", source->documents);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return source_failed(source, source_documents_file, err);
    *ret_count = pg_int(rows, 0, "documents");
    return 0;
}

static const char *file_of_changes(const struct source *source)
{
    return source->changed ? source_changed_file : source_documents_file;
}

/* A statement about what changed; changed.sql may take the time as its parameter. */
static int ask(struct source *source, const char *sql, const char *since, struct pg_rows **ret_rows,
               struct error *err)
{
    size_t values = source->changed && source->changed_takes_time ? 1 : 0;
    if (pg_query(source->pg, sql, &since, values, ret_rows, err) < 0)
        return source_failed(source, file_of_changes(source), err);
    return 0;
}

static void count_changed_sql(struct source *source, const char *since, int64_t most,
                              struct buffer *sql)
{
    buffer_text(sql, "SELECT count(*) AS documents FROM (");
    if (source->changed) {
        source_changed_sql(source, sql);
    } else {
        _cleanup_free_ char *condition = source_changed_condition(source, since);
        buffer_printf(sql, "SELECT FROM (\n%s\n) esmigrate_d WHERE %s", source->documents,
                      condition);
    }
    buffer_printf(sql, "\nLIMIT %" PRId64 ") esmigrate_n", most);
}

int source_count_changed(struct source *source, const char *since, int64_t most, int64_t *ret_count,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    count_changed_sql(source, since, most, &sql);
    if (ask(source, buffer_cstr(&sql), since, &rows, err) < 0)
        return -1;
    *ret_count = pg_int(rows, 0, "documents");
    return 0;
}

/* ---- the plan ---- */

void change_plan_release(struct change_plan *plan)
{
    free(plan->step);
    free(plan->table);
    free(plan->column);
    *plan = (struct change_plan){};
}

bool change_plan_is_dear(const struct change_plan *plan)
{
    static const double much = 1000; /* in the planner's units */
    return plan->cost >= much;
}

static const char *text_of(const json *node, const char *key)
{
    return json_text(json_get(node, key), NULL);
}

/* "((c.updated_at >= '2026-...'::timestamp with time zone) AND ...)" -> "updated_at"; NULL for
 * anything but a plain column. The caller's. */
static char *compared_column(const char *filter, const char *time)
{
    const char *end = strstr(filter, time);
    if (end - filter < 4 || (strncmp(end - 4, " >= ", 4) != 0 && strncmp(end - 3, " > ", 3) != 0))
        return NULL;
    end -= end[-2] == '=' ? 4 : 3;
    const char *start = end;
    bool quoted = start > filter && start[-1] == '"';
    start -= quoted;
    while (start > filter && (quoted ? start[-1] != '"'
                                     : isalnum((unsigned char)start[-1]) || start[-1] == '_' ||
                                           (unsigned char)start[-1] >= 0x80))
        start--;
    start -= quoted && start > filter;
    bool alone = start == filter || start[-1] == '(' || start[-1] == '.';
    return start < end && alone ? x_strndup(start, (size_t)(end - start)) : NULL;
}

/* The most expensive step that compares what it has read with the time: no index has done that. */
static void find_filter(const json *node, const char *time, struct change_plan *plan)
{
    const char *filter = text_of(node, "Filter");
    double cost = json_number(json_get(node, "Total Cost"), 0);
    if (filter && strstr(filter, time) && cost > plan->cost) {
        const char *type = text_of(node, "Node Type"), *table = text_of(node, "Relation Name");
        double documents = plan->documents;
        change_plan_release(plan);
        *plan = (struct change_plan){
            .documents = documents,
            .cost = cost,
            .step =
                x_printf("%s%s%s", type ? type : "a step", table ? " on " : "", table ? table : ""),
            .table = x_strdup(table),
            .column = table ? compared_column(filter, time) : NULL,
        };
    }
    const json *children = json_get(node, "Plans");
    for (size_t i = 0; children && i < json_length(children); i++)
        find_filter(json_at(children, i), time, plan);
}

/* The time as a plan shows it. The caller's. */
static int shown_time(struct source *source, const char *since, char **ret_time, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *literal = pg_literal(source->pg, since);
    _cleanup_free_ char *time = source->changed ? x_printf("%s::timestamptz", literal)
                                                : source_earliest_time(source, since);
    _cleanup_free_ char *sql = x_printf("SELECT (%s)::text AS shown", time);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_time = x_printf("'%s'", pg_text(rows, 0, "shown"));
    return 0;
}

int source_seconds_since(struct source *source, const char *time, double *ret_seconds,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, sql_source_seconds_since, PG_VALUES(time), &rows, err) < 0)
        return -1;
    *ret_seconds = strtod(pg_text(rows, 0, "seconds"), NULL);
    return 0;
}

static void plan_changed_sql(struct source *source, const char *since, struct buffer *sql)
{
    buffer_text(sql, "EXPLAIN (FORMAT JSON) ");
    if (source->changed) {
        source_changed_sql(source, sql);
    } else {
        _cleanup_free_ char *condition = source_changed_condition(source, since);
        source_reading_sql(source, sql, condition);
    }
}

static int read_plan(const char *text, const char *time, struct change_plan *ret_plan,
                     struct error *err)
{
    _cleanup_(json_freep) json *explained = json_parse(text, strlen(text), err);
    *ret_plan = (struct change_plan){};
    if (!explained)
        return -1;
    const json *top = json_get(json_at(explained, 0), "Plan");
    ret_plan->documents = json_number(json_get(top, "Plan Rows"), 0);
    find_filter(top, time, ret_plan);
    return 0;
}

int source_plan_changed(struct source *source, const char *since, struct change_plan *ret_plan,
                        struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *time = NULL;
    *ret_plan = (struct change_plan){};
    plan_changed_sql(source, since, &sql);
    if (shown_time(source, since, &time, err) < 0 ||
        ask(source, buffer_cstr(&sql), since, &rows, err) < 0)
        return -1;
    return read_plan(pg_text(rows, 0, "\"QUERY PLAN\""), time, ret_plan, err);
}

/* ---- while it reads ---- */

/* A source that is too busy for a question is not asked for longer. */
enum { QUESTION_MS = 5000 };

int change_watch_begin(struct change_watch *watch, struct source *source,
                       const struct source_options *options, const char *since, struct error *err)
{
    *watch = (struct change_watch){.source = source, .options = *options, .since = since};
    if (source_seconds_since(source, since, &watch->before, err) < 0)
        return -1;
    watch->began = clock_ms();
    return shown_time(source, since, &watch->shown, err);
}

static void stop_asking(struct change_watch *watch)
{
    pg_question_close(watch->question);
    watch->question = NULL;
    watch->step = CHANGES_UNASKED;
}

void change_watch_release(struct change_watch *watch)
{
    stop_asking(watch);
    free(watch->shown);
    *watch = (struct change_watch){};
}

int change_watch_ask(struct change_watch *watch, double most, struct error *err)
{
    const struct pg_options options = {
        .conninfo = watch->options.conninfo,
        .name = "source",
        .lock_timeout_s = watch->options.lock_timeout_s,
        .search_path = watch->options.search_path,
    };
    const char *mark = pg_is_pooled(watch->source->pg) ? "" : sql_source_mark_session;
    stop_asking(watch);
    if (pg_question_open(&options, QUESTION_MS, mark, &watch->question, err) < 0)
        return -1;
    watch->most = most;
    watch->step = CHANGES_CONNECT;
    return 0;
}

static int ask_next(struct change_watch *watch, struct error *err)
{
    struct source *source = watch->source;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    if (watch->step == CHANGES_CONNECT) {
        plan_changed_sql(source, watch->since, &sql);
    } else {
        watch->seconds = watch->before + (double)(clock_ms() - watch->began) / 1000;
        count_changed_sql(source, watch->since, (int64_t)(watch->most * watch->seconds) + 1, &sql);
    }
    watch->step++;
    bool takes_time = source->changed && source->changed_takes_time;
    return pg_question_ask(watch->question, buffer_cstr(&sql), takes_time ? watch->since : NULL,
                           err);
}

/* What came to the step that it is at. */
static int take_answer(struct change_watch *watch, const char *text, bool *ret_known,
                       double *ret_changes, struct error *err)
{
    _cleanup_(change_plan_release) struct change_plan plan = {};
    if (watch->step == CHANGES_COUNT) {
        *ret_changes = strtod(text ? text : "0", NULL) / watch->seconds;
        *ret_known = true;
        return 0;
    }
    if (watch->step == CHANGES_PLAN && read_plan(text ? text : "", watch->shown, &plan, err) < 0)
        return -1;
    *ret_known = change_plan_is_dear(&plan);
    *ret_changes = *ret_known ? -1 : 0;
    return *ret_known ? 0 : ask_next(watch, err);
}

int change_watch_look(struct change_watch *watch, bool *ret_known, double *ret_changes,
                      struct error *err)
{
    const char *text;
    int result = 0;
    *ret_known = false;
    *ret_changes = 0;
    if (!watch->question)
        return 0;
    switch (pg_question_look(watch->question, &text, err)) {
    case PG_ANSWER_LATER:
        return 0;
    case PG_ANSWER_HERE:
        result = take_answer(watch, text, ret_known, ret_changes, err);
        break;
    case PG_ANSWER_ERROR:
        result = -1;
    }
    if (result < 0 || *ret_known)
        stop_asking(watch);
    return result;
}
