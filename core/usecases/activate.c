#include "usecases/activate.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "usecases/run.h"
#include "usecases/settle.h"

static int activate_one(struct context *context, const char *action,
                        const struct activate_request *request, const struct choice *choice,
                        const char *parent, struct report *report, struct error *err)
{
    const struct instance *instance = &choice->instances.list[choice->chosen[0]];
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = action,
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
    struct report_item *item = report_add(report, action, instance->master);
    int result = activation_in_run(&run, &request->activation, instance, item, err);
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

static int open_choice(struct context *context, const char *name, struct choice *choice,
                       struct error *err)
{
    if (choice_open(context, name, choice, err) < 0)
        return -1;
    if (context->settings.dry_run)
        return 0;
    /* A crashed switch may have moved the alias: which one is active is asked anew. */
    if (settle_master_if_free(context, choice->master.id, err) < 0)
        return -1;
    choice_release(choice);
    return choice_open(context, name, choice, err);
}

int activate_chosen(struct context *context, const char *action,
                    const struct activate_request *request, activate_choose *choose_one,
                    struct report *report, struct error *err)
{
    const struct targets *targets = &request->targets;
    struct parent parent = {};
    if (context_open_history(context, true, err) < 0)
        return -1;
    struct choice *choices = x_calloc(targets->count, sizeof(*choices));
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++) {
        result = open_choice(context, targets->list[i].name, &choices[i], err);
        if (result == 0 && choose_one(context, &targets->list[i], &choices[i], err) < 0)
            result = run_refused(context, action, NULL, choices[i].master.id, err);
    }
    if (result == 0)
        result = parent_begin(context, action, targets->count, &parent, err);
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result =
            activate_one(context, action, request, &choices[i], parent_id(&parent), report, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return parent_end(&parent, result, err);
}

int activate_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err)
{
    return activate_chosen(context, "activate", request, choose, report, err);
}
