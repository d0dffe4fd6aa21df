#include "usecases/init.h"

#include "base/memory.h"
#include "domain/names.h"
#include "sql.h"

static int list_live(struct context *context, struct report *report, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_instances_live, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        struct report_item *item = report_add(report, "init", pg_text(rows, i, "master"));
        item->number = (int)pg_int(rows, i, "number");
        item->index = x_strdup(pg_text(rows, i, "index_name"));
    }
    return 0;
}

int init_history(struct context *context, bool adopt, struct schema_upgrade *ret_upgrade,
                 struct report *taken_over, struct error *err)
{
    const char *prefix = context->settings.prefix;
    struct history_options options = {
        .conninfo = context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (name_check_prefix(prefix, err) < 0)
        return -1;
    if (!context->history && history_open(&options, &context->history, err) < 0)
        return -1;
    int result = context->settings.dry_run
                     ? schema_plan(context->history, prefix, adopt, ret_upgrade, err)
                     : schema_upgrade(context->history, prefix, adopt, ret_upgrade, err);
    if (result == 0 && adopt && ret_upgrade->copied)
        result = list_live(context, taken_over, err);
    return result;
}
