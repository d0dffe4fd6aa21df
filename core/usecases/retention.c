#include "usecases/retention.h"

#include "base/memory.h"
#include "sql.h"
#include "usecases/feed.h"
#include "usecases/owner.h"

static int find_retired(struct context *context, const struct retention *retention,
                        const struct master *master, struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_(master_options_release) struct master_options options = {};
    const struct send_limits none = {};
    int64_t seconds;
    if (feed_options(context, master, &none, &options, err) < 0)
        return -1;
    const char *older_than = retention->older_than ? retention->older_than
                             : options.retain      ? options.retain
                                                   : "7 days";
    const char *what = retention->older_than ? "--older-than" : "\"retain\" in master.json";
    if (history_interval_seconds(context->history, older_than, what, &seconds, err) < 0)
        return -1;
    return history_query(
        context->history, sql_history_instances_retired,
        PG_VALUES(pg_number(master->id).text, older_than, pg_number(retention->retain).text),
        ret_rows, err);
}

/* *ret_alias, NULL without one, is the caller's. An index that is gone has none. */
static int find_reading_alias(struct context *context, const struct instance *instance,
                              char **ret_alias, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    *ret_alias = x_strdup(owner_reading_alias(&index));
    return 0;
}

int retention_choose(struct context *context, const struct retention *retention,
                     struct choice *choice, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (find_retired(context, retention, &choice->master, &rows, err) < 0)
        return -1;
    if (!instances_active(&choice->instances))
        log_say(context->log, LOG_DETAIL, "%s has no active instance, so none of it is retired",
                choice->master.name);
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        _cleanup_free_ char *alias = NULL;
        const struct instance *instance =
            instances_by_id(&choice->instances, pg_int(rows, i, "id"));
        if (!instance)
            continue;
        if (find_reading_alias(context, instance, &alias, err) < 0)
            return -1;
        if (alias)
            log_say(context->log, LOG_WARNING,
                    "index \"%s\" is retired, but alias \"%s\" points to it: it stays",
                    instance->index_name, alias);
        else
            choice_add(choice, instance);
    }
    return 0;
}

int retention_check(struct context *context, const struct retention *retention,
                    const struct instance *instance, struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *alias = NULL;
    bool retired = false;
    if (history_find_master(context->history, instance->master, &master, err) < 0 ||
        find_retired(context, retention, &master, &rows, err) < 0 ||
        find_reading_alias(context, instance, &alias, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        retired = retired || pg_int(rows, i, "id") == instance->id;
    if (retired && !alias)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" is not retired any more", instance->index_name);
    if (alias)
        error_detail(err, "Alias \"%s\" points to it.", alias);
    return error_hint(err, "It stays. See what is active now: esmigrate es_list %s",
                      instance->master);
}
