#include "usecases/update.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "usecases/rejected.h"
#include "usecases/run.h"
#include "usecases/settle.h"
#include "usecases/shared_load.h"
#include "usecases/update_instance.h"

/* ---- which ones ---- */

static int no_active(const struct context *context, const char *action, const struct choice *choice,
                     struct error *err)
{
    const char *name = choice->master.name;
    const struct instance *newest = instances_newest(&choice->instances);
    error_set(err, ERR_FAILED, "%s has no active instance", name);
    if (!newest && !declaration_exists(context->settings.indexes, name))
        return error_hint(err, "It has none at all, and is not declared in %s/.",
                          context->settings.indexes);
    if (!newest)
        return error_hint(err, "It has none at all: esmigrate es_create %s", name);
    return error_hint(err, "The newest is %d: esmigrate es_%s %s %d", newest->number, action, name,
                      newest->number);
}

/* The active one and, behind it, those that are kept fresh for a rollback (es_rollback), unless it
 * is something special that is asked for. */
static void choose_active(const char *action, const struct update_request *request,
                          const struct instance *active, struct choice *choice)
{
    choice_add(choice, active);
    if (strcmp(action, "update") != 0 || request->full || request->since)
        return;
    for (size_t i = 0; i < choice->instances.count; i++) {
        const struct instance *instance = &choice->instances.list[i];
        if (instance->kept && instance_is_live(instance) && instance->filled_at)
            choice_add(choice, instance);
    }
}

static int choose(struct context *context, const char *action, const struct update_request *request,
                  const struct target *target, struct choice *choice, struct error *err)
{
    const struct instance *active = instances_active(&choice->instances);
    const struct instance *newest = instances_newest(&choice->instances);
    if (target->number)
        return choice_add_number(choice, target->number, err);
    switch (request->choice) {
    case UPDATE_LAST:
        if (!newest)
            return no_active(context, action, choice, err);
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
            choose_active(action, request, active, choice);
        return 0;
    case UPDATE_NAMED:
        break;
    }
    if (!active)
        return no_active(context, action, choice, err);
    choose_active(action, request, active, choice);
    return 0;
}

static int open_choices(struct context *context, const char *action,
                        const struct update_request *request, const struct targets *targets,
                        struct choice *choices, struct error *err)
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
        if (choose(context, action, request, &targets->list[i], choice, err) < 0)
            return run_refused(context, action, NULL, choice->master.id, err);
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

/* One instance, from its lock to its closed row, which is `parent`'s part. */
static int work_on(struct context *context, const char *action,
                   const struct update_request *request, const struct master *master,
                   const struct instance *instance, bool is_kept, const char *parent,
                   instance_work *work, struct report *report, struct error *err)
{
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = action,
        .parent_id = parent,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = request->join ? RUN_LOCK_SHARED : RUN_LOCK_INSTANCE,
    };
    if (request->join && shared_load_wait(context, instance, err) < 0)
        return -1;
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, action, master->name);
    report_set_instance(item, instance);
    item->kept = is_kept;
    _cleanup_(instances_release) struct instances now = {};
    const struct instance *current;
    int result = instance_again(context, instance, &now, &current, err);
    if (result == 0)
        result = work(&run, request, master, current, item, err);
    return run_end(&run, result, item, err);
}

static char *hint_for_kept(struct context *context, const struct instance *instance,
                           const struct error *err)
{
    _cleanup_(error_release) struct error lost = {};
    if (err->kind == ERR_BUSY)
        return x_printf("\"%s\" is kept for es_rollback; to bring it up to date, too: esmigrate "
                        "es_update %s %d --wait-lock",
                        instance->index_name, instance->master, instance->number);
    /* Without its index no es_rollback helps. */
    if (check_ours(context, instance, NULL, &lost) < 0 && lost.kind == ERR_FAILED && lost.hint)
        return x_strdup(lost.hint);
    return x_printf("\"%s\" is kept for es_rollback, which needs --allow-stale until an update of "
                    "it works again: esmigrate es_update %s %d",
                    instance->index_name, instance->master, instance->number);
}

/* What becomes of one that is kept is said, and is no failure of the active one. */
static void say_kept_failed(struct context *context, const struct instance *instance,
                            struct error *err)
{
    _cleanup_free_ char *hint = hint_for_kept(context, instance, err);
    error_hint(err, "The active instance is not affected. %s", hint);
    log_error(context->log, err);
}

static int work_on_chosen(struct context *context, const char *action,
                          const struct update_request *request, instance_work *work,
                          struct choice *choices, size_t count, struct report *report,
                          struct error *err)
{
    struct parent parent = {};
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        parts += choices[i].chosen_count;
    if (parent_begin(context, action, parts, &parent, err) < 0)
        return -1;
    for (size_t i = 0; i < count && err->kind != ERR_STOPPED; i++) {
        const struct choice *choice = &choices[i];
        for (size_t j = 0; j < choice->chosen_count && err->kind != ERR_STOPPED; j++) {
            const struct instance *instance = &choice->instances.list[choice->chosen[j]];
            _cleanup_(error_release) struct error one = {};
            bool is_kept = j > 0 && instance->kept &&
                           (request->choice == UPDATE_NAMED || request->choice == UPDATE_ACTIVE);
            if (work_on(context, action, request, &choice->master, instance, is_kept,
                        parent_id(&parent), work, report, &one) == 0)
                continue;
            if (is_kept && one.kind != ERR_STOPPED)
                say_kept_failed(context, instance, &one);
            else
                keep_first(context, err, &one);
        }
    }
    int64_t rejected = 0;
    for (size_t i = 0; i < report->count; i++)
        if (!report->items[i].kept)
            rejected += report->items[i].rejected_open;
    _cleanup_free_ char *partial = rejected_words(rejected);
    if (partial)
        parent.outcome.status = ACTION_PARTIAL;
    parent.outcome.error = partial;
    return parent_end(&parent, error_is_set(err) ? -1 : 0, err);
}

int update_each(struct context *context, const char *action, const struct update_request *request,
                instance_work *work, struct report *report, struct error *err)
{
    _cleanup_(targets_release) struct targets all = {};
    if (context_open_history(context, true, err) < 0 ||
        (request->choice == UPDATE_ACTIVE && all_masters(context, &all, err) < 0))
        return -1;
    const struct targets *targets = request->choice == UPDATE_ACTIVE ? &all : &request->targets;
    struct choice *choices = x_calloc(targets->count, sizeof(*choices));
    int result = open_choices(context, action, request, targets, choices, err);
    if (result == 0)
        result =
            work_on_chosen(context, action, request, work, choices, targets->count, report, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return result < 0 ? -1 : rejected_judge(context, request->rejected.allowed, report, err);
}

int update_instances(struct context *context, const struct update_request *asked,
                     struct report *report, struct error *err)
{
    struct update_request request = *asked;
    _cleanup_free_ char *since = NULL;
    if (asked->since && (context_open_history(context, true, err) < 0 ||
                         history_parse_time(context->history, asked->since, &since, err) < 0))
        return -1;
    request.since = since;
    return update_each(context, "update", &request, update_instance, report, err);
}
