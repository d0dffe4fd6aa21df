#include "remove.h"

#include "base/cleanup.h"

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

int remove_with_confirmation(struct session *session, struct remove_request *request,
                             remove_use_case *use_case, const char *verb, struct error *err)
{
    _cleanup_(report_release) struct report plan = {};
    _cleanup_(report_release) struct report report = {};
    request->force = option_given(&session->options, OPT_FORCE);
    if (session_targets(session, &request->targets, err) < 0)
        return -1;
    int result = plan_and_confirm(session, request, use_case, verb, &plan, err);
    if (result == 0 && !session->context.settings.dry_run) {
        result = use_case(&session->context, request, &report, err);
        session_print_results(session, &report);
    } else if (result == 0) {
        session_print_results(session, &plan);
    }
    targets_release(&request->targets);
    return result;
}
