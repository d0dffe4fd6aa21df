#include "usecases/actions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"
#include "usecases/targets.h"

void action_records_release(struct action_records *records)
{
    for (size_t i = 0; i < records->count; i++) {
        struct action_record *r = &records->list[i];
        char *texts[] = {
            r->id,      r->parent,       r->master,  r->index,        r->action,
            r->status,  r->result,       r->mode,    r->started_at,   r->finished_at,
            r->tag,     r->tool_version, r->argv,    r->changed_from, r->changed_through,
            r->os_user, r->host,         r->db_user, r->error,
        };
        for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
            free(texts[t]);
    }
    free(records->list);
    *records = (struct action_records){};
}

static struct action_record read_record(const struct pg_rows *rows, size_t i)
{
    const char *seconds = pg_text(rows, i, "seconds");
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
        .seconds = seconds ? strtod(seconds, NULL) : 0,
        .indexed = pg_int(rows, i, "docs_indexed"),
        .deleted = pg_int(rows, i, "docs_deleted"),
        .rejected = pg_int(rows, i, "docs_rejected"),
        .superseded = pg_int(rows, i, "docs_superseded"),
        .retries = pg_int(rows, i, "retries"),
        .bytes = pg_int(rows, i, "bytes_sent"),
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
    };
}

static int query(struct context *context, const struct action_filter *filter, const char *master,
                 const char *id, struct action_records *ret_records, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *since = NULL, *until = NULL;
    if ((filter->since && history_parse_time(context->history, filter->since, &since, err) < 0) ||
        (filter->until && history_parse_time(context->history, filter->until, &until, err) < 0) ||
        history_query(context->history, sql_history_action_list,
                      PG_VALUES(master, since, until, filter->action, filter->status,
                                pg_number(filter->limit).text, id),
                      &rows, err) < 0)
        return -1;
    ret_records->count = pg_rows_count(rows);
    ret_records->list = x_calloc(ret_records->count, sizeof(*ret_records->list));
    for (size_t i = 0; i < ret_records->count; i++)
        ret_records->list[i] = read_record(rows, i);
    return 0;
}

/* At least eight of the digits and dashes of a uuid. */
static bool looks_like_id(const char *word)
{
    size_t length = strlen(word);
    if (length < 8 || length > 36)
        return false;
    for (const char *c = word; *c; c++)
        if (!isdigit((unsigned char)*c) && !strchr("abcdefABCDEF-", *c))
            return false;
    return true;
}

static int find_one(struct context *context, const char *word, struct action_records *ret_records,
                    struct error *err)
{
    const struct action_filter any = {.limit = 2};
    _cleanup_free_ char *id = x_strdup(word);
    for (char *c = id; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (query(context, &any, NULL, id, ret_records, err) < 0)
        return -1;
    if (ret_records->count == 1)
        return 0;
    error_set(err, ERR_FAILED,
              ret_records->count ? "more than one action begins with %s" : "there is no action %s",
              word);
    return error_hint(err, "See them with esmigrate es_history -o json");
}

int list_actions(struct context *context, const struct action_filter *filter,
                 struct action_records *ret_records, bool *ret_single, struct error *err)
{
    struct master master = {};
    *ret_single = false;
    if (context_open_history(context, false, err) < 0)
        return -1;
    if (!filter->word)
        return query(context, filter, NULL, NULL, ret_records, err);
    if (history_find_master(context->history, filter->word, &master, err) < 0)
        return -1;
    bool known = master.id != 0;
    master_release(&master);
    if (known)
        return query(context, filter, filter->word, NULL, ret_records, err);
    if (looks_like_id(filter->word)) {
        *ret_single = true;
        return find_one(context, filter->word, ret_records, err);
    }
    return unknown_master(context, filter->word, err);
}
