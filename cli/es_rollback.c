#include "base/cleanup.h"
#include "command.h"
#include "usecases/rollback.h"

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct activate_request request = {};
    int result = session_targets(session, &request.targets, err);
    if (result == 0)
        result = session_activation(session, &request.targets, &request.activation, err);
    if (result == 0) {
        /* What was active is trusted, and there is no time. */
        request.activation.no_verify = request.activation.no_warm_up = true;
        result = rollback_instances(&session->context, &request, &report, err);
        session_print_results(session, &report, result);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_rollback_command = {
    .name = "es_rollback",
    .arguments = "NAME...",
    .summary = "Points the alias back at the instance that was active before",
    .about =
        "It is brought up to date first, with its own SQL from its own changed_through, so that "
        "readers find what was written since the switch. With \"keep\" in master.json every "
        "es_update keeps it fresh, and that takes a moment. Refused when it cannot be brought up "
        "to date, unless --allow-stale.",
    .options =
        (const struct command_option[]){
            {OPT_ALLOW_STALE, NULL},
            {OPT_REHEARSE, NULL},
            {OPT_ALLOW_REJECTED, "switch although at most N rejected documents are open"},
            {OPT_STOP_INDEXING, NULL},
            {OPT_RESUME_INDEXING, NULL},
            {OPT_HOOK_TIMEOUT, NULL},
            {OPT_PROGRESS, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_rollback course_search", "the release was bad: back, with all that was written"},
            {"es_rollback course_search --rehearse", "how long would it take?"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
