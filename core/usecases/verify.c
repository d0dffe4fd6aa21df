#include "usecases/verify.h"

#include <stdlib.h>

#include "base/memory.h"
#include "usecases/settle.h"

void verifications_release(struct verifications *verifications)
{
    for (size_t i = 0; i < verifications->count; i++)
        verification_release(&verifications->list[i]);
    free(verifications->list);
    *verifications = (struct verifications){};
}

static int no_instance(const struct context *context, const struct choice *choice,
                       struct error *err)
{
    const char *name = choice->master.name;
    error_set(err, ERR_FAILED, "%s has no live instance", name);
    if (!declaration_exists(context->settings.indexes, name))
        return error_hint(err, "It is not declared in %s/ either.", context->settings.indexes);
    return error_hint(err, "Make one: esmigrate es_create %s", name);
}

static int choose(struct context *context, const struct target *target, struct choice *ret_choice,
                  struct error *err)
{
    if (choice_open(context, target->name, ret_choice, err) < 0)
        return -1;
    if (!context->settings.dry_run) {
        /* A crashed es_activate may have moved the alias: which one is active is asked anew. */
        if (settle_master_if_free(context, ret_choice->master.id, err) < 0)
            return -1;
        choice_release(ret_choice);
        if (choice_open(context, target->name, ret_choice, err) < 0)
            return -1;
    }
    const struct instance *active = instances_active(&ret_choice->instances);
    const struct instance *newest = instances_newest(&ret_choice->instances);
    int result = 0;
    if (target->number)
        result = choice_add_number(ret_choice, target->number, err);
    else if (active || newest)
        choice_add(ret_choice, active ? active : newest);
    else
        result = no_instance(context, ret_choice, err);
    if (result == 0)
        return 0;
    return run_refused(context, "verify", NULL, ret_choice->master.id, err);
}

static int verify_chosen(struct context *context, const struct verify_request *request,
                         const struct choice *choices, size_t count, struct verifications *ret,
                         struct error *err)
{
    struct parent parent = {};
    if (parent_begin(context, "verify", count, &parent, err) < 0)
        return -1;
    ret->list = x_calloc(count, sizeof(*ret->list));
    for (size_t i = 0; i < count && err->kind != ERR_STOPPED; i++) {
        const struct choice *choice = &choices[i];
        _cleanup_(error_release) struct error one = {};
        if (verify_instance(context, parent_id(&parent), request, &choice->master,
                            &choice->instances.list[choice->chosen[0]], &ret->list[ret->count++],
                            &one) == 0)
            continue;
        if (error_is_set(err) && one.kind != ERR_STOPPED)
            log_error(context->log, &one);
        else
            error_move(err, &one);
    }
    return parent_end(&parent, error_is_set(err) ? -1 : 0, err);
}

int verify_instances(struct context *context, const struct verify_request *request,
                     struct verifications *ret, struct error *err)
{
    const struct targets *targets = &request->targets;
    if (context_open_history(context, true, err) < 0 || context_open_engine(context, err) < 0)
        return -1;
    struct choice *choices = x_calloc(targets->count, sizeof(*choices));
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result = choose(context, &targets->list[i], &choices[i], err);
    if (result == 0)
        result = verify_chosen(context, request, choices, targets->count, ret, err);
    for (size_t i = 0; i < targets->count; i++)
        choice_release(&choices[i]);
    free(choices);
    return result;
}
