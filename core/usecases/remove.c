#include "usecases/remove.h"

#include <stdlib.h>

#include "base/memory.h"
#include "domain/block.h"
#include "load/sweep.h"
#include "sql.h"
#include "usecases/fence.h"
#include "usecases/owner.h"
#include "usecases/run.h"

/* What es_clear, es_drop and es_prune differ in. */
struct removal {
    const char *action;
    const char *result;
    int locks;
    bool ends_instance;
    int (*work)(struct run *run, const struct instance *instance, struct report_item *item,
                struct error *err);
};

static int refuse_alias(const struct removal *removal, const struct instance *instance,
                        const char *alias, struct error *err)
{
    error_set(err, ERR_FAILED, "index \"%s\" is used: alias \"%s\" points to it",
              instance->index_name, alias);
    return error_hint(err,
                      "es_activate moves the aliases of master.json to another instance, others "
                      "are taken off by hand. Or give --force to es_%s it all the same.",
                      removal->action);
}

/* Active is what the history says, and what the engine says: the alias may have been moved. What
 * bears another alias, such as the one that an application writes to, is in use as well. */
static int check_not_active(struct context *context, const struct removal *removal,
                            const struct instance *instance, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, instance->master);
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (!instance->active && !engine_index_has_alias(&index, alias)) {
        const char *other = owner_reading_alias(&index);
        return other ? refuse_alias(removal, instance, other, err) : 0;
    }
    error_set(err, ERR_FAILED, "index \"%s\" is active: readers of %s use it", instance->index_name,
              instance->master);
    return error_hint(err,
                      "Activate another instance first, or give --force to es_%s it all the "
                      "same.",
                      removal->action);
}

/* "keep" in master.json promises that there is a way back for so long. */
static int check_not_kept(const struct removal *removal, const struct instance *instance,
                          struct error *err)
{
    if (!instance->kept)
        return 0;
    _cleanup_free_ char *until = time_rfc3339(instance->kept_until);
    error_set(err, ERR_FAILED, "index \"%s\" is kept for es_rollback until %s",
              instance->index_name, until);
    if (!removal->ends_instance)
        return error_hint(err,
                          "Give --force to es_%s it all the same: es_rollback finds it empty then.",
                          removal->action);
    return error_hint(err,
                      "To drop only what is retired and not kept: esmigrate es_prune %s; or give "
                      "--force to es_%s it all the same: there is no way back to it then.",
                      instance->master, removal->action);
}

/* What is not to be touched without --force. */
static int check_spared(struct context *context, const struct removal *removal,
                        const struct remove_request *request, const struct instance *instance,
                        struct error *err)
{
    /* Of a retired one retention_check() makes sure of more than that. */
    if (request->force || request->choice == REMOVE_RETIRED)
        return 0;
    if (check_not_active(context, removal, instance, err) < 0)
        return -1;
    return check_not_kept(removal, instance, err);
}

/* ---- clear ---- */

static int take_all_documents(struct run *run, const struct instance *instance,
                              const char *write_alias, struct report_item *item, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(pg_rows_freep) struct pg_rows *version = NULL;
    _cleanup_free_ int64_t *marks = NULL;
    size_t shards = 0;
    /* What a request of a killed run still writes is to be below the marks. */
    if (engine_wait_written(context->engine, instance->index_name, err) < 0 ||
        engine_refresh(context->engine, instance->index_name, err) < 0 ||
        engine_max_seq_no(context->engine, instance->index_name, &marks, &shards, err) < 0 ||
        history_query(context->history, sql_history_instance_version, PG_VALUES(run->action.id),
                      &version, err) < 0)
        return -1;
    if (!pg_rows_count(version))
        return action_replaced(err);
    struct sender_options options = {
        .engine = context->engine,
        .history = context->history,
        .log = context->log,
        .secrets = &context->secrets,
        .instance_id = instance->id,
        .action_id = run->action.id,
        .index_name = instance->index_name,
        .write_alias = write_alias,
        .version = pg_int(version, 0, "read_version"),
    };
    _cleanup_(sender_closep) struct sender *sender = sender_open(&options);
    struct load load = {
        .sender = sender,
        .history = context->history,
        .engine = context->engine,
        .log = context->log,
        .instance_id = instance->id,
        .index_name = instance->index_name,
    };
    int result = load_sweep_all(&load, marks, shards, err);
    if (result < 0 && err->kind == ERR_STOPPED)
        sender_stop(sender);
    item->totals = *sender_totals(sender);
    run->outcome.sent = item->totals.sent;
    run->outcome.deleted = item->totals.deleted;
    run->outcome.superseded = item->totals.superseded;
    run->outcome.rejected = item->totals.rejected;
    run->outcome.bytes = item->totals.bytes;
    run->outcome.retries = item->totals.retries;
    return result < 0 ? -1 : engine_refresh(context->engine, instance->index_name, err);
}

static int clear_in_run(struct run *run, const struct instance *instance, struct report_item *item,
                        struct error *err)
{
    struct context *context = run->context;
    _cleanup_free_ char *write_alias = NULL;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (fence_raise(context, instance, run->action.id, &write_alias, err) < 0)
        return -1;
    /* Before the first delete: half a clear must not pass for an index that is up to date. */
    if (history_query(context->history, sql_history_instance_clearing, PG_VALUES(run->action.id),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    if (take_all_documents(run, instance, write_alias, item, err) < 0 &&
        explain_lost(context, instance, err) < 0)
        return block_explain(instance->index_name, "Not all documents are removed.", err);
    /* Together with the closed row, or not at all: they may be those of a run that replaced this.
     */
    if (run_begin_results(run, err) < 0)
        return -1;
    return history_query(context->history, sql_history_rejected_clear,
                         PG_VALUES(pg_number(instance->id).text), NULL, err);
}

/* ---- drop ---- */

/* Only an index that is ours is deleted; one that is gone already is dropped all the same. */
static int check_deletable(struct context *context, const struct instance *instance,
                           bool *ret_exists, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    *ret_exists = false;
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (!index.exists) {
        log_say(context->log, LOG_WARNING, "index \"%s\" is gone from the engine already",
                instance->index_name);
        return 0;
    }
    *ret_exists = true;
    return check_ours(context, instance, NULL, err);
}

static int delete_index(const struct run *run, const struct instance *instance, struct error *err)
{
    struct context *context = run->context;
    bool exists;
    if (check_deletable(context, instance, &exists, err) < 0 ||
        action_check(context->history, run->action.id, err) < 0)
        return -1;
    return exists ? engine_delete_index(context->engine, instance->index_name, err) : 0;
}

static int drop_in_run(struct run *run, const struct instance *instance, struct report_item *item,
                       struct error *err)
{
    struct context *context = run->context;
    (void)item;
    if (delete_index(run, instance, err) < 0) {
        if (err->kind == ERR_ENGINE && !engine_refused(err)) {
            run_leave_open(run);
            error_hint(err, "Whether the index is gone is not known; the next command of this "
                            "master finds out.");
        }
        return -1;
    }
    if (run_begin_results(run, err) == 0 &&
        history_drop_instance(context->history, instance->id, err) == 0)
        return 0;
    run_leave_open(run);
    return error_hint(err, "The index is deleted, the history does not have it yet; the next "
                           "command of this master records it.");
}

/* ---- both ---- */

/* A drop of what a crashed one turned out to have dropped has nothing left to do. */
static int is_done(struct context *context, const struct instance *planned,
                   const struct instances *now, struct error *err)
{
    const struct instance *instance = instances_by_id(now, planned->id);
    if (!instance || !instance->dropped_at)
        return -1;
    error_release(err);
    log_say(context->log, LOG_NOTICE, "index \"%s\" is dropped already", planned->index_name);
    return 0;
}

/* Of a dry run: what would be refused for the state of the index is. */
static int look_at_index(struct context *context, const struct removal *removal,
                         const struct instance *instance, struct error *err)
{
    bool exists;
    return removal->ends_instance ? check_deletable(context, instance, &exists, err)
                                  : check_ours(context, instance, NULL, err);
}

/* It may have become active, or have been dropped, before the lock was ours. */
static int remove_in_run(struct run *run, const struct removal *removal,
                         const struct remove_request *request, const struct instance *planned,
                         struct report_item *item, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(instances_release) struct instances now = {};
    const struct instance *instance;
    run->outcome.result = removal->result;
    if (instance_again(context, planned, &now, &instance, err) < 0)
        return removal->ends_instance ? is_done(context, planned, &now, err) : -1;
    if (check_spared(context, removal, request, instance, err) < 0 ||
        (request->choice == REMOVE_RETIRED &&
         retention_check(context, &request->retention, instance, err) < 0))
        return -1;
    return context->settings.dry_run ? look_at_index(context, removal, instance, err)
                                     : removal->work(run, instance, item, err);
}

static int remove_one(struct context *context, const struct removal *removal,
                      const struct remove_request *request, const struct instance *planned,
                      const char *parent, struct report *report, struct error *err)
{
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = removal->action,
        .parent_id = parent,
        .name = planned->index_name,
        .master_id = planned->master_id,
        .instance_id = planned->id,
        .locks = removal->locks,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, removal->action, planned->master);
    report_set_instance(item, planned);
    int result = remove_in_run(&run, removal, request, planned, item, err);
    return run_end(&run, result, item, err);
}

static int choose(struct context *context, const struct remove_request *request,
                  const struct target *target, struct choice *choice, struct error *err)
{
    const struct instance *active = instances_active(&choice->instances);
    bool named = request->choice == REMOVE_NAMED || request->choice == REMOVE_RETIRED;
    if (named && target->number)
        return choice_add_number(choice, target->number, err);
    if (request->choice == REMOVE_RETIRED)
        return retention_choose(context, &request->retention, choice, err);
    if (request->choice == REMOVE_NAMED) {
        error_set(err, ERR_USAGE, "which instance of %s is meant?", target->name);
        return error_hint(err, "Name it, for example %s-1. See esmigrate es_list %s", target->name,
                          target->name);
    }
    if (request->choice == REMOVE_OLDER && !active) {
        error_set(err, ERR_FAILED, "%s has no active instance, so none is older", target->name);
        return error_hint(err, "Name the instances to drop: %s-1 ...", target->name);
    }
    for (size_t i = 0; i < choice->instances.count; i++) {
        const struct instance *instance = &choice->instances.list[i];
        bool wanted = request->choice == REMOVE_ALL || instance->number < active->number;
        if (wanted && instance_is_live(instance))
            choice_add(choice, instance);
    }
    return 0;
}

/* Of several instances none is touched when one of them must not be. Each is checked again in its
 * run, where a single one is checked in the first place. */
static int check_all(struct context *context, const struct removal *removal,
                     const struct remove_request *request, const struct choice *choices,
                     size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < choices[i].chosen_count; j++)
            if (check_spared(context, removal, request,
                             &choices[i].instances.list[choices[i].chosen[j]], err) < 0)
                return run_refused(context, removal->action, NULL, choices[i].master.id, err);
    return 0;
}

static int remove_chosen(struct context *context, const struct removal *removal,
                         const struct remove_request *request, struct choice *choices, size_t count,
                         struct report *report, struct error *err)
{
    struct parent parent = {};
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        parts += choices[i].chosen_count;
    if ((parts > 1 && check_all(context, removal, request, choices, count, err) < 0) ||
        parent_begin(context, removal->action, parts, &parent, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < choices[i].chosen_count && result == 0; j++)
            result = remove_one(context, removal, request,
                                &choices[i].instances.list[choices[i].chosen[j]],
                                parent_id(&parent), report, err);
    return parent_end(&parent, result, err);
}

static int remove_instances(struct context *context, const struct removal *removal,
                            const struct remove_request *request, struct report *report,
                            struct error *err)
{
    size_t count = request->targets.count;
    if (context_open_history(context, true, err) < 0)
        return -1;
    struct choice *choices = x_calloc(count, sizeof(*choices));
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct target *target = &request->targets.list[i];
        result = choice_open(context, target->name, &choices[i], err);
        if (result == 0 && choose(context, request, target, &choices[i], err) < 0)
            result = run_refused(context, removal->action, NULL, choices[i].master.id, err);
    }
    if (result == 0)
        result = remove_chosen(context, removal, request, choices, count, report, err);
    for (size_t i = 0; i < count; i++)
        choice_release(&choices[i]);
    free(choices);
    return result;
}

int clear_instances(struct context *context, const struct remove_request *request,
                    struct report *report, struct error *err)
{
    static const struct removal clear = {
        .action = "clear",
        .result = "cleared",
        .locks = RUN_LOCK_INSTANCE,
        .work = clear_in_run,
    };
    return remove_instances(context, &clear, request, report, err);
}

int drop_instances(struct context *context, const struct remove_request *request,
                   struct report *report, struct error *err)
{
    static const struct removal drop = {
        .action = "drop",
        .result = "dropped",
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
        .ends_instance = true,
        .work = drop_in_run,
    };
    return remove_instances(context, &drop, request, report, err);
}

int prune_instances(struct context *context, const struct remove_request *request,
                    struct report *report, struct error *err)
{
    static const struct removal prune = {
        .action = "prune",
        .result = "dropped",
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
        .ends_instance = true,
        .work = drop_in_run,
    };
    _cleanup_(masters_release) struct masters masters = {};
    _cleanup_(targets_release) struct targets all = {};
    struct remove_request own = *request;
    if (own.targets.count)
        return remove_instances(context, &prune, &own, report, err);
    if (context_open_history(context, true, err) < 0 ||
        history_all_masters(context->history, &masters, err) < 0)
        return -1;
    all.list = x_calloc(masters.count, sizeof(*all.list));
    for (; all.count < masters.count; all.count++)
        all.list[all.count].name = x_strdup(masters.list[all.count].name);
    own.targets = all;
    return remove_instances(context, &prune, &own, report, err);
}
