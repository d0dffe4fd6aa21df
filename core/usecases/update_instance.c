#include "usecases/update_instance.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/horizon.h"
#include "load/changes.h"
#include "load/ranges.h"
#include "load/sweep.h"
#include "sql.h"
#include "usecases/bulk_settings.h"
#include "usecases/feed.h"
#include "usecases/fence.h"
#include "usecases/forecast.h"
#include "usecases/full_update.h"
#include "usecases/helpers.h"
#include "usecases/rejected.h"
#include "usecases/run.h"
#include "usecases/shared_load.h"
#include "usecases/since.h"
#include "usecases/targets.h"
#include "usecases/tracked.h"

/* One update of one instance, from the lock to the mark. */
struct update {
    struct context *context;
    const struct update_request *request;
    const struct instance *instance;
    struct run *run;
    struct report_item *item;
    struct master_options options;
    struct source *source;
    struct helpers helpers; /* of a full one */
    struct sender *sender;
    struct load load;
    struct meter meter;
    struct catch_up catch_up; /* of a full one */
    char *write_alias;
    char *since; /* what the update starts from; NULL: it is a full one */
    int64_t version;
    struct horizon horizon;
    struct full_load full;     /* of a full one, with what comes next */
    struct load_worker worker; /* this run */
    struct load_work work;     /* once no range is left */
    bool finishes;             /* no other worker brings it to its end */
};

static void update_release(struct update *update)
{
    meter_end(&update->meter);
    catch_up_release(&update->catch_up);
    copies_release(&update->load.copies);
    sender_close(update->sender);
    load_release(&update->load);
    full_load_release(&update->full);
    helpers_release(&update->helpers);
    source_close(update->source);
    master_options_release(&update->options);
    free(update->write_alias);
    free(update->since);
    horizon_release(&update->horizon);
}

/* ---- reading and writing ---- */

static struct full_update full_update(struct update *update)
{
    return (struct full_update){
        .context = update->context,
        .instance = update->instance,
        .action_id = update->run->action.id,
        .source = update->source,
        .horizon = &update->horizon,
        .range_documents = update->options.range_documents,
        .restart = update->request->restart,
    };
}

static int begin_work(struct update *update, bool joins, struct error *err)
{
    update->worker = (struct load_worker){
        .history = update->context->history,
        .action_id = update->run->action.id,
        .load_id = update->full.id,
    };
    if (run_work(update->run, err) < 0 || load_worker_begin(&update->worker, joins, err) < 0)
        return -1;
    update->meter.worker = &update->worker;
    return 0;
}

/* A full update goes on where one was cut short; what is marked is the first start's (R1 f). From
 * here on others may join it. */
static int begin_full(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const char *action_id = update->run->action.id;
    const struct full_update full = full_update(update);
    if (full_update_begin(&full, &update->full, err) < 0 ||
        bulk_settings_begin(context, update->instance, action_id, err) < 0 ||
        history_query(context->history, sql_history_instance_loading, PG_VALUES(action_id), NULL,
                      err) < 0 ||
        begin_work(update, false, err) < 0)
        return -1;
    return run_share_instance(update->run, err);
}

/* The history knows the epoch before the engine does (rule R2). */
static int join_full(struct update *update, struct error *err)
{
    const struct full_update full = full_update(update);
    if (full_update_join(&full, &update->full, err) < 0 || begin_work(update, true, err) < 0)
        return -1;
    return fence_add(update->context, update->instance, update->worker.epoch, &update->write_alias,
                     err);
}

/* The mark is that of the first start. */
static void take_changed_through(struct update *update)
{
    free(update->horizon.moment);
    update->horizon.moment = x_strdup(update->full.changed_through);
}

/* Readers may be elsewhere: someone moved the alias by hand, or the history is older than that. */
static int look_for_readers(struct context *context, const struct instance *instance,
                            struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, instance->master);
    if (!instance->active)
        return 0;
    if (engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    if (count != 1 || strcmp(names[0], instance->index_name) != 0)
        log_say(context->log, LOG_WARNING,
                "alias \"%s\" points to %s%s in the engine, but the history has %s as active: it "
                "is updated, and not seen through the alias",
                alias, count ? names[0] : "no index", count > 1 ? " and others" : "",
                instance->index_name);
    texts_free(names, count);
    return 0;
}

/* Rejected documents that a standby lacks are not gone: they are left for a later update. */
static int look_at_standby(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    _cleanup_free_ char *behind = NULL;
    int64_t open = 0;
    if (since_find_behind(instance, update->source, update->options.overlap, &behind, err) < 0 ||
        (behind && rejected_count(context, instance->id, &open, err) < 0))
        return -1;
    update->load.keeps_rejected = open > 0;
    if (open)
        log_say(context->log, LOG_WARNING, "%s: %s: rejected documents are not read again",
                instance->index_name, behind);
    return 0;
}

/* The order is rule R2's and R3's: fence, version, horizon, and only then the snapshot. */
static int prepare(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    bool joins = update->request->join;
    if (check_durable(context, instance, err) < 0)
        return -1;
    meter_begin(&update->meter, context->watch, context->history, context->engine,
                update->run->action.id, instance->index_name);
    pg_set_ticker(update->source->pg, &update->meter.ticker);
    if ((joins ? join_full(update, err)
               : fence_raise(context, instance, update->run->action.id, &update->write_alias,
                             err)) < 0 ||
        look_for_readers(context, instance, err) < 0 ||
        feed_take_version(context, update->run, &update->version, err) < 0 ||
        horizon_find(update->source, context->history, update->options.overlap, context->log,
                     &update->horizon, err) < 0 ||
        (update->since && since_check_clock(context, instance, &update->horizon, err) < 0))
        return -1;
    if (joins)
        take_changed_through(update);
    else if (!update->since && begin_full(update, err) < 0)
        return -1;
    update->sender =
        feed_open_sender(context, instance, update->run, update->write_alias, update->version,
                         update->source, &update->options, &update->request->rejected);
    update->load = (struct load){
        .source = update->source,
        .sender = update->sender,
        .history = context->history,
        .engine = context->engine,
        .log = context->log,
        .instance_id = instance->id,
        .action_id = update->run->action.id,
        .index_name = instance->index_name,
        .meter = &update->meter,
        .worker = update->since ? NULL : &update->worker,
    };
    update->meter.sender = update->sender;
    return update->since ? look_at_standby(update, err) : 0;
}

/* Fewer documents than were accepted: some had the same _id. The source is asked which. What was
 * accepted before a full update was cut short, an update of what changed may have deleted since. */
static int check_count(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    int64_t indexed = update->work.indexed;
    int64_t count;
    char **ids = NULL;
    size_t id_count = 0;
    if (update->full.resumed && instance->filled_at)
        return 0;
    if (engine_count(update->context->engine, instance->index_name, &count, err) < 0)
        return -1;
    if (count >= indexed)
        return 0;
    if (source_duplicate_ids(update->source, 5, &ids, &id_count, err) < 0)
        return -1;
    if (id_count) {
        _cleanup_(buffer_release) struct buffer list = BUFFER(BUFFER_TEXT_MAX);
        for (size_t i = 0; i < id_count; i++)
            buffer_printf(&list, "%s%s", i ? ", " : "", ids[i]);
        error_set(err, ERR_FAILED,
                  "index \"%s\": documents.sql returns the same _id more than once",
                  instance->index_name);
        error_detail(err, "For example: %s.", buffer_cstr(&list));
        error_hint(err,
                   "Mend the rows, then: esmigrate es_update %s-%d --full. Or make _id unique in "
                   "documents.sql, then: esmigrate es_create %s",
                   instance->master, instance->number, instance->master);
    } else {
        error_set(err, ERR_FAILED,
                  "index \"%s\" holds %" PRId64 " documents, but %" PRId64 " were accepted",
                  instance->index_name, count, indexed);
        error_hint(err,
                   "Something else deletes documents from it. Begin anew: esmigrate es_update "
                   "%s-%d --restart",
                   instance->master, instance->number);
    }
    texts_free(ids, id_count);
    return -1;
}

/* What the sweep cannot know where a range was read twice is named: its marks are those of the
 * start. */
static void say_what_is_not_swept(const struct update *update)
{
    if ((!update->full.resumed && !update->work.cut_short) || update->source->changed)
        return;
    _cleanup_free_ char *began = time_rfc3339(update->full.started_at);
    log_say(update->context->log, LOG_NOTICE,
            "%s: rows that are gone since %s, when this full update began, are found by the next "
            "--full only",
            update->instance->index_name, began);
}

/* Only the one who finishes has all that the others did behind it. */
static int finish_everything(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    const struct full_load *full = &update->full;
    const char *index_name = instance->index_name;
    if (update->work.is_shared &&
        fence_alone(context, instance, update->run->action.id, update->write_alias, err) < 0)
        return -1;
    if ((update->work.is_shared || full->resumed) &&
        load_rejected_of_others(&update->load, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_REFRESH);
    if ((!update->work.indexed && sender_check_accepted(update->sender, err) < 0) ||
        engine_refresh(context->engine, index_name, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_SWEEP);
    if (load_sweep(&update->load, full->marks, full->shards, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_RESTORE);
    if (bulk_settings_end(context, instance, update->run->action.id, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_MERGE);
    if (update->request->force_merge && engine_force_merge(context->engine, index_name, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_REFRESH);
    say_what_is_not_swept(update);
    if (engine_refresh(context->engine, index_name, err) < 0)
        return -1;
    return check_count(update, err);
}

static int load_everything(struct update *update, struct error *err)
{
    const struct shared_load shared = {
        .context = update->context,
        .instance = update->instance,
        .run = update->run,
        .load = &update->load,
    };
    if (shared_load_work(&shared, &update->work, &update->finishes, err) < 0)
        return -1;
    if (update->finishes)
        return finish_everything(update, err);
    log_say(update->context->log, LOG_NOTICE,
            "%s: nothing is left to read; another worker brings the full update to its end",
            update->instance->index_name);
    return 0;
}

static int load_what_changed(struct update *update, struct error *err)
{
    if (load_changed(&update->load, update->since, err) < 0 ||
        copies_finish(&update->load.copies, err) < 0 || sender_finish(update->sender, err) < 0)
        return -1;
    meter_phase(&update->meter, PROGRESS_REFRESH);
    return engine_refresh(update->context->engine, update->instance->index_name, err);
}

static struct forecast forecast_of(struct update *update)
{
    return (struct forecast){
        .context = update->context,
        .instance = update->instance,
        .source = update->source,
        .meter = &update->meter,
        .count = update->request->count,
    };
}

static int look_ahead(struct update *update, struct error *err)
{
    const struct forecast forecast = forecast_of(update);
    const struct source_options options = context_source_options(
        update->context, update->options.source, update->instance->search_path);
    if (update->since ? forecast_changed(&forecast, update->since, err) < 0
                      : forecast_full(&forecast, &update->full, err) < 0)
        return -1;
    if (!update->since)
        catch_up_begin(&update->catch_up, &forecast, &options, &update->horizon);
    meter_phase(&update->meter, PROGRESS_LOAD);
    return 0;
}

/* Each worker fills a request of its own: together they take no more memory than one does. */
static void share_memory(struct update *update)
{
    enum { LEAST = 512 * 1024 };
    int64_t *bytes = &update->options.sending.batch_bytes;
    int64_t workers = (int64_t)update->request->workers;
    if (*bytes || workers < 2)
        return;
    *bytes = SENDER_BATCH_BYTES / workers;
    if (*bytes < LEAST)
        *bytes = LEAST;
}

/* As many as there are ranges for. The copies of a document that a routing has left on other shards
 * are looked for range by range. */
static int open_helpers(struct update *update, struct error *err)
{
    size_t workers = update->request->workers;
    size_t most = update->source->columns.has_routing ? 1 : update->full.left;
    if (workers > 1 && workers > most) {
        workers = most ? most : 1;
        log_say(update->context->log, LOG_DETAIL, "%s: read by %zu worker%s%s",
                update->instance->index_name, workers, workers == 1 ? "" : "s",
                update->source->columns.has_routing ? ", since its documents have a _routing"
                                                    : ", since there are no more ranges");
    }
    if (workers < 2)
        return 0;
    return helpers_open(update->context, update->instance, &update->options, update->source,
                        workers - 1, &update->meter.ticker, &update->helpers, err);
}

static int load_in_snapshot(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const char *index_name = update->instance->index_name;
    if (copies_open(&update->load.copies, context->engine, update->sender, index_name,
                    update->source->columns.has_routing, err) < 0 ||
        source_begin(update->source, err) < 0 ||
        tracked_check(context, update->instance, update->source, update->since, err) < 0 ||
        look_ahead(update, err) < 0 || (!update->since && open_helpers(update, err) < 0))
        return -1;
    update->load.helpers = update->helpers.list;
    update->load.helper_count = update->helpers.count;
    if (update->since ? load_what_changed(update, err) < 0 : load_everything(update, err) < 0)
        return -1;
    if (update->load.never_changes)
        log_say(context->log, LOG_WARNING,
                "%s: %" PRId64 " documents have a null _changed_at: no later update will see them "
                "change; use coalesce() in documents.sql",
                index_name, update->load.never_changes);
    if (source_end(update->source, err) < 0)
        return -1;
    catch_up_end(&update->catch_up);
    meter_end(&update->meter);
    return 0;
}

/* ---- the mark ---- */

static int settle_rejected(struct update *update, struct error *err)
{
    int64_t id = update->instance->id;
    if (update->load.keeps_rejected)
        return rejected_keep(update->context, id, update->item, err);
    return rejected_settle(update->context, id, update->run, update->item, err);
}

static int set_mark(struct update *update, struct error *err)
{
    struct history *history = update->context->history;
    _cleanup_(pg_rows_freep) struct pg_rows *marked = NULL;
    bool gap = false;
    if (update->since &&
        since_leaves_gap(update->context, update->instance, update->since, &gap, err) < 0)
        return -1;
    if (gap)
        log_say(update->context->log, LOG_WARNING,
                "%s: --since begins after changed_through, which therefore stays where it is",
                update->instance->index_name);
    if (!update->since && full_load_end(history, update->run->action.id, true, err) < 0)
        return -1;
    if (settle_rejected(update, err) < 0 ||
        history_query(history, sql_history_instance_updated,
                      PG_VALUES(update->run->action.id, gap ? NULL : update->horizon.moment,
                                update->since ? "false" : "true", update->source->system_identifier,
                                update->source->database_oid, update->source->lsn,
                                update->source->timeline, update->horizon.taken_at,
                                update->horizon.boot,
                                pg_number(update->horizon.uptime_after_us).text),
                      &marked, err) < 0)
        return -1;
    if (!pg_rows_count(marked))
        return action_replaced(err);
    update->item->changed_through = x_strdup(pg_text(marked, 0, "changed_through"));
    return 0;
}

/* Mark and closed row are one transaction: neither is there without the other. */
static int finish(struct update *update, struct error *err)
{
    if (!update->since && !update->finishes) {
        update->run->outcome.result = "joined";
        return 0;
    }
    if (check_durable(update->context, update->instance, err) < 0 ||
        run_begin_results(update->run, err) < 0 || set_mark(update, err) < 0)
        return -1;
    struct action_outcome *outcome = &update->run->outcome;
    outcome->status = update->item->rejected_open ? ACTION_PARTIAL : ACTION_COMPLETE;
    outcome->error = update->item->partial = rejected_words(update->item->rejected_open);
    outcome->changed_through = update->item->changed_through;
    return 0;
}

/* A full update that failed, for whatever is outside of it, is gone on with: what is accounted for
 * by now is not read again. After a verdict on what it brought, such as the same _id twice, it is
 * begun anew. Others, which may have joined, find that out for themselves. */
static void leave_full(struct update *update, enum error_kind why)
{
    _cleanup_(error_release) struct error ignored = {};
    if (!update->full.id)
        return;
    if (why == ERR_FAILED && !update->request->join)
        full_load_end(update->context->history, update->run->action.id, false, &ignored);
    else
        load_record_ranges(&update->load, &ignored);
}

/* Who was replaced by another worker may notice it by the lock that it lost, or by the engine. */
static void explain_replaced(struct update *update, struct error *err)
{
    _cleanup_(error_release) struct error replaced = {};
    if (update->worker.epoch && err->kind != ERR_STOPPED &&
        load_worker_check(&update->worker, &replaced) < 0 && replaced.kind == ERR_FAILED)
        error_move(err, &replaced);
}

/* A changed update that cannot be trusted asks for a full one; what an earlier one that was cut
 * short has done may be just what is wrong. */
static void forget_full(const struct update *update, enum error_kind why)
{
    _cleanup_(error_release) struct error ignored = {};
    if (why == ERR_FAILED && !update->request->full && update->instance->filled_at &&
        !update->context->settings.dry_run)
        full_load_end(update->context->history, update->run->action.id, false, &ignored);
}

static int choose_since(struct update *update, struct error *err)
{
    const struct update_request *request = update->request;
    if (!request->full && since_choose(update->context, update->instance, update->source,
                                       request->since, request->again, &update->since, err) < 0)
        return -1;
    return tracked_check(update->context, update->instance, update->source, update->since, err);
}

static int update_in_run(struct update *update, const struct master *master, struct error *err)
{
    struct report_item *item = update->item;
    if (feed_options(update->context, master, &update->request->sending, &update->options, err) < 0)
        return -1;
    share_memory(update);
    if (feed_open_source(update->context, update->instance, &update->options, &update->source,
                         err) < 0)
        return -1;
    if (choose_since(update, err) < 0) {
        forget_full(update, err->kind);
        return -1;
    }
    item->mode = update->since ? "changed" : "full";
    item->changed_from = x_strdup(update->since);
    if (update->context->settings.dry_run)
        return check_durable(update->context, update->instance, err);
    if (prepare(update, err) == 0 && load_in_snapshot(update, err) == 0 && finish(update, err) == 0)
        return 0;
    if (update->sender)
        explain_lost(update->context, update->instance, err);
    else
        forget_full(update, err->kind);
    explain_replaced(update, err);
    feed_failed(update->run, update->instance, update->sender, !update->since, err);
    leave_full(update, err->kind);
    return -1;
}

int update_instance(struct run *run, const struct update_request *request,
                    const struct master *master, const struct instance *instance,
                    struct report_item *item, struct error *err)
{
    _cleanup_(update_release) struct update update = {
        .context = run->context,
        .request = request,
        .instance = instance,
        .run = run,
        .item = item,
    };
    int result = update_in_run(&update, master, err);
    feed_note(update.sender, run, item);
    return result;
}
