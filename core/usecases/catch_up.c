#include "usecases/catch_up.h"

#include "usecases/rejected.h"
#include "usecases/update_instance.h"

int catch_up(struct run *run, const struct master *master, const struct instance *instance,
             int64_t allowed, bool again, struct error *err)
{
    struct context *context = run->context;
    const struct update_request request = {.choice = UPDATE_NAMED, .again = again};
    _cleanup_(report_release) struct report report = {};
    struct run update;
    bool skipped;
    struct run_spec spec = {
        .action = "update",
        .parent_id = run->action.id,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
    };
    if (run_begin(context, &spec, &update, &skipped, err) < 0)
        return -1;
    struct report_item *item = report_add(&report, "update", master->name);
    report_set_instance(item, instance);
    int result = update_instance(&update, &request, master, instance, item, err);
    if (run_end(&update, result, item, err) < 0)
        return -1;
    return rejected_judge(context, allowed, &report, err);
}
