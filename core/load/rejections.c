#include "load/rejections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/action.h"
#include "sql.h"

/* More than that is a wrong mapping, not a few wrong documents. */
static const int64_t most_open = 10000;

static void clear(struct rejections *rejections)
{
    for (size_t i = 0; i < rejections->count; i++) {
        free(rejections->list[i].id);
        free(rejections->list[i].status);
        free(rejections->list[i].type);
        free(rejections->list[i].reason);
    }
    rejections->count = 0;
}

void rejections_release(struct rejections *rejections)
{
    clear(rejections);
    free(rejections->list);
    free(rejections->example);
    *rejections = (struct rejections){};
}

void rejections_add(struct rejections *rejections, char *id, int status, const char *type,
                    char *reason)
{
    rejections->list = x_grow(rejections->list, rejections->count, &rejections->capacity,
                              sizeof(*rejections->list));
    struct rejection *added = &rejections->list[rejections->count++];
    *added = (struct rejection){
        .id = id,
        .status = status ? x_printf("%d", status) : NULL,
        .type = x_strdup(type && *type ? type : "unknown"),
        .reason = reason ? reason : x_strdup(""),
    };
    if (!rejections->example)
        rejections->example = x_printf("\"%.100s\": %s: %s", id, added->type, added->reason);
}

/* One column of the rows as an array literal; a NULL text is the array's NULL. */
static char *column(const struct rejections *rejections, size_t offset)
{
    struct buffer array = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < rejections->count; i++) {
        const char *text = *(char *const *)((const char *)&rejections->list[i] + offset);
        _cleanup_free_ char *one = text ? pg_array(&text, 1) : x_strdup("{NULL}");
        buffer_char(&array, i ? ',' : '{');
        buffer_append(&array, one + 1, strlen(one) - 2);
    }
    buffer_char(&array, '}');
    return buffer_take(&array);
}

int rejections_flush(struct rejections *rejections, struct history *history, int64_t instance_id,
                     const char *action_id, const char *index_name, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!rejections->count)
        return 0;
    _cleanup_free_ char *ids = column(rejections, offsetof(struct rejection, id));
    _cleanup_free_ char *statuses = column(rejections, offsetof(struct rejection, status));
    _cleanup_free_ char *types = column(rejections, offsetof(struct rejection, type));
    _cleanup_free_ char *reasons = column(rejections, offsetof(struct rejection, reason));
    if (history_query(history, sql_history_rejected_insert,
                      PG_VALUES(pg_number(instance_id).text, action_id, ids, statuses, types,
                                reasons, pg_number(most_open).text),
                      &rows, err) < 0)
        return -1;
    clear(rejections);
    if (!pg_int(rows, 0, "running"))
        return action_replaced(err);
    int64_t open = pg_int(rows, 0, "open");
    if (open <= most_open)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\": more than %" PRId64 " rejected documents are open",
              index_name, most_open);
    error_detail(err, "The first: %s", rejections->example);
    _cleanup_free_ char *query = rejections_query(index_name);
    return error_hint(
        err, "Mend documents.sql or the mapping, and es_create a new instance. See why: %s", query);
}

int rejections_known(struct history *history, int64_t instance_id, const char *id, const char *type,
                     bool *ret_known, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_rejected_known,
                      PG_VALUES(pg_number(instance_id).text, id, type), &rows, err) < 0)
        return -1;
    *ret_known = pg_bool(rows, 0, "known");
    return 0;
}

int rejections_summary(struct history *history, int64_t instance_id, const char *action_id,
                       char **ret_words, char **ret_json, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_rejected_summary,
                      PG_VALUES(pg_number(instance_id).text, action_id), &rows, err) < 0)
        return -1;
    if (ret_words)
        *ret_words = x_strdup(pg_text(rows, 0, "words"));
    if (ret_json)
        *ret_json = x_strdup(pg_text(rows, 0, "json"));
    return 0;
}

char *rejections_query(const char *index_name)
{
    return x_printf("SELECT d.doc_id, d.reason FROM esmigrate.rejected_document d JOIN "
                    "esmigrate.index_instance i ON i.id = d.instance_id WHERE i.index_name = '%s'",
                    index_name);
}
