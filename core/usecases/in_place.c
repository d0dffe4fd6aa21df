#include "usecases/in_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "usecases/alteration.h"
#include "usecases/create.h"
#include "usecases/plan.h"
#include "usecases/run.h"

static const char none[] = "nothing";

static int refuse(const struct plan *plan, const struct instance *newest, struct error *err)
{
    if (plan->result == PLAN_REVERTED) {
        error_set(err, ERR_FAILED, "%s: instance %d has this declaration", newest->master,
                  plan->instance);
        return plan->fix ? error_hint(err, "Nothing is to be made: %s", plan->fix) : -1;
    }
    const struct plan_change *change = plan->changes.list;
    while (change->in_place) /* there is one that is not */
        change++;
    error_set(err, ERR_FAILED, "\"%s\" cannot be changed in place; nothing was changed",
              newest->index_name);
    error_detail(err, "%s%s%s: %s becomes %s: %s.", change->part, *change->path ? " " : "",
                 change->path, change->before ? change->before : none,
                 change->after ? change->after : none, change->reason);
    return error_hint(err, "Make a new instance: esmigrate es_create %s", newest->master);
}

static int alter(struct run *run, const struct declaration *declaration, const struct plan *plan,
                 const struct instance *newest, struct error *err)
{
    struct context *context = run->context;
    struct alteration alteration = {
        .instance = newest,
        .body = declaration->content.body,
        .fingerprint = declaration->fingerprint,
        .mapping = plan->mapping,
        .settings = plan->settings,
    };
    bool known;
    run->outcome.result = "altered_in_place";
    if (context->settings.dry_run)
        return 0;
    if (alteration_make(context, run->action.id, &alteration, &known, err) < 0) {
        if (!known)
            run_leave_open(run);
        return -1;
    }
    if (run_begin_results(run, err) < 0 || alteration_record(context, run->action.id, err) < 0) {
        run_leave_open(run);
        return -1;
    }
    log_say(context->log, LOG_NOTICE,
            "%s: documents that are there get new fields by esmigrate es_update %s %d --full",
            newest->index_name, newest->master, newest->number);
    return 0;
}

/* Another create may have come first. */
static int check_newest(const struct instances *now, const struct instance *instance,
                        struct error *err)
{
    const struct instance *newest = instances_newest(now);
    if (newest->id == instance->id)
        return 0;
    error_set(err, ERR_FAILED, "%s: instance %d was made meanwhile", newest->master,
              newest->number);
    return error_hint(err, "Run the same command again, if that is still meant.");
}

static int in_place_in_run(struct run *run, const struct declaration *declaration,
                           const struct instance *planned, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(instances_release) struct instances now = {};
    _cleanup_(plan_release) struct plan plan = {};
    const struct instance *newest;
    if (instance_again(context, planned, &now, &newest, err) < 0 ||
        check_newest(&now, newest, err) < 0 || context_open_engine(context, err) < 0 ||
        check_ours(context, newest, NULL, err) < 0 ||
        plan_declaration(context, declaration, &now, &plan, err) < 0)
        return -1;
    if (plan.result == PLAN_UNCHANGED) {
        run->outcome.result = "unchanged";
        return 0;
    }
    if (plan.result != PLAN_IN_PLACE)
        return refuse(&plan, newest, err);
    if (newest->settings_to_restore) {
        error_set(err, ERR_FAILED, "\"%s\" is in the middle of its first full update",
                  newest->index_name);
        return error_hint(err, "Let it come to its end first: esmigrate es_update %s %d",
                          newest->master, newest->number);
    }
    return alter(run, declaration, &plan, newest, err);
}

static int nothing_to_change(const char *name, struct error *err)
{
    error_set(err, ERR_FAILED, "%s has no instance that could be changed in place", name);
    return error_hint(err, "Make the first one: esmigrate es_create %s", name);
}

int in_place_master(struct context *context, const char *name, const char *parent,
                    struct report *report, struct error *err)
{
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(master_release) struct master master = {};
    _cleanup_(instances_release) struct instances instances = {};
    _cleanup_free_ char *search_path = NULL;
    const char *deletes;
    struct run run;
    bool skipped;
    if (create_read_declaration(context, name, &declaration, &search_path, &deletes, err) < 0 ||
        history_find_master(context->history, name, &master, err) < 0 ||
        (master.id && history_find_instances(context->history, master.id, &instances, err) < 0))
        return -1;
    const struct instance *newest = instances_newest(&instances);
    if (!newest)
        return nothing_to_change(name, err);
    struct run_spec spec = {
        .action = "create",
        .parent_id = parent,
        .name = newest->index_name,
        .master_id = master.id,
        .instance_id = newest->id,
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "create", name);
    report_set_instance(item, newest);
    int result = in_place_in_run(&run, &declaration, newest, err);
    return run_end(&run, result, item, err);
}
