#include "usecases/fence.h"

#include <string.h>

#include "base/memory.h"
#include "domain/action.h"
#include "domain/names.h"
#include "usecases/targets.h"

int fence_alone(struct context *context, const struct instance *instance, const char *action_id,
                const char *alias, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_free_ char *start = x_printf("%s.W", instance->index_name);
    if (check_ours(context, instance, &index, err) < 0)
        return -1;

    _cleanup_free_ struct alias_action *actions = x_calloc(index.alias_count + 1, sizeof(*actions));
    size_t count = 0;
    if (!engine_index_has_alias(&index, alias))
        actions[count++] = (struct alias_action){.index = instance->index_name, .alias = alias};
    for (size_t i = 0; i < index.alias_count; i++)
        if (strncmp(index.aliases[i], start, strlen(start)) == 0 &&
            strcmp(index.aliases[i], alias) != 0)
            actions[count++] = (struct alias_action){
                .kind = ALIAS_REMOVE,
                .index = instance->index_name,
                .alias = index.aliases[i],
            };
    if (!count)
        return 0;
    /* A replaced run must not lock out the one that replaced it. */
    if (action_check(context->history, action_id, err) < 0)
        return -1;
    return engine_update_aliases(context->engine, actions, count, err);
}

int fence_raise(struct context *context, const struct instance *instance, const char *action_id,
                char **ret_alias, struct error *err)
{
    _cleanup_free_ char *alias = name_of_write_alias(instance->index_name, instance->writer_epoch);
    if (fence_alone(context, instance, action_id, alias, err) < 0)
        return -1;
    *ret_alias = TAKE_PTR(alias);
    return 0;
}

int fence_add(struct context *context, const struct instance *instance, int epoch, char **ret_alias,
              struct error *err)
{
    _cleanup_free_ char *alias = name_of_write_alias(instance->index_name, epoch);
    const struct alias_action add = {.index = instance->index_name, .alias = alias};
    if (check_ours(context, instance, NULL, err) < 0 ||
        engine_update_aliases(context->engine, &add, 1, err) < 0)
        return -1;
    *ret_alias = TAKE_PTR(alias);
    return 0;
}

static int has_alias(struct context *context, const struct instance *instance, const char *alias,
                     bool *ret_has, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (check_ours(context, instance, &index, err) < 0)
        return -1;
    *ret_has = engine_index_has_alias(&index, alias);
    return 0;
}

int fence_remove(struct context *context, const struct instance *instance, int epoch,
                 struct error *err)
{
    _cleanup_free_ char *alias = name_of_write_alias(instance->index_name, epoch);
    const struct alias_action take = {
        .kind = ALIAS_REMOVE, .index = instance->index_name, .alias = alias};
    bool has;
    if (has_alias(context, instance, alias, &has, err) < 0)
        return -1;
    if (!has || engine_update_aliases(context->engine, &take, 1, err) == 0)
        return 0;
    /* Another worker may have been quicker. */
    _cleanup_(error_release) struct error refusal = {};
    error_move(&refusal, err);
    if (has_alias(context, instance, alias, &has, err) < 0)
        return -1;
    if (!has)
        return 0;
    error_move(err, &refusal);
    return -1;
}
