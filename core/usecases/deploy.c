#include "usecases/deploy.h"

#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "usecases/create.h"
#include "usecases/run.h"

/* One master, on its way through the steps. */
struct deploy {
    struct context *context;
    const struct deploy_request *request;
    struct target target; /* with the number, once it is known */
    struct report *report;
};

/* A new instance, or the live one that has the declaration: the newest, if several do. */
static int create(struct deploy *deploy, struct error *err)
{
    const struct create_request request = {.targets = {.list = &deploy->target, .count = 1}};
    size_t before = deploy->report->count;
    if (create_instances(deploy->context, &request, deploy->report, err) < 0)
        return -1;
    if (deploy->report->count > before)
        deploy->target.number = deploy->report->items[before].number;
    return 0;
}

static int update(struct deploy *deploy, struct error *err)
{
    struct update_request request = deploy->request->update;
    request.targets = (struct targets){.list = &deploy->target, .count = 1};
    request.choice = UPDATE_NAMED;
    return update_instances(deploy->context, &request, deploy->report, err);
}

static int activate(struct deploy *deploy, struct error *err)
{
    struct activate_request request = {
        .targets = {.list = &deploy->target, .count = 1},
        .activation = deploy->request->activation,
    };
    /* In a plan it may not be filled yet. */
    request.activation.force = deploy->context->settings.dry_run;
    return activate_instances(deploy->context, &request, deploy->report, err);
}

/* A step of which nothing can be looked at yet, since its instance is still to be made. */
static void plan_step(struct deploy *deploy, const char *action, const char *result)
{
    struct report_item *step = report_add(deploy->report, action, deploy->target.name);
    const struct report_item *made = step - 1;
    step->number = deploy->target.number;
    step->index = x_strdup(made->index);
    step->result = result;
}

/* The steps as they would be: es_update's result is how much it would read. */
static int plan(struct deploy *deploy, struct error *err)
{
    const struct report_item *item = &deploy->report->items[deploy->report->count - 1];
    bool is_there = strcmp(item->result, "unchanged") == 0;
    const char *then = deploy->request->warm ? "" : ", and the aliases switched to it";
    log_say(deploy->context->log, LOG_NOTICE, "%s: it would then be brought up to date%s",
            item->index, then);
    if (!is_there) {
        log_say(deploy->context->log, LOG_NOTICE, "why a new instance: esmigrate es_plan %s",
                deploy->target.name);
        plan_step(deploy, "update", "full");
        if (!deploy->request->warm)
            plan_step(deploy, "activate", "activated");
        return 0;
    }
    if (update(deploy, err) < 0)
        return -1;
    struct report_item *step = &deploy->report->items[deploy->report->count - 1];
    step->result = step->mode;
    return deploy->request->warm ? 0 : activate(deploy, err);
}

static int deploy_one(struct deploy *deploy, struct error *err)
{
    if (create(deploy, err) < 0)
        return -1;
    /* Without a number --if-busy=skip has left it to another run. */
    if (!deploy->target.number)
        return 0;
    if (deploy->context->settings.dry_run)
        return plan(deploy, err);
    if (update(deploy, err) < 0)
        return -1;
    return deploy->request->warm ? 0 : activate(deploy, err);
}

static int declared(struct context *context, struct targets *ret_targets, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (declarations_check(context->settings.indexes, err) < 0 ||
        declaration_names(context->settings.indexes, &names, &count, err) < 0)
        return -1;
    ret_targets->list = x_calloc(count, sizeof(*ret_targets->list));
    ret_targets->count = count;
    for (size_t i = 0; i < count; i++)
        ret_targets->list[i].name = TAKE_PTR(names[i]);
    texts_free(names, count);
    return 0;
}

int deploy_masters(struct context *context, const struct deploy_request *request,
                   struct report *report, struct error *err)
{
    enum { STEPS = 3 };
    _cleanup_(targets_release) struct targets all = {};
    struct parent parent = {};
    if (context_open_history(context, true, err) < 0 ||
        (request->all && declared(context, &all, err) < 0))
        return -1;
    const struct targets *targets = request->all ? &all : &request->targets;
    if (parent_begin(context, "deploy", STEPS, &parent, err) < 0)
        return -1;
    context->parent_id = parent_id(&parent);
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++) {
        struct deploy deploy = {
            .context = context,
            .request = request,
            .target = targets->list[i],
            .report = report,
        };
        result = deploy_one(&deploy, err);
    }
    context->parent_id = NULL;
    return parent_end(&parent, result, err);
}
