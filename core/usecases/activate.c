#include "usecases/activate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/block.h"
#include "sql.h"
#include "usecases/bulk_settings.h"
#include "usecases/owner.h"
#include "usecases/run.h"
#include "usecases/settle.h"

static int check_filled(const struct activate_request *request, const struct instance *instance,
                        struct error *err)
{
    if (instance->filled_at || request->force)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" has never completed a full update",
              instance->index_name);
    return error_hint(err, "Fill it: esmigrate es_update %s %d", instance->master,
                      instance->number);
}

/* The alias off every index that has it, onto the target: one call, so readers see either. */
static int switch_alias(struct context *context, const char *alias, const struct instance *instance,
                        struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    struct alias_action *actions = x_calloc(count + 1, sizeof(*actions));
    actions[0] = (struct alias_action){.index = instance->index_name, .alias = alias};
    for (size_t i = 0; i < count; i++)
        actions[i + 1] =
            (struct alias_action){.kind = ALIAS_REMOVE, .index = names[i], .alias = alias};
    int result = engine_update_aliases(context->engine, actions, count + 1, err);
    if (result < 0 && err->http_code == 400 && strstr(err->message, "invalid_alias_name"))
        owner_refuse_alias_name(alias, instance->master, err);
    if (result < 0)
        block_explain(instance->index_name, "The alias was not switched.", err);
    free(actions);
    texts_free(names, count);
    return result;
}

static int record_switch(struct run *run, const struct instance *instance, struct error *err)
{
    struct history *history = run->context->history;
    const struct pg_number id = pg_number(instance->id);
    if (run_begin_results(run, err) < 0 ||
        history_query(history, sql_history_master_active,
                      PG_VALUES(pg_number(instance->master_id).text, id.text), NULL, err) < 0)
        return -1;
    return history_query(history, sql_history_instance_activated, PG_VALUES(id.text), NULL, err);
}

/* Which instance the alias points to, after the history was brought in line; 0: none. */
static int read_alias(struct context *context, const struct instance *instance, int64_t *ret_active,
                      struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    if (settle_alias(context, instance->master, instance->master_id, err) < 0 ||
        history_find_master(context->history, instance->master, &master, err) < 0)
        return -1;
    *ret_active = master.active_instance_id;
    return 0;
}

/* For a dry run: the same, and what the engine would refuse, with nothing written. */
static int look_at_alias(struct context *context, const struct instance *instance,
                         int64_t *ret_active, struct error *err)
{
    if (owner_check_alias_name(context, instance->master, err) < 0)
        return -1;
    return settle_look_at_alias(context, instance->master, instance->master_id, ret_active, err);
}

/*
 * The intent is the running row. When the engine neither refused nor answered, the alias tells
 * what it did; when that cannot be read either, the row stays open for the next command.
 */
static int switch_and_record(struct run *run, const char *alias, const struct instance *instance,
                             struct error *err)
{
    struct context *context = run->context;
    _cleanup_(error_release) struct error second = {};
    int64_t active = 0;
    if (switch_alias(context, alias, instance, err) < 0) {
        if (engine_refused(err))
            return -1;
        if (read_alias(context, instance, &active, &second) < 0) {
            run_leave_open(run);
            return error_hint(err, "Where the alias points now is not known; the next command "
                                   "finds out.");
        }
        if (active != instance->id)
            return -1;
        error_release(err);
    }
    if (record_switch(run, instance, err) == 0)
        return 0;
    run_leave_open(run);
    return error_hint(err, "The alias was switched, the history does not have it yet; the next "
                           "command records it.");
}

static int activate_in_run(struct run *run, const struct activate_request *request,
                           const struct instance *planned, struct report_item *item,
                           struct error *err)
{
    struct context *context = run->context;
    _cleanup_(instances_release) struct instances now = {};
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, planned->master);
    const struct instance *instance;
    int64_t active = 0;
    report_set_instance(item, planned);
    if (instance_again(context, planned, &now, &instance, err) < 0 ||
        check_filled(request, instance, err) < 0 || check_ours(context, instance, NULL, err) < 0)
        return -1;
    /* The alias is the truth: what the history says of it is brought in line first. */
    if ((context->settings.dry_run ? look_at_alias(context, instance, &active, err)
                                   : read_alias(context, instance, &active, err)) < 0)
        return -1;
    const struct instance *before = instances_active(&now);
    if ((before ? before->id : 0) != active)
        log_say(context->log, LOG_WARNING, "alias \"%s\" had been moved by someone else%s", alias,
                context->settings.dry_run ? "" : "; the history is in line now");
    run->outcome.result = active == instance->id ? "already_active" : "activated";
    if (context->settings.dry_run)
        return 0;
    /* Readers must see what is written, and find replicas (rule R11). */
    if (bulk_settings_end(context, instance, run->action.id, err) < 0)
        return -1;
    if (active == instance->id)
        return 0;
    return switch_and_record(run, alias, instance, err);
}

static int activate_one(struct context *context, const struct activate_request *request,
                        const struct choice *choice, const char *parent, struct report *report,
                        struct error *err)
{
    const struct instance *instance = &choice->instances.list[choice->chosen[0]];
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "activate",
        .parent_id = parent,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "activate", instance->master);
    int result = activate_in_run(&run, request, instance, item, err);
    return run_end(&run, result, item, err);
}

static int choose(struct context *context, const struct target *target, struct choice *choice,
                  struct error *err)
{
    if (target->number)
        return choice_add_number(choice, target->number, err);
    const struct instance *newest = instances_newest(&choice->instances);
    if (!newest) {
        error_set(err, ERR_FAILED, "%s has no instance", target->name);
        return error_hint(err, "Create one: esmigrate es_create %s", target->name);
    }
    if (choice_check_declared(context, choice, "es_activate", err) < 0)
        return -1;
    choice_add(choice, newest);
    return 0;
}

int activate_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err)
{
    const struct targets *targets = &request->targets;
    struct parent parent = {};
    if (context_open_history(context, true, err) < 0)
        return -1;
    struct choice *choices = x_calloc(targets->count, sizeof(*choices));
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++) {
        result = choice_open(context, targets->list[i].name, &choices[i], err);
        if (result == 0 && choose(context, &targets->list[i], &choices[i], err) < 0)
            result = run_refused(context, "activate", NULL, choices[i].master.id, err);
    }
    if (result == 0)
        result = parent_begin(context, "activate", targets->count, &parent, err);
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result = activate_one(context, request, &choices[i], parent_id(&parent), report, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return parent_end(&parent, result, err);
}
