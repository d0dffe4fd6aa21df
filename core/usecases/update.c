#include "usecases/update.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/block.h"
#include "domain/horizon.h"
#include "load/load.h"
#include "sql.h"
#include "usecases/fence.h"
#include "usecases/rejected.h"
#include "usecases/run.h"
#include "usecases/settle.h"

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

/* A changed-since time means nothing in another database. */
static int check_identity(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    const struct source *source = update->source;
    if (!instance->source_system_identifier ||
        (strcmp(instance->source_system_identifier, source->system_identifier) == 0 &&
         strcmp(instance->source_database_oid, source->database_oid) == 0))
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" was filled from another source database",
              instance->index_name);
    return error_hint(err, "If this one has taken its place: esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

/* Decides between full and changed, and says why when the user might wonder. */
static int choose_mode(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    const struct log *log = update->context->log;
    const char *asked = update->request->since;
    if (update->request->full)
        return 0;
    if (!instance->filled_at) {
        log_say(log, LOG_NOTICE, "%s: it is not filled yet, so this update is a full one",
                instance->index_name);
        return 0;
    }
    if (!update->source->changed && !update->source->columns.has_changed_at) {
        log_say(log, LOG_WARNING,
                "%s: documents.sql has no _changed_at, so every update is a full one",
                instance->index_name);
        return 0;
    }
    if (check_identity(update, err) < 0)
        return -1;
    if (asked) {
        update->since = x_strdup(asked);
        return 0;
    }
    if (!instance->changed_through) {
        log_say(log, LOG_NOTICE, "%s: no changed-since time is known yet, so the update is full",
                instance->index_name);
        return 0;
    }
    update->since = x_strdup(instance->changed_through);
    if (!update->source->changed)
        log_say(log, LOG_NOTICE,
                "%s has no changed.sql: rows that are gone are found by --full only",
                instance->index_name);
    return 0;
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

static int is_after(struct history *history, const char *one, const char *other, bool *ret_after,
                    struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_time_after, PG_VALUES(one, other), &rows, err) < 0)
        return -1;
    *ret_after = pg_bool(rows, 0, "after");
    return 0;
}

/* A source whose clock is behind its own past stamps rows where no update will look (R1 e). */
static int check_clock(struct update *update, struct error *err)
{
    const struct instance *instance = update->instance;
    bool went_back = false;
    if (!update->since || !instance->changed_through || !update->horizon.taken_at)
        return 0;
    if (is_after(update->context->history, instance->changed_through, update->horizon.taken_at,
                 &went_back, err) < 0)
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

/* The order is rule R2's and R3's: fence, version, horizon, and only then the snapshot. */
static int prepare(struct update *update, struct error *err)
{
    struct context *context = update->context;
    const struct instance *instance = update->instance;
    if (fence_raise(context, instance, &update->write_alias, err) < 0 ||
        take_version(update, err) < 0 ||
        horizon_find(update->source, context->history, update->options.overlap, context->log,
                     &update->horizon, err) < 0 ||
        check_clock(update, err) < 0)
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

/* A start later than the mark leaves a gap that the mark must not pass. */
static int leaves_gap(struct update *update, bool *ret_gap, struct error *err)
{
    const char *mark = update->instance->changed_through;
    *ret_gap = update->since && !mark;
    if (!update->since || !mark)
        return 0;
    return is_after(update->context->history, update->since, mark, ret_gap, err);
}

static int set_mark(struct update *update, struct error *err)
{
    struct history *history = update->context->history;
    _cleanup_(pg_rows_freep) struct pg_rows *marked = NULL, *settled = NULL;
    bool gap;
    if (leaves_gap(update, &gap, err) < 0)
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
                                update->source->database_oid),
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
        choose_mode(update, err) < 0)
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

static int update_one(struct context *context, const struct update_request *request,
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

/* ---- which ones ---- */

static int no_active(const struct context *context, const struct choice *choice, struct error *err)
{
    const char *name = choice->master.name;
    const struct instance *newest = instances_newest(&choice->instances);
    error_set(err, ERR_FAILED, "%s has no active instance", name);
    if (!newest && !declaration_exists(context->settings.indexes, name))
        return error_hint(err, "It has none at all, and is not declared in %s/.",
                          context->settings.indexes);
    if (!newest)
        return error_hint(err, "It has none at all: esmigrate es_create %s", name);
    return error_hint(err, "The newest is %d: esmigrate es_update %s %d", newest->number, name,
                      newest->number);
}

static int choose(struct context *context, const struct update_request *request,
                  const struct target *target, struct choice *choice, struct error *err)
{
    const struct instance *active = instances_active(&choice->instances);
    const struct instance *newest = instances_newest(&choice->instances);
    if (target->number)
        return choice_add_number(choice, target->number, err);
    switch (request->choice) {
    case UPDATE_LAST:
        if (!newest)
            return no_active(context, choice, err);
        if (choice_check_declared(context, choice, "es_update", err) < 0)
            return -1;
        choice_add(choice, newest);
        return 0;
    case UPDATE_NEWER:
        for (size_t i = 0; i < choice->instances.count; i++)
            if (instance_is_live(&choice->instances.list[i]) &&
                choice->instances.list[i].number > (active ? active->number : 0))
                choice_add(choice, &choice->instances.list[i]);
        return 0;
    case UPDATE_ACTIVE:
        if (active)
            choice_add(choice, active);
        return 0;
    case UPDATE_NAMED:
        break;
    }
    if (!active)
        return no_active(context, choice, err);
    choice_add(choice, active);
    return 0;
}

static int open_choices(struct context *context, const struct update_request *request,
                        const struct targets *targets, struct choice *choices, struct error *err)
{
    for (size_t i = 0; i < targets->count; i++) {
        struct choice *choice = &choices[i];
        if (choice_open(context, targets->list[i].name, choice, err) < 0)
            return -1;
        if (!context->settings.dry_run) {
            /* A crashed es_activate may have moved the alias: which one is active is asked anew. */
            if (settle_master_if_free(context, choice->master.id, err) < 0)
                return -1;
            choice_release(choice);
            if (choice_open(context, targets->list[i].name, choice, err) < 0)
                return -1;
        }
        if (choose(context, request, &targets->list[i], choice, err) < 0)
            return run_refused(context, "update", NULL, choice->master.id, err);
    }
    return 0;
}

static int all_masters(struct context *context, struct targets *ret_targets, struct error *err)
{
    _cleanup_(masters_release) struct masters masters = {};
    if (history_all_masters(context->history, &masters, err) < 0)
        return -1;
    ret_targets->list = x_calloc(masters.count, sizeof(*ret_targets->list));
    ret_targets->count = masters.count;
    for (size_t i = 0; i < masters.count; i++)
        ret_targets->list[i].name = x_strdup(masters.list[i].name);
    return 0;
}

/* Instances do not depend on each other: one that fails does not keep the others stale. */
static void keep_first(struct context *context, struct error *first, struct error *next)
{
    if (!error_is_set(first) || next->kind == ERR_STOPPED)
        error_move(first, next);
    else
        log_error(context->log, next);
}

static int update_chosen(struct context *context, const struct update_request *request,
                         struct choice *choices, size_t count, struct report *report,
                         struct error *err)
{
    struct parent parent = {};
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        parts += choices[i].chosen_count;
    if (parent_begin(context, "update", parts, &parent, err) < 0)
        return -1;
    for (size_t i = 0; i < count && err->kind != ERR_STOPPED; i++) {
        const struct choice *choice = &choices[i];
        for (size_t j = 0; j < choice->chosen_count && err->kind != ERR_STOPPED; j++) {
            _cleanup_(error_release) struct error one = {};
            if (update_one(context, request, &choice->master,
                           &choice->instances.list[choice->chosen[j]], parent_id(&parent), report,
                           &one) < 0)
                keep_first(context, err, &one);
        }
    }
    int64_t rejected = 0;
    for (size_t i = 0; i < report->count; i++)
        rejected += report->items[i].rejected_open;
    _cleanup_free_ char *partial = rejected_words(rejected);
    if (partial)
        parent.outcome.status = ACTION_PARTIAL;
    parent.outcome.error = partial;
    return parent_end(&parent, error_is_set(err) ? -1 : 0, err);
}

int update_instances(struct context *context, const struct update_request *asked,
                     struct report *report, struct error *err)
{
    _cleanup_(targets_release) struct targets all = {};
    _cleanup_free_ char *since = NULL;
    if (context_open_history(context, true, err) < 0 ||
        (asked->since && history_parse_time(context->history, asked->since, &since, err) < 0))
        return -1;
    struct update_request parsed = *asked;
    const struct update_request *request = &parsed;
    parsed.since = since;
    if (request->choice == UPDATE_ACTIVE && all_masters(context, &all, err) < 0)
        return -1;
    const struct targets *targets = request->choice == UPDATE_ACTIVE ? &all : &request->targets;
    struct choice *choices = x_calloc(targets->count, sizeof(*choices));
    int result = open_choices(context, request, targets, choices, err);
    if (result == 0)
        result = update_chosen(context, request, choices, targets->count, report, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return result < 0 ? -1 : rejected_judge(context, request->allowed_rejected, report, err);
}
