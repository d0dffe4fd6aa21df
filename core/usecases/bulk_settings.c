#include "usecases/bulk_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "domain/action.h"
#include "sql.h"

enum {
    ASK_S = 5,            /* one question to the engine; a stop is noticed between two */
    PATIENCE_MS = 600000, /* a replica that takes longer makes itself without us */
};

static const char auto_expand[] = "index.auto_expand_replicas";
static const char replicas[] = "index.number_of_replicas";
static const char refresh[] = "index.refresh_interval";

/* Where the engine decides on the number of replicas itself, it is left alone. */
static int settings_now(struct context *context, const char *index, bool *ret_own_replicas,
                        char **ret_settings, struct error *err)
{
    _cleanup_free_ char *expand = NULL;
    const char *const ask[] = {auto_expand};
    const char *const take[] = {refresh, replicas};
    if (engine_get_settings(context->engine, index, ask, 1, &expand, err) < 0)
        return -1;
    *ret_own_replicas = !strstr(expand, "null") && !strstr(expand, "false");
    return engine_get_settings(context->engine, index, take, *ret_own_replicas ? 1 : 2,
                               ret_settings, err);
}

static int settings_restored(struct context *context, const char *action_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_instance_settings_restored,
                      PG_VALUES(action_id), &rows, err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

/* Who replaced this run may have filled the index meanwhile, and activated it. */
static int still_ours(struct context *context, const char *index, const char *settings,
                      const char *action_id, struct error *err)
{
    _cleanup_(error_release) struct error second = {};
    if (action_check(context->history, action_id, err) == 0)
        return 0;
    if (engine_put_settings(context->engine, index, settings, &second) < 0)
        log_error(context->log, &second);
    return -1;
}

int bulk_settings_begin(struct context *context, const struct instance *instance,
                        const char *action_id, struct error *err)
{
    const char *index = instance->index_name;
    _cleanup_free_ char *settings = NULL;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    bool own_replicas;
    if (instance->filled_at || instance->active || instance->settings_to_restore)
        return 0;
    if (settings_now(context, index, &own_replicas, &settings, err) < 0 ||
        history_query(context->history, sql_history_instance_settings_taken,
                      PG_VALUES(action_id, settings), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    log_say(context->log, LOG_DETAIL, "%s: no refresh%s while it is filled; then %s again", index,
            own_replicas ? "" : " and no replicas", settings);
    if (engine_put_settings(context->engine, index,
                            own_replicas ? "{\"index.refresh_interval\":\"-1\"}"
                                         : "{\"index.refresh_interval\":\"-1\","
                                           "\"index.number_of_replicas\":\"0\"}",
                            err) == 0)
        return still_ours(context, index, settings, action_id, err);
    if (!engine_refused(err))
        return -1;
    /* It goes without; if it is a block, the documents will meet it, and wait. */
    log_say(context->log, LOG_DETAIL, "%s: the settings stay as they are: %s", index, err->message);
    error_release(err);
    return settings_restored(context, action_id, err);
}

static int wait_for_copies(struct context *context, const char *index, struct error *err)
{
    int64_t until = clock_ms() + PATIENCE_MS;
    bool done = false;
    while (!done && clock_ms() < until) {
        if (stop_check(err) < 0 ||
            engine_wait_copies(context->engine, index, ASK_S, &done, err) < 0)
            return -1;
        if (!done)
            log_say(context->log, LOG_DETAIL, "%s: the engine still makes its replicas", index);
    }
    if (!done)
        log_say(context->log, LOG_WARNING,
                "%s: the engine still makes its replicas; it is complete without them", index);
    return 0;
}

int bulk_settings_end(struct context *context, const struct instance *instance,
                      const char *action_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *index = instance->index_name;
    if (history_query(context->history, sql_history_instance_settings,
                      PG_VALUES(pg_number(instance->id).text), &rows, err) < 0)
        return -1;
    const char *settings = pg_rows_count(rows) ? pg_text(rows, 0, "settings") : NULL;
    if (!settings)
        return 0;
    if (action_check(context->history, action_id, err) < 0 ||
        engine_put_settings(context->engine, index, settings, err) < 0 ||
        wait_for_copies(context, index, err) < 0)
        return -1;
    return settings_restored(context, action_id, err);
}
