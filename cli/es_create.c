#include "base/cleanup.h"
#include "command.h"
#include "usecases/create.h"

static int refuse_number(struct create_request *request, struct error *err)
{
    targets_release(&request->targets);
    error_set(err, ERR_USAGE, "--in-place changes the newest instance, none other");
    return error_hint(err, "Leave the number out.");
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct create_request request = {
        .all = option_given(&session->options, OPT_ALL),
        .force = option_given(&session->options, OPT_FORCE),
        .engine_only = option_given(&session->options, OPT_ENGINE_ONLY),
        .in_place = option_given(&session->options, OPT_IN_PLACE),
    };
    if (request.all && session->options.word_count)
        return error_set(err, ERR_USAGE, "--all and names exclude each other");
    if (request.in_place && (request.force || request.engine_only))
        return error_set(err, ERR_USAGE, "--in-place goes with neither --force nor --engine-only");
    if (session_targets(session, &request.targets, err) < 0)
        return -1;
    for (size_t i = 0; request.in_place && i < request.targets.count; i++)
        if (request.targets.list[i].number)
            return refuse_number(&request, err);
    int result = create_instances(&session->context, &request, &report, err);
    targets_release(&request.targets);
    session_print_results(session, &report, result);
    return result;
}

const struct command es_create_command = {
    .name = "es_create",
    .arguments = "NAME [N] | NAME... | --all",
    .summary = "Creates an instance for a declaration that no live instance has",
    .about =
        "If an instance has the declaration in indexes/NAME/ already, es_create says which one and "
        "does nothing. NAME N asserts that instance N has it. The new instance is empty and "
        "nobody reads it: fill it with es_update, switch to it with es_activate.\n"
        "\n"
        "--in-place makes no instance: it gives the newest one the fields and settings that the "
        "declaration adds, and is refused, with nothing changed, when another change is among "
        "them (es_plan shows each). The engine is asked on an empty scratch index first, with "
        "--dry-run too. Documents that are there get new fields by es_update --full.",
    .options =
        (const struct command_option[]){
            {OPT_ALL, "every declaration in the folder"},
            {OPT_FORCE, "create it even if an instance has the declaration"},
            {OPT_ENGINE_ONLY, NULL},
            {OPT_IN_PLACE, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_create course_search", "a new instance, if the files changed"},
            {"es_create course_search 2", "exit 1 unless instance 2 has them"},
            {"es_create course_search --in-place", "a new field, without reindexing"},
            {"es_create --all --dry-run", "what a release would create"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .most_words = ANY_NUMBER,
    .run = run,
};
