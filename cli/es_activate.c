#include "base/cleanup.h"
#include "command.h"
#include "usecases/activate.h"

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct activate_request request = {};
    int result = session_targets(session, &request.targets, err);
    if (result == 0)
        result = session_activation(session, &request.targets, &request.activation, err);
    if (result == 0) {
        result = activate_instances(&session->context, &request, &report, err);
        session_print_results(session, &report, result);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_activate_command = {
    .name = "es_activate",
    .arguments = "NAME [N] | NAME-N",
    .summary = "Points the alias that readers use at an instance",
    .about =
        "The alias (prefix and NAME) moves in one atomic call, so no search fails or sees two "
        "indexes; with it \"read_alias\", \"write_alias\" and \"aliases\" of master.json. Before, "
        "the instance is brought up to date and verified (see es_verify), and what changed "
        "meanwhile is "
        "read. Without N it is the newest instance; refused if that "
        "one does not have the declaration at hand, for an instance that never completed a full "
        "update or has rejected documents open, and when someone else has moved the alias.\n\n"
        "Commands that stop and resume indexing (master.json or --stop-indexing, "
        "--resume-indexing) are called around a last update and the switch, with ESMIGRATE_MASTER, "
        "ESMIGRATE_FROM_INDEX and ESMIGRATE_TO_INDEX in their environment; the second one whatever "
        "happens.",
    .options =
        (const struct command_option[]){
            {OPT_FORCE, "also an instance that never completed a full update"},
            {OPT_NO_UPDATE, NULL},
            {OPT_NO_VERIFY, NULL},
            {OPT_ALLOW_REJECTED, "switch although at most N rejected documents are open"},
            {OPT_STOP_INDEXING, NULL},
            {OPT_RESUME_INDEXING, NULL},
            {OPT_HOOK_TIMEOUT, NULL},
            {OPT_PROGRESS, NULL},
            {OPT_READS_ONLY, NULL},
            {OPT_WRITES_ONLY, NULL},
            {OPT_REPLACE_INDEX, NULL},
            {OPT_TAKE_ALIAS, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_activate course_search", "to the newest instance"},
            {"es_activate course_search 1", "back to instance 1"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
