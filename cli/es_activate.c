#include "base/cleanup.h"
#include "command.h"
#include "usecases/activate.h"

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct activate_request request = {.force = option_given(&session->options, OPT_FORCE)};
    if (session_targets(session, &request.targets, err) < 0)
        return -1;
    int result = activate_instances(&session->context, &request, &report, err);
    targets_release(&request.targets);
    session_print_results(session, &report, result);
    return result;
}

const struct command es_activate_command = {
    .name = "es_activate",
    .arguments = "NAME [N] | NAME-N",
    .summary = "Points the alias that readers use at an instance",
    .about = "In one atomic call; without N at the newest instance. Refused for an instance that\n"
             "never completed a full update.",
    .options = (const enum option_id[]){OPT_FORCE, OPT_COUNT},
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
