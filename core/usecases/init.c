#include "usecases/init.h"

#include "domain/names.h"

int init_history(struct context *context, bool adopt, struct schema_upgrade *ret_upgrade,
                 struct error *err)
{
    struct history_options options = {
        .conninfo = context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (name_check_prefix(context->settings.prefix, err) < 0)
        return -1;
    if (!context->history && history_open(&options, &context->history, err) < 0)
        return -1;
    if (context->settings.dry_run)
        return schema_plan(context->history, ret_upgrade, err);
    return schema_upgrade(context->history, context->settings.prefix, adopt, ret_upgrade, err);
}
