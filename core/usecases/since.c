#include "usecases/since.h"

#include <string.h>

#include "base/memory.h"
#include "sql.h"

int since_check_identity(const struct instance *instance, const struct source *source,
                         struct error *err)
{
    if (!instance->source_system_identifier ||
        (strcmp(instance->source_system_identifier, source->system_identifier) == 0 &&
         strcmp(instance->source_database_oid, source->database_oid) == 0))
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" was filled from another source database",
              instance->index_name);
    return error_hint(err, "If this one has taken its place: esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

int since_choose(struct context *context, const struct instance *instance,
                 const struct source *source, const char *asked, char **ret_since,
                 struct error *err)
{
    const struct log *log = context->log;
    if (!instance->filled_at) {
        log_say(log, LOG_NOTICE, "%s: it is not filled yet, so this update is a full one",
                instance->index_name);
        return 0;
    }
    if (!source->changed && !source->columns.has_changed_at) {
        log_say(log, LOG_WARNING,
                "%s: documents.sql has no _changed_at, so every update is a full one",
                instance->index_name);
        return 0;
    }
    if (since_check_identity(instance, source, err) < 0)
        return -1;
    if (asked) {
        *ret_since = x_strdup(asked);
        return 0;
    }
    if (!instance->changed_through) {
        log_say(log, LOG_NOTICE, "%s: no changed-since time is known yet, so the update is full",
                instance->index_name);
        return 0;
    }
    *ret_since = x_strdup(instance->changed_through);
    if (!source->changed)
        log_say(log, LOG_NOTICE,
                "%s has no changed.sql: rows that are gone are found by --full only",
                instance->index_name);
    return 0;
}

static int is_after(struct history *history, const char *one, const char *other, bool *ret_after,
                    struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_time_after, PG_VALUES(one, other), &rows, err) < 0)
        return -1;
    *ret_after = pg_bool(rows, 0, "after");
    return 0;
}

int since_check_clock(struct context *context, const struct instance *instance,
                      const char *taken_at, struct error *err)
{
    bool went_back = false;
    if (!instance->changed_through || !taken_at)
        return 0;
    if (is_after(context->history, instance->changed_through, taken_at, &went_back, err) < 0)
        return -1;
    if (!went_back)
        return 0;
    _cleanup_free_ char *mark = time_rfc3339(instance->changed_through);
    error_set(err, ERR_FAILED, "index \"%s\": the source's clock went back behind %s",
              instance->index_name, mark);
    return error_hint(err,
                      "Changes stamped meanwhile would be missed. Set the clock right, then: "
                      "esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

int since_leaves_gap(struct context *context, const struct instance *instance, const char *since,
                     bool *ret_gap, struct error *err)
{
    const char *mark = instance->changed_through;
    *ret_gap = !mark;
    return mark ? is_after(context->history, since, mark, ret_gap, err) : 0;
}
