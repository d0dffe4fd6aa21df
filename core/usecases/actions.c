#include "usecases/actions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/names.h"
#include "sql.h"
#include "usecases/targets.h"

void action_records_release(struct action_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        struct action_record *r = &records->list[i];
        char *texts[] = {
            r->id,          r->parent,       r->master,     r->index,        r->action,
            r->status,      r->result,       r->mode,       r->started_at,   r->finished_at,
            r->tag,         r->tool_version, r->argv,       r->changed_from, r->changed_through,
            r->os_user,     r->host,         r->db_user,    r->error,        r->phase,
            r->progress_at, r->folded_from,  r->stopped_at, r->resumed_at,   r->checks,
        };
        for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
            free(texts[t]);
    }
    free(records->list);
    *records = (struct action_records){};
}

static int64_t number_or(const struct pg_rows *rows, size_t i, const char *column, int64_t none)
{
    return pg_text(rows, i, column) ? pg_int(rows, i, column) : none;
}

static double seconds_of(const struct pg_rows *rows, size_t i, const char *column)
{
    const char *seconds = pg_text(rows, i, column);
    return seconds ? strtod(seconds, NULL) : 0;
}

static void read_progress(const struct pg_rows *rows, size_t i, struct action_record *record)
{
    record->is_running = strcmp(record->status, "running") == 0;
    record->alive = pg_bool(rows, i, "alive");
    record->phase = x_strdup(pg_text(rows, i, "phase"));
    record->progress_at = x_strdup(pg_text(rows, i, "progress_at"));
    record->progress_age = seconds_of(rows, i, "progress_age");
    record->done = number_or(rows, i, "documents_done", -1);
    record->total = number_or(rows, i, "documents_total", -1);
    record->is_estimate = pg_bool(rows, i, "is_estimate");
    record->docs_per_second = number_or(rows, i, "docs_per_second", -1);
    record->bytes_per_second = number_or(rows, i, "bytes_per_second", -1);
    record->unanswered = number_or(rows, i, "unanswered", -1);
    record->eta_s = number_or(rows, i, "eta_seconds", -1);
}

static struct action_record read_record(const struct pg_rows *rows, size_t i)
{
    return (struct action_record){
        .id = x_strdup(pg_text(rows, i, "id")),
        .parent = x_strdup(pg_text(rows, i, "parent_id")),
        .master = x_strdup(pg_text(rows, i, "master")),
        .number = (int)pg_int(rows, i, "instance"),
        .index = x_strdup(pg_text(rows, i, "index")),
        .action = x_strdup(pg_text(rows, i, "action")),
        .status = x_strdup(pg_text(rows, i, "status")),
        .result = x_strdup(pg_text(rows, i, "result")),
        .mode = x_strdup(pg_text(rows, i, "mode")),
        .started_at = x_strdup(pg_text(rows, i, "started_at")),
        .finished_at = x_strdup(pg_text(rows, i, "finished_at")),
        .seconds = seconds_of(rows, i, "seconds"),
        .indexed = pg_int(rows, i, "docs_indexed"),
        .deleted = pg_int(rows, i, "docs_deleted"),
        .rejected = pg_int(rows, i, "docs_rejected"),
        .superseded = pg_int(rows, i, "docs_superseded"),
        .retries = pg_int(rows, i, "retries"),
        .bytes = pg_int(rows, i, "bytes_sent"),
        .in_flight = pg_int(rows, i, "in_flight"),
        .changed_from = x_strdup(pg_text(rows, i, "changed_from")),
        .changed_through = x_strdup(pg_text(rows, i, "changed_through")),
        .argv = x_strdup(pg_text(rows, i, "argv")),
        .tag = x_strdup(pg_text(rows, i, "tag")),
        .tool_version = x_strdup(pg_text(rows, i, "tool_version")),
        .os_user = x_strdup(pg_text(rows, i, "os_user")),
        .host = x_strdup(pg_text(rows, i, "host")),
        .pid = (int)pg_int(rows, i, "pid"),
        .db_user = x_strdup(pg_text(rows, i, "db_user")),
        .error = x_strdup(pg_text(rows, i, "error")),
        .folded_runs = pg_text(rows, i, "folded_runs") ? pg_int(rows, i, "folded_runs") : -1,
        .folded_from = x_strdup(pg_text(rows, i, "folded_from")),
        .stopped_at = x_strdup(pg_text(rows, i, "stopped_at")),
        .resumed_at = x_strdup(pg_text(rows, i, "resumed_at")),
        .checks = x_strdup(pg_text(rows, i, "checks")),
    };
}

/* What the word means; 0 and NULL for what it does not. */
struct scope {
    int64_t master_id;
    int number;
    const char *first, *last; /* ids between them */
};

static int query(struct context *context, const struct action_filter *filter,
                 const struct scope *scope, struct action_records *ret_records, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *since = NULL, *until = NULL;
    const struct pg_number master = pg_number(scope->master_id), number = pg_number(scope->number);
    if ((filter->since && history_parse_time(context->history, filter->since, &since, err) < 0) ||
        (filter->until && history_parse_time(context->history, filter->until, &until, err) < 0) ||
        history_query(context->history, sql_history_action_list,
                      PG_VALUES(scope->master_id ? master.text : NULL, since, until, filter->action,
                                filter->status, pg_number(filter->limit).text, scope->first,
                                scope->last, scope->number ? number.text : NULL),
                      &rows, err) < 0)
        return -1;
    ret_records->count = pg_rows_count(rows);
    ret_records->list = x_calloc(ret_records->count, sizeof(*ret_records->list));
    for (size_t i = 0; i < ret_records->count; i++) {
        ret_records->list[i] = read_record(rows, i);
        read_progress(rows, i, &ret_records->list[i]);
    }
    return 0;
}

/*
 * The digits of an id or of its beginning, at least eight of them, filled up with `fill` to a whole
 * uuid; NULL if the word is none. An index serves the range between those filled with 0 and with f.
 * The caller's.
 */
static char *fill_id(const char *word, char fill)
{
    enum { DIGITS = 32, FEWEST = 8 };
    char *id = x_calloc(DIGITS + 1, 1);
    size_t count = 0;
    for (const char *c = word; *c && count < DIGITS; c++)
        if (isxdigit((unsigned char)*c))
            id[count++] = *c;
    if (count < FEWEST || word[strspn(word, "0123456789abcdefABCDEF-")] != '\0') {
        free(id);
        return NULL;
    }
    while (count < DIGITS)
        id[count++] = fill;
    return id;
}

static int find_one(struct context *context, const char *word, const struct scope *scope,
                    struct action_records *ret_records, struct error *err)
{
    const struct action_filter any = {.limit = 2};
    if (query(context, &any, scope, ret_records, err) < 0)
        return -1;
    if (ret_records->count == 1)
        return 0;
    error_set(err, ERR_FAILED,
              ret_records->count ? "more than one action begins with %s" : "there is no action %s",
              word);
    return error_hint(err, "See them with esmigrate es_history -o json");
}

/* A name that ends in -N is that of no master. */
static int find_scope(struct context *context, const char *word, struct scope *ret_scope,
                      struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    size_t length = name_split_instance(word, &ret_scope->number);
    _cleanup_free_ char *name = length ? x_strndup(word, length) : x_strdup(word);
    if (!length)
        ret_scope->number = 0;
    if (history_find_master(context->history, name, &master, err) < 0)
        return -1;
    ret_scope->master_id = master.id;
    return 0;
}

int list_actions(struct context *context, const struct action_filter *filter,
                 struct action_records *ret_records, bool *ret_single, struct error *err)
{
    struct scope scope = {};
    *ret_single = false;
    if (context_open_history(context, false, err) < 0)
        return -1;
    if (!filter->word)
        return query(context, filter, &scope, ret_records, err);
    if (find_scope(context, filter->word, &scope, err) < 0)
        return -1;
    if (scope.master_id)
        return query(context, filter, &scope, ret_records, err);
    _cleanup_free_ char *first = fill_id(filter->word, '0');
    _cleanup_free_ char *last = fill_id(filter->word, 'f');
    if (!first)
        return unknown_master(context, filter->word, err);
    *ret_single = true;
    scope = (struct scope){.first = first, .last = last};
    return find_one(context, filter->word, &scope, ret_records, err);
}
