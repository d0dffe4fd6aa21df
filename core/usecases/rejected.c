#include "usecases/rejected.h"

#include <inttypes.h>

#include "base/memory.h"
#include "load/rejections.h"
#include "sql.h"

char *rejected_words(int64_t open)
{
    if (!open)
        return NULL;
    return x_printf("%" PRId64 " rejected document%s open", open, open == 1 ? " is" : "s are");
}

static int still_open(struct context *context, const struct report_item *item, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *words = rejected_words(item->rejected_open);
    _cleanup_free_ char *query = rejections_query(item->index);
    bool one = item->rejected_open == 1;
    error_set(err, ERR_REJECTED, "index \"%s\": %s", item->index, words);
    error_hint(err,
               "Everything else is up to date. Mend the source; every es_update tries %s again, "
               "and --allow-rejected %" PRId64 " tolerates %s. See why: %s",
               one ? "it" : "them", item->rejected_open, one ? "it" : "them", query);
    if (history_query(context->history, sql_history_rejected_example, PG_VALUES(item->index), &rows,
                      &ignored) == 0 &&
        pg_rows_count(rows))
        error_detail(err, "%s_id \"%s\": %s: %s",
                     one ? "" : "The latest: ", pg_text(rows, 0, "doc_id"),
                     pg_text(rows, 0, "error_type"), pg_text(rows, 0, "reason"));
    return -1;
}

int rejected_judge(struct context *context, int64_t allowed, const struct report *report,
                   struct error *err)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].rejected_open > allowed)
            return still_open(context, &report->items[i], err);
    return 0;
}
