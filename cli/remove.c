#include "remove.h"

#include "base/cleanup.h"
#include "base/memory.h"

/* The plan of a dry run is what the user confirms; the run itself checks everything again. */
static int plan_and_confirm(struct session *session, const struct remove_request *request,
                            remove_use_case *use_case, const char *verb, struct report *plan,
                            struct error *err)
{
    if (option_given(&session->options, OPT_YES) && !session->context.settings.dry_run)
        return 0;
    session->context.settings.dry_run = true;
    int result = use_case(&session->context, request, plan, err);
    session->context.settings.dry_run = option_given(&session->options, OPT_DRY_RUN);
    if (result < 0 || session->context.settings.dry_run)
        return result;
    return session_confirm(session, plan, verb, err);
}

/* What was confirmed is what is done, whatever has become active meanwhile. */
static void keep_to_plan(const struct report *plan, struct remove_request *request)
{
    targets_release(&request->targets);
    request->choice = REMOVE_NAMED;
    request->targets.list = x_calloc(plan->count, sizeof(*request->targets.list));
    request->targets.count = plan->count;
    for (size_t i = 0; i < plan->count; i++)
        request->targets.list[i] = (struct target){
            .name = x_strdup(plan->items[i].master),
            .number = plan->items[i].number,
        };
}

static int read_targets(struct session *session, struct remove_request *request, struct error *err)
{
    request->force = option_given(&session->options, OPT_FORCE);
    if (session_targets(session, &request->targets, err) < 0)
        return -1;
    for (size_t i = 0; i < request->targets.count; i++)
        if (request->choice != REMOVE_NAMED && request->targets.list[i].number)
            return error_set(err, ERR_USAGE,
                             "an instance number and --older or --all exclude each other");
    return 0;
}

int remove_with_confirmation(struct session *session, struct remove_request *request,
                             remove_use_case *use_case, const char *verb, struct error *err)
{
    _cleanup_(report_release) struct report plan = {};
    _cleanup_(report_release) struct report report = {};
    int result = read_targets(session, request, err);
    if (result == 0)
        result = plan_and_confirm(session, request, use_case, verb, &plan, err);
    if (result == 0 && plan.count && !session->context.settings.dry_run)
        keep_to_plan(&plan, request);
    if (result == 0 && !session->context.settings.dry_run) {
        result = use_case(&session->context, request, &report, err);
        session_print_results(session, &report, result);
    } else if (result == 0) {
        session_print_results(session, &plan, result);
    }
    targets_release(&request->targets);
    return result;
}
