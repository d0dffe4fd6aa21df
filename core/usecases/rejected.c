#include "usecases/rejected.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "load/rejections.h"
#include "sql.h"

char *rejected_words(int64_t open)
{
    if (!open)
        return NULL;
    return x_printf("%" PRId64 " rejected document%s open", open, open == 1 ? " is" : "s are");
}

int rejected_count(struct context *context, int64_t instance_id, int64_t *ret_open,
                   struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_rejected_count,
                      PG_VALUES(pg_number(instance_id).text), &rows, err) < 0)
        return -1;
    *ret_open = pg_int(rows, 0, "open");
    return 0;
}

int rejected_settle(struct context *context, int64_t instance_id, const struct run *run,
                    struct report_item *item, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_rejected_settle, PG_VALUES(run->action.id),
                      &rows, err) < 0)
        return -1;
    item->rejected_open = pg_int(rows, 0, "open");
    return rejections_summary(context->history, instance_id, run->action.id, NULL,
                              &item->rejected_types, err);
}

int rejected_keep(struct context *context, int64_t instance_id, struct report_item *item,
                  struct error *err)
{
    if (rejected_count(context, instance_id, &item->rejected_open, err) < 0)
        return -1;
    return rejections_summary(context->history, instance_id, NULL, NULL, &item->rejected_types,
                              err);
}

/* "TYPE: 2 documents, for example ...", and the one that was refused last. */
static void describe(struct context *context, const struct report_item *item, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_rejected_example, PG_VALUES(item->index), &rows,
                      &ignored) < 0 ||
        !pg_rows_count(rows))
        return;
    _cleanup_free_ char *words = NULL;
    if (item->rejected_open > 1 &&
        rejections_summary(context->history, pg_int(rows, 0, "instance_id"), NULL, &words, NULL,
                           &ignored) < 0)
        return;
    error_detail(err, "%s%s_id \"%s\": %s: %s", words ? words : "", words ? ". The latest: " : "",
                 pg_text(rows, 0, "doc_id"), pg_text(rows, 0, "error_type"),
                 pg_text(rows, 0, "reason"));
}

static int still_open(struct context *context, const struct report_item *item, struct error *err)
{
    _cleanup_free_ char *words = rejected_words(item->rejected_open);
    _cleanup_free_ char *query = rejections_query(item->index);
    bool one = item->rejected_open == 1;
    error_set(err, ERR_REJECTED, "index \"%s\": %s", item->index, words);
    error_hint(err,
               "%sMend the source, then: esmigrate es_retry %s-%d; every es_update tries %s again, "
               "too. --allow-rejected %" PRId64 " tolerates %s. See why: %s",
               strcmp(item->action, "retry") == 0 ? "" : "Everything else is up to date. ",
               item->master, item->number, one ? "it" : "them", item->rejected_open,
               one ? "it" : "them", query);
    describe(context, item, err);
    return -1;
}

static void say_tolerated(struct context *context, const struct report_item *item)
{
    _cleanup_(error_release) struct error said = {};
    _cleanup_free_ char *words = rejected_words(item->rejected_open);
    error_set(&said, ERR_REJECTED, "index \"%s\": %s, no more than --allow-rejected tolerates",
              item->index, words);
    describe(context, item, &said);
    log_error(context->log, &said);
}

int rejected_judge(struct context *context, int64_t allowed, const struct report *report,
                   struct error *err)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        _cleanup_(error_release) struct error one = {};
        if (item->rejected_open > allowed && !item->kept)
            still_open(context, item, &one);
        else if (item->rejected_open)
            say_tolerated(context, item);
        if (error_is_set(&one) && error_is_set(err))
            log_error(context->log, &one);
        else if (error_is_set(&one))
            error_move(err, &one);
    }
    return error_is_set(err) ? -1 : 0;
}
