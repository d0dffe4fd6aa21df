#include "usecases/update_instance.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/block.h"
#include "domain/horizon.h"
#include "load/load.h"
#include "sql.h"
#include "usecases/fence.h"
#include "usecases/rejected.h"
#include "usecases/run.h"
#include "usecases/since.h"

/* One update of one instance, from the lock to the mark. */
struct update {
    struct context *context;
    const struct update_request *request;
    const struct instance *instance;
    struct run *run;
    struct report_item *item;
    struct master_options options;
    struct source *source;
    struct sender *sender;
    struct load load;
    char *write_alias;
    char *since; /* what the update starts from; NULL: it is a full one */
    int64_t version;
    struct horizon horizon;
    char *partial;  /* for the row: why it is not complete */
    int64_t *marks; /* of a full one: the sequence numbers when it began */
    size_t shards;
};

static void update_release(struct update *update)
{
    sender_close(update->sender);
    source_close(update->source);
    master_options_release(&update->options);
    free(update->write_alias);
    free(update->since);
    horizon_release(&update->horizon);
    free(update->marks);
    free(update->partial);
}

/* ---- before anything is written ---- */

/* A declaration at hand beats what the history stored of the master's options. */
static int read_options(struct update *update, const struct master *master, struct error *err)
{
    struct context *context = update->context;
    _cleanup_(declaration_release) struct declaration declared = {};
    _cleanup_(error_release) struct error ignored = {};
    if (declaration_exists(context->settings.indexes, master->name)) {
        if (declaration_read(context->settings.indexes, master->name, &declared, &ignored) == 0) {
            update->options = TAKE(declared.options);
            return 0;
        }
        log_say(context->log, LOG_WARNING,
                "%s; the options that the history stored are used instead", ignored.message);
    }
    return master_options_parse(master->options, "options in the history", &update->options, err);
}

/* When --source was forgotten, the history's database was read: it is named. */
static void say_database(const struct update *update, struct error *err)
{
    bool by_default = !update->context->settings.source && !update->options.source;
    error_detail(err, "The source is the database \"%s\"%s.", pg_database(update->source->pg),
                 by_default ? ", that of the history, since neither --source, ESMIGRATE_SOURCE nor "
                              "\"source\" in master.json names one"
                            : "");
}

static int open_source(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    if (context_open_source(update->context, update->options.source, instance->search_path,
                            &update->source, err) < 0)
        return -1;
    if (source_check_options(update->source, NULL, update->options.overlap, instance->master, err) <
        0)
        return -1;
    if (source_use(update->source, &instance->content, update->options.max_document_bytes,
                   instance->index_name, err) == 0)
        return 0;
    if (err->kind != ERR_USAGE)
        return -1;
    err->kind = ERR_POSTGRES;
    if (!err->detail)
        say_database(update, err);
    return error_hint(
        err,
        "Is --source right? If it is, the SQL that the instance was created with, and is updated "
        "with, does not fit the source any more. Change the files, then: esmigrate es_create %s",
        instance->master);
}

/* ---- reading and writing ---- */

static int take_version(struct update *update, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(update->context->history, sql_history_instance_version,
                      PG_VALUES(update->run->action.id), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    update->version = pg_int(rows, 0, "read_version");
    return 0;
}

/* The order is rule R2's and R3's: fence, version, horizon, and only then the snapshot. */
static int prepare(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    if (fence_raise(context, instance, &update->write_alias, err) < 0 ||
        take_version(update, err) < 0 ||
        horizon_find(update->source, context->history, update->options.overlap, context->log,
                     &update->horizon, err) < 0 ||
        (update->since && since_check_clock(context, instance, &update->horizon, err) < 0))
        return -1;
    if (!update->since) {
        if (engine_max_seq_no(context->engine, instance->index_name, &update->marks,
                              &update->shards, err) < 0 ||
            history_query(context->history, sql_history_instance_loading,
                          PG_VALUES(update->run->action.id), NULL, err) < 0)
            return -1;
    }
    struct sender_options options = {
        .engine = context->engine,
        .history = context->history,
        .log = context->log,
        .secrets = &context->secrets,
        .instance_id = instance->id,
        .action_id = update->run->action.id,
        .index_name = instance->index_name,
        .write_alias = update->write_alias,
        .version = update->version,
        .max_document_bytes = update->source->max_document_bytes,
    };
    update->sender = sender_open(&options);
    update->load = (struct load){
        .source = update->source,
        .sender = update->sender,
        .history = context->history,
        .engine = context->engine,
        .log = context->log,
        .instance_id = instance->id,
        .index_name = instance->index_name,
    };
    return 0;
}

/* Fewer documents than were accepted: some had the same _id. The source is asked which. */
static int check_count(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    int64_t indexed = sender_totals(update->sender)->indexed;
    int64_t count;
    char **ids = NULL;
    size_t id_count = 0;
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
        error_hint(err, "Something else deletes documents from it. Run es_update --full again.");
    }
    texts_free(ids, id_count);
    return -1;
}

static int load_in_snapshot(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const char *index_name = update->instance->index_name;
    if (source_begin(update->source, err) < 0)
        return -1;
    int result = update->since ? load_changed(&update->load, update->since, err)
                               : load_all(&update->load, err);
    if (result < 0 || sender_finish(update->sender, err) < 0 ||
        (!update->since && sender_check_accepted(update->sender, err) < 0))
        return -1;
    if (!update->since && (engine_refresh(context->engine, index_name, err) < 0 ||
                           load_sweep(&update->load, update->marks, update->shards, err) < 0))
        return -1;
    if (engine_refresh(context->engine, index_name, err) < 0 ||
        (!update->since && check_count(update, err) < 0))
        return -1;
    if (update->load.never_changes)
        log_say(context->log, LOG_WARNING,
                "%s: %" PRId64 " documents have a null _changed_at: no later update will see them "
                "change; use coalesce() in documents.sql",
                index_name, update->load.never_changes);
    return source_end(update->source, err);
}

/* ---- the mark ---- */

static int set_mark(struct update *update, struct error *err)
{
    struct history *history = update->context->history;
    _cleanup_(pg_rows_freep) struct pg_rows *marked = NULL, *settled = NULL;
    bool gap = false;
    if (update->since &&
        since_leaves_gap(update->context, update->instance, update->since, &gap, err) < 0)
        return -1;
    if (gap)
        log_say(update->context->log, LOG_WARNING,
                "%s: --since begins after changed_through, which therefore stays where it is",
                update->instance->index_name);
    if (history_query(history, sql_history_rejected_settle, PG_VALUES(update->run->action.id),
                      &settled, err) < 0 ||
        history_query(history, sql_history_instance_updated,
                      PG_VALUES(update->run->action.id, gap ? NULL : update->horizon.moment,
                                update->since ? "false" : "true", update->source->system_identifier,
                                update->source->database_oid, update->source->lsn,
                                update->source->timeline, update->horizon.taken_at,
                                update->horizon.boot, pg_number(update->horizon.uptime_us).text),
                      &marked, err) < 0)
        return -1;
    if (!pg_rows_count(marked))
        return action_replaced(err);
    update->item->rejected_open = pg_int(settled, 0, "open");
    update->item->changed_through = x_strdup(pg_text(marked, 0, "changed_through"));
    return 0;
}

/* Mark and closed row are one transaction: neither is there without the other. */
static int finish(struct update *update, struct error *err)
{
    if (check_ours(update->context, update->instance, NULL, err) < 0 ||
        run_begin_results(update->run, err) < 0 || set_mark(update, err) < 0)
        return -1;
    struct action_outcome *outcome = &update->run->outcome;
    outcome->status = update->item->rejected_open ? ACTION_PARTIAL : ACTION_COMPLETE;
    outcome->error = update->partial = rejected_words(update->item->rejected_open);
    outcome->changed_through = update->item->changed_through;
    return 0;
}

/* What was done so far, for the row and the report, whatever comes of it. */
static void note_outcome(struct update *update)
{
    struct action_outcome *outcome = &update->run->outcome;
    if (update->sender)
        update->item->totals = *sender_totals(update->sender);
    const struct sender_totals *totals = &update->item->totals;
    outcome->sent = totals->sent;
    outcome->indexed = totals->indexed;
    outcome->deleted = totals->deleted;
    outcome->rejected = totals->rejected;
    outcome->superseded = totals->superseded;
    outcome->retries = totals->retries;
    outcome->bytes = totals->bytes;
    outcome->mode = update->item->mode;
    outcome->changed_from = update->item->changed_from;
}

/* Where a failed update leaves the index, if it `began` to write or met a full disk. */
static int say_state(const struct instance *instance, bool began, struct error *err)
{
    _cleanup_free_ char *mark = time_rfc3339(instance->changed_through);
    _cleanup_free_ char *state = mark ? x_printf("changed_through stays at %s.", mark)
                                      : x_strdup("The index is not filled yet.");
    block_explain(instance->index_name, state, err);
    return err->detail || !began ? -1 : error_detail(err, "%s", state);
}

static int update_in_run(struct update *update, const struct master *master, struct error *err)
{
    struct report_item *item = update->item;
    if (read_options(update, master, err) < 0 || open_source(update, err) < 0 ||
        (!update->request->full && since_choose(update->context, update->instance, update->source,
                                                update->request->since, &update->since, err) < 0))
        return -1;
    item->mode = update->since ? "changed" : "full";
    item->changed_from = x_strdup(update->since);
    if (update->context->settings.dry_run)
        return context_open_engine(update->context, err) < 0
                   ? -1
                   : check_ours(update->context, update->instance, NULL, err);
    if (prepare(update, err) < 0)
        return say_state(update->instance, false, err);
    if (load_in_snapshot(update, err) < 0 || finish(update, err) < 0)
        return say_state(update->instance, true, err);
    return 0;
}

int update_instance(struct context *context, const struct update_request *request,
                    const struct master *master, const struct instance *instance,
                    const char *parent, struct report *report, struct error *err)
{
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "update",
        .parent_id = parent,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_INSTANCE,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "update", master->name);
    report_set_instance(item, instance);
    _cleanup_(instances_release) struct instances now = {};
    _cleanup_(update_release) struct update update = {
        .context = context,
        .request = request,
        .run = &run,
        .item = item,
    };
    int result = instance_again(context, instance, &now, &update.instance, err);
    if (result == 0)
        result = update_in_run(&update, master, err);
    note_outcome(&update);
    return run_end(&run, result, item, err);
}
