#include "usecases/fold.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/stop.h"
#include "sql.h"
#include "usecases/run.h"

/* Once for the parts and again for the parents that have none any more. */
static int fold_day(struct context *context, const char *day, int64_t *folded, struct error *err)
{
    int64_t now;
    do {
        _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
        if (history_query(context->history, sql_history_action_fold_day, PG_VALUES(day), &rows,
                          err) < 0)
            return -1;
        now = pg_int(rows, 0, "folded");
        *folded += now;
    } while (now);
    return 0;
}

static int fold_days(struct context *context, const char *older_than, int64_t *folded,
                     struct error *err)
{
    _cleanup_free_ char *day = NULL;
    for (;;) {
        _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
        if (stop_check(err) < 0 || history_query(context->history, sql_history_action_next_day,
                                                 PG_VALUES(day, older_than), &rows, err) < 0)
            return -1;
        free(day);
        day = x_strdup(pg_text(rows, 0, "day"));
        if (!day)
            return 0;
        if (fold_day(context, day, folded, err) < 0)
            return -1;
    }
}

/* What it would be is found out by doing it, in a transaction that is undone. */
static int rehearse(struct context *context, const char *older_than, int64_t *folded,
                    struct error *err)
{
    if (history_begin(context->history, err) < 0)
        return -1;
    int result = fold_days(context, older_than, folded, err);
    history_rollback(context->history);
    return result;
}

int fold_history(struct context *context, const char *older_than, struct report *report,
                 struct error *err)
{
    /* It touches no master: a row as that of an action that stands for several. */
    enum { PARTS = 2 };
    struct parent parent = {};
    int64_t seconds, folded = 0;
    if (context_open_history(context, true, err) < 0 ||
        history_interval_seconds(context->history, older_than, "--history-older-than", &seconds,
                                 err) < 0 ||
        parent_begin(context, "prune", PARTS, &parent, err) < 0)
        return -1;
    parent.outcome.result = "folded";
    int result = context->settings.dry_run ? rehearse(context, older_than, &folded, err)
                                           : fold_days(context, older_than, &folded, err);
    if (folded) {
        struct report_item *item = report_add(report, "prune", NULL);
        snprintf(item->id, sizeof(item->id), "%s", parent.action.id);
        item->result = "folded";
        item->folded = folded;
    }
    return parent_end(&parent, result, err);
}
