#include "usecases/fence.h"

#include <string.h>

#include "base/memory.h"
#include "domain/names.h"
#include "usecases/targets.h"

int fence_raise(struct context *context, const struct instance *instance, char **ret_alias,
                struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_free_ char *alias = name_of_write_alias(instance->index_name, instance->writer_epoch);
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
    if (count && engine_update_aliases(context->engine, actions, count, err) < 0)
        return -1;
    *ret_alias = TAKE_PTR(alias);
    return 0;
}
