#include "usecases/activate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"
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
        actions[i + 1] = (struct alias_action){.remove = true, .index = names[i], .alias = alias};
    int result = engine_update_aliases(context->engine, actions, count + 1, err);
    if (result < 0 && err->http_code == 400 && strstr(err->message, "invalid_alias_name")) {
        error_set(err, ERR_FAILED,
                  "the engine has an index named \"%s\", which %s needs as its "
                  "alias",
                  alias, instance->master);
        error_hint(err, "Remove or rename that index.");
    }
    free(actions);
    engine_names_free(names, count);
    return result;
}

/* Result and closed row are one transaction; the intent is the running row itself. */
static int record_switch(struct run *run, const struct instance *instance, struct error *err)
{
    struct history *history = run->context->history;
    const struct pg_number id = pg_number(instance->id);
    if (history_begin(history, err) < 0)
        return -1;
    if (history_query(history, sql_history_master_active,
                      PG_VALUES(pg_number(instance->master_id).text, id.text), NULL, err) == 0 &&
        history_query(history, sql_history_instance_activated, PG_VALUES(id.text), NULL, err) == 0)
        return 0;
    history_rollback(history);
    return -1;
}

static int activate_in_run(struct run *run, const struct activate_request *request,
                           const struct choice *choice, struct report_item *item,
                           bool *ret_recorded, struct error *err)
{
    struct context *context = run->context;
    const struct instance *instance = &choice->instances.list[choice->chosen[0]];
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, instance->master);
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_(instances_release) struct instances now = {};
    report_set_instance(item, instance);
    if (check_filled(request, instance, err) < 0 || check_ours(context, instance, &index, err) < 0)
        return -1;
    if (context->settings.dry_run) {
        run->outcome.result = instance->active ? "already_active" : "activated";
        return 0;
    }
    /* The alias is the truth: what the history says of it is brought in line first. */
    if (settle_alias(context, instance->master, instance->master_id, err) < 0 ||
        history_find_instances(context->history, instance->master_id, &now, err) < 0)
        return -1;
    const struct instance *active = instances_active(&now);
    if (active && active->id == instance->id) {
        run->outcome.result = "already_active";
        return 0;
    }
    if (choice->master.active_instance_id != (active ? active->id : 0))
        log_say(context->log, LOG_WARNING,
                "alias \"%s\" had been moved by someone else: it pointed to %s", alias,
                active ? active->index_name : "no index");
    if (switch_alias(context, alias, instance, err) < 0 || record_switch(run, instance, err) < 0)
        return -1;
    run->outcome.result = "activated";
    *ret_recorded = true;
    return 0;
}

static int activate_one(struct context *context, const struct activate_request *request,
                        const struct choice *choice, const char *parent, struct report *report,
                        struct error *err)
{
    const struct instance *instance = &choice->instances.list[choice->chosen[0]];
    struct run run = {.context = context};
    bool skipped = false, recorded = false;
    struct run_spec spec = {
        .action = "activate",
        .parent_id = parent,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
    };
    if (!context->settings.dry_run && run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "activate", instance->master);
    int result = activate_in_run(&run, request, choice, item, &recorded, err);
    if (context->settings.dry_run)
        item->result = run.outcome.result;
    return recorded ? run_end_in_transaction(&run, item, err) : run_end(&run, result, item, err);
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
    if (choice_check_declared(context, choice, err) < 0)
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
            result = run_refused(context, "activate", choices[i].master.id, err);
    }
    if (result == 0 && !context->settings.dry_run)
        result = parent_begin(context, "activate", targets->count, &parent, err);
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result = activate_one(context, request, &choices[i], parent_id(&parent), report, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return parent_end(&parent, result, err);
}
