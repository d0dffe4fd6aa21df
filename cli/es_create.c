#include "base/cleanup.h"
#include "command.h"
#include "usecases/create.h"

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct create_request request = {
        .all = option_given(&session->options, OPT_ALL),
        .force = option_given(&session->options, OPT_FORCE),
        .engine_only = option_given(&session->options, OPT_ENGINE_ONLY),
    };
    if (request.all && session->options.word_count)
        return error_set(err, ERR_USAGE, "--all and names exclude each other");
    if (session_targets(session, &request.targets, err) < 0)
        return -1;
    int result = create_instances(&session->context, &request, &report, err);
    targets_release(&request.targets);
    session_print_results(session, &report, result);
    return result;
}

const struct command es_create_command = {
    .name = "es_create",
    .arguments = "NAME [N] | NAME... | --all",
    .summary = "Creates a new instance for a declaration that no live instance has",
    .about = "When an instance has the declaration in indexes/NAME/ already, es_create says which\n"
             "one and does nothing. NAME N asserts that instance N has it. The new instance is\n"
             "empty and nobody reads it: fill it with es_update, switch to it with es_activate.",
    .options = (const enum option_id[]){OPT_ALL, OPT_FORCE, OPT_ENGINE_ONLY, OPT_COUNT},
    .most_words = ANY_NUMBER,
    .run = run,
};
