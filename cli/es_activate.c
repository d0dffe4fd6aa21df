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
    .about =
        "The alias (prefix and NAME) moves in one atomic call, so no search fails or sees two "
        "indexes. Without N it goes to the newest instance; refused if that one does not have the "
        "declaration at hand, and for an instance that never completed a full update.",
    .options =
        (const struct command_option[]){
            {OPT_FORCE, "also an instance that never completed a full update"},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_activate course_search", "to the newest instance"},
            {"es_activate course_search 1", "back to instance 1, at once"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
