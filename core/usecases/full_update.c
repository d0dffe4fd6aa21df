#include "usecases/full_update.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/division.h"
#include "domain/load_worker.h"
#include "domain/survey.h"
#include "sql.h"
#include "usecases/tracked.h"

/* About half a second of the engine's time: so much is done again after a crash. */
static const int64_t default_range_documents = 50000;

/* Gives `why` if what was then is ahead of what is now, by the statement; nothing where one of them
 * is not known. */
static int was_ahead(const struct full_update *update, const char *sql, const char *then,
                     const char *now, const char *why, const char **ret_why, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!then || !now)
        return 0;
    if (history_query(update->context->history, sql, PG_VALUES(then, now), &rows, err) < 0)
        return -1;
    if (pg_bool(rows, 0, "after"))
        *ret_why = why;
    return 0;
}

/* Of a standby: what it has not replayed yet would be missing behind the mark of the first start.
 */
static int find_standby_behind(const struct full_update *update, const struct full_load *load,
                               const char **ret_why, struct error *err)
{
    static const char behind[] = "the source is a standby that is behind what was begun with";
    if (!update->horizon->moment && load->changed_through)
        *ret_why = behind;
    return was_ahead(update, sql_history_time_after, load->changed_through, update->horizon->moment,
                     behind, ret_why, err);
}

/* Why the unfinished one cannot be gone on with, or NULL. */
static int find_obstacle(const struct full_update *update, const struct full_load *load,
                         const char **ret_why, struct error *err)
{
    const struct source *source = update->source;
    const char *now = update->horizon->taken_at;
    *ret_why = NULL;
    if (update->restart)
        *ret_why = "as asked";
    else if (strcmp(load->index_uuid, update->instance->index_uuid) != 0)
        *ret_why = "the index is another one now";
    else if (strcmp(load->source_system_identifier, source->system_identifier) != 0 ||
             strcmp(load->source_database_oid, source->database_oid) != 0)
        *ret_why = "the source is another database now";
    else if (strcmp(load->source_timeline, source->timeline) != 0)
        *ret_why = "the source was restored, or failed over, since";
    if (!*ret_why && was_ahead(update, sql_history_lsn_after, load->source_lsn, source->lsn,
                               "the source was set back to an earlier state", ret_why, err) < 0)
        return -1;
    if (!*ret_why && was_ahead(update, sql_history_time_after, load->taken_at, now,
                               "the source's clock went back", ret_why, err) < 0)
        return -1;
    return 0;
}

/* Goes on with the unfinished one, if there is one and nothing is in its way. */
static int resume(const struct full_update *update, struct full_load *ret_load, struct error *err)
{
    struct context *context = update->context;
    const char *name = update->instance->index_name;
    const char *why;
    _cleanup_(full_load_release) struct full_load load = {};
    if (full_load_find(context->history, update->instance->id, &load, err) < 0)
        return -1;
    if (!load.id)
        return 0;
    /* With nothing done yet, what a new start finds out is better: rows that are gone since the
     * first one, of which that has written documents, are swept. */
    if (load.left == load.total)
        return full_load_end(context->history, update->action_id, false, err);
    if (find_obstacle(update, &load, &why, err) < 0)
        return -1;
    if (!why && !update->source->lsn && find_standby_behind(update, &load, &why, err) < 0)
        return -1;
    if (!why && load.is_old && update->instance->filled_at)
        /* Who reads everything again wants to have it as it is now. */
        why = "it was cut short more than a day ago";
    if (!why && update->instance->filled_at && !source_tells_changes(update->source))
        why = "nothing tells what has changed since";
    _cleanup_free_ char *began = time_rfc3339(load.started_at);
    if (why) {
        log_say(context->log, LOG_NOTICE, "%s: the full update begun at %s is begun anew: %s", name,
                began, why);
        return full_load_end(context->history, update->action_id, false, err);
    }
    log_say(context->log, LOG_NOTICE,
            "%s: going on with the full update begun at %s: %zu of %zu ranges are done", name,
            began, load.total - load.left, load.total);
    free(update->horizon->moment);
    update->horizon->moment = x_strdup(load.changed_through);
    load.resumed = true;
    *ret_load = TAKE(load);
    return 0;
}

static void say_division(const struct full_update *update, const struct division *division)
{
    const struct log *log = update->context->log;
    const char *name = update->instance->index_name;
    if (division->why_not)
        log_say(log, LOG_NOTICE,
                "%s: read as one range, so that an interrupted full update begins again: %s", name,
                division->why_not);
    else
        log_say(log, LOG_DETAIL, "%s: ranges of _id to read: %zu", name, division->count + 1);
}

int full_update_begin(const struct full_update *update, struct full_load *ret_load,
                      struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    const struct source *source = update->source;
    *ret_load = (struct full_load){};
    if (resume(update, ret_load, err) < 0)
        return -1;
    if (ret_load->id)
        return 0;

    _cleanup_(division_release) struct division division = {};
    _cleanup_(full_load_release) struct full_load load = {
        .index_uuid = x_strdup(instance->index_uuid),
        .source_system_identifier = x_strdup(source->system_identifier),
        .source_database_oid = x_strdup(source->database_oid),
        .source_lsn = x_strdup(source->lsn),
        .source_timeline = x_strdup(source->timeline),
        .taken_at = x_strdup(update->horizon->taken_at),
        .changed_through = x_strdup(update->horizon->moment),
    };
    int64_t documents = update->range_documents ? update->range_documents : default_range_documents;
    /* What a request of a killed run still writes is to be below the marks. */
    if (tracked_seen(source, &load.trackers, err) < 0 ||
        division_find(update->source, documents, &division, err) < 0 ||
        engine_wait_written(context->engine, instance->index_name, err) < 0 ||
        engine_max_seq_no(context->engine, instance->index_name, &load.marks, &load.shards, err) <
            0)
        return -1;
    say_division(update, &division);
    if (full_load_begin(context->history, update->action_id, (const char *const *)division.bounds,
                        division.count, &load, err) < 0)
        return -1;
    *ret_load = TAKE(load);
    return 0;
}

static int nothing_to_join(const struct full_update *update, bool cut_short, struct error *err)
{
    const struct instance *instance = update->instance;
    error_set(err, ERR_FAILED, "index \"%s\": no full update of it is running",
              instance->index_name);
    return error_hint(err, "%s: esmigrate es_update %s-%d%s",
                      cut_short ? "One was cut short; to go on" : "To begin one", instance->master,
                      instance->number, instance->filled_at ? " --full" : "");
}

int full_update_join(const struct full_update *update, struct full_load *ret_load,
                     struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    _cleanup_(full_load_release) struct full_load load = {};
    const char *why;
    bool any;
    *ret_load = (struct full_load){};
    if (full_load_find(context->history, instance->id, &load, err) < 0 ||
        load_worker_any(context->history, instance->id, &any, err) < 0)
        return -1;
    if (!load.id || !any)
        return nothing_to_join(update, load.id, err);
    if (find_obstacle(update, &load, &why, err) < 0)
        return -1;
    if (!why && (!load.source_lsn || !update->source->lsn))
        why = "the source is a standby, and others may have replayed more or less than it";
    if (!why && update->source->columns.has_routing)
        why = "its documents have a _routing, whose copies on other shards one process looks for";
    if (why) {
        error_set(err, ERR_FAILED, "index \"%s\": its full update cannot be joined: %s",
                  instance->index_name, why);
        return error_hint(err, "It goes on without this one. See esmigrate es_history --status "
                               "running");
    }
    *ret_load = TAKE(load);
    return 0;
}
