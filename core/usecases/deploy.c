#include "usecases/deploy.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "usecases/create.h"
#include "usecases/run.h"
#include "usecases/verify.h"

/* One master, on its way through the steps. */
struct deploy {
    struct context *context;
    const struct deploy_request *request;
    struct target target; /* with the number, once it is known */
    struct report *report;
    struct deploy_plans *plans;
    bool skipped; /* its last step: another run was at work, and --if-busy=skip was given */
};

void deploy_plans_release(struct deploy_plans *plans)
{
    for (size_t i = 0; i < plans->count; i++)
        plan_release(&plans->list[i]);
    free(plans->list);
    *plans = (struct deploy_plans){};
}

/* ---- before the first step ---- */

/* What an earlier run has left stopped is not to stand still while an index is built. */
static int resume_left(struct context *context, struct hooks *hooks, struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    _cleanup_(instances_release) struct instances instances = {};
    int64_t left = 0;
    struct run run;
    bool skipped;
    if (history_find_master(context->history, hooks->master, &master, err) < 0 ||
        hooks_find_left(hooks, master.id, &left, err) < 0)
        return -1;
    if (!left)
        return 0;
    const struct run_spec spec = {
        .action = "deploy",
        .name = hooks->master,
        .master_id = master.id,
        .instance_id = left,
        .locks = RUN_LOCK_MASTER,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    /* Now that the lock is held: a run that was waited for has resumed it itself. */
    int result = hooks_find_left(hooks, master.id, &left, err);
    if (result == 0 && left) {
        run.outcome.result = "indexing_resumed";
        result = history_find_instances(context->history, master.id, &instances, err);
        if (result == 0)
            result = hooks_resume_left(hooks, &run, &instances, err);
    }
    return run_end(&run, result, NULL, err);
}

/* What the switch would be refused for is known before an index is built. A declaration that cannot
 * be read is es_create's to tell. */
static int check_hooks(struct context *context, const struct deploy_request *request,
                       const char *name, struct error *err)
{
    _cleanup_(declaration_release) struct declaration declared = {};
    _cleanup_(error_release) struct error ignored = {};
    struct hooks hooks = {.context = context, .master = name};
    if (declaration_read(context->settings.indexes, name, &declared, &ignored) < 0)
        return 0;
    if (hooks_find(context, name, &request->activation.hooks, &declared.options, &hooks,
                   request->warm ? &ignored : err) < 0 &&
        !request->warm)
        return -1;
    return context->settings.dry_run ? 0 : resume_left(context, &hooks, err);
}

/* ---- the steps ---- */

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

/* What is done adds to the report. */
static int take_step(struct deploy *deploy, int (*step)(struct deploy *, struct error *),
                     struct error *err)
{
    size_t before = deploy->report->count;
    if (step(deploy, err) < 0)
        return -1;
    deploy->skipped = deploy->report->count == before;
    return 0;
}

/* The instance that the step before was about. */
static struct report_item *add_step(struct deploy *deploy, const char *action, const char *result)
{
    struct report_item *step = report_add(deploy->report, action, deploy->target.name);
    const struct report_item *before = step - 1;
    step->number = deploy->target.number;
    step->index = x_strdup(before->index);
    step->result = result;
    return step;
}

/* As the switch will: what it would refuse is to be known hours before. */
static int verify(struct deploy *deploy, struct error *err)
{
    const struct activation_request *activation = &deploy->request->activation;
    struct verify_request request = {
        .targets = {.list = &deploy->target, .count = 1},
        .sample = VERIFY_SAMPLE,
        .query_runs = VERIFY_QUERY_RUNS,
        .max_rejected = activation->allowed_rejected,
    };
    _cleanup_(verifications_release) struct verifications found = {};
    if (activation->no_verify)
        return 0;
    int result = verify_instances(deploy->context, &request, &found, err);
    if (result == 0 && !*found.list[0].id) {
        deploy->skipped = true;
        return 0;
    }
    struct report_item *step = add_step(deploy, "verify", NULL);
    if (found.count)
        memcpy(step->id, found.list[0].id, sizeof(step->id));
    step->result = result == 0 ? "verified" : NULL;
    return result;
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

/* ---- a dry run ---- */

/* Why the new instance is needed, as es_plan has it. */
static int explain(struct deploy *deploy, struct error *err)
{
    struct deploy_plans *plans = deploy->plans;
    _cleanup_(plan_release) struct plan one = {};
    if (plan_master(deploy->context, deploy->target.name, &one, err) < 0)
        return -1;
    plans->list = x_grow(plans->list, plans->count, &plans->capacity, sizeof(*plans->list));
    plans->list[plans->count++] = TAKE(one);
    return 0;
}

/* Of a new instance nothing can be looked at yet. */
static int plan_new(struct deploy *deploy, struct error *err)
{
    if (explain(deploy, err) < 0)
        return -1;
    add_step(deploy, "update", "full");
    return 0;
}

/* es_update's result is how much it would read. */
static int plan_update(struct deploy *deploy, struct error *err)
{
    if (update(deploy, err) < 0)
        return -1;
    struct report_item *step = &deploy->report->items[deploy->report->count - 1];
    step->result = step->mode;
    return 0;
}

/* The steps as they would be. */
static int plan_steps(struct deploy *deploy, struct error *err)
{
    const struct report_item *item = &deploy->report->items[deploy->report->count - 1];
    bool is_there = strcmp(item->result, "unchanged") == 0, warm = deploy->request->warm;
    bool verifies = !deploy->request->activation.no_verify;
    log_say(deploy->context->log, LOG_NOTICE, "%s: it would then be brought up to date%s%s",
            item->index, verifies ? " and verified" : "",
            warm ? "" : ", and the aliases switched to it");
    if ((is_there ? plan_update(deploy, err) : plan_new(deploy, err)) < 0)
        return -1;
    if (warm && verifies)
        add_step(deploy, "verify", "verified");
    if (warm)
        return 0;
    if (is_there)
        return activate(deploy, err);
    add_step(deploy, "activate", "activated");
    return 0;
}

/* ---- the outside ---- */

static int deploy_one(struct deploy *deploy, struct error *err)
{
    if (take_step(deploy, create, err) < 0)
        return -1;
    if (deploy->skipped)
        return 0;
    if (deploy->context->settings.dry_run)
        return plan_steps(deploy, err);
    if (take_step(deploy, update, err) < 0)
        return -1;
    if (deploy->skipped)
        return 0;
    return deploy->request->warm ? verify(deploy, err) : take_step(deploy, activate, err);
}

static void note_skipped(const struct deploy *deploy, struct parent *parent)
{
    parent->outcome.status = ACTION_PARTIAL;
    parent->outcome.result = "skipped";
    log_say(deploy->context->log, LOG_WARNING,
            "%s is not deployed: another run is at work. Then run the same command again.",
            deploy->target.name);
}

int deploy_masters(struct context *context, const struct deploy_request *request,
                   struct report *report, struct deploy_plans *ret_plans, struct error *err)
{
    enum { STEPS = 3 };
    _cleanup_(targets_release) struct targets all = {};
    struct parent parent = {};
    if (context_open_history(context, true, err) < 0 ||
        (request->all && targets_declared(context, &all, err) < 0))
        return -1;
    const struct targets *targets = request->all ? &all : &request->targets;
    if (parent_begin(context, "deploy", STEPS, &parent, err) < 0)
        return -1;
    context->parent_id = parent_id(&parent);
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result = check_hooks(context, request, targets->list[i].name, err);
    for (size_t i = 0; i < targets->count && result == 0; i++) {
        struct deploy deploy = {
            .context = context,
            .request = request,
            .target = targets->list[i],
            .report = report,
            .plans = ret_plans,
        };
        result = deploy_one(&deploy, err);
        if (result == 0 && deploy.skipped)
            note_skipped(&deploy, &parent);
    }
    context->parent_id = NULL;
    return parent_end(&parent, result, err);
}
