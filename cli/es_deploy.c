#include <stdio.h>

#include "base/cleanup.h"
#include "plan.h"
#include "usecases/deploy.h"

static int read_request(struct session *session, struct deploy_request *request, struct error *err)
{
    const struct options *options = &session->options;
    request->all = option_given(options, OPT_ALL);
    request->warm = option_given(options, OPT_WARM);
    request->update.rejected = session_rejected_limits(session);
    request->update.sending = session_send_limits(session);
    if (request->all == (options->word_count > 0)) {
        error_set(err, ERR_USAGE,
                  request->all ? "--all and names exclude each other"
                               : "es_deploy needs a name, or --all");
        return error_hint(err, "See esmigrate es_deploy --help");
    }
    if (request->all)
        return session_activation(session, &request->targets, &request->activation, err);
    if (session_targets(session, &request->targets, err) < 0)
        return -1;
    for (size_t i = 0; i < request->targets.count; i++)
        if (request->targets.list[i].number) {
            error_set(err, ERR_USAGE, "es_deploy takes names of masters, not instances");
            return error_hint(err, "It takes the instance that has the declaration. See esmigrate "
                                   "es_deploy --help");
        }
    return session_activation(session, &request->targets, &request->activation, err);
}

/* JSON has the steps alone. */
static void print_plans(const struct session *session, const struct deploy_plans *plans)
{
    FILE *out = session->format == OUTPUT_TABLE ? stdout : stderr;
    for (size_t i = 0; i < plans->count; i++) {
        session_say_plan(session, &plans->list[i]);
        session_print_plan(&plans->list[i], out);
        if (plans->list[i].changes.count + plans->list[i].drift.count)
            fputc('\n', out);
    }
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    _cleanup_(deploy_plans_release) struct deploy_plans plans = {};
    struct deploy_request request = {};
    int result = read_request(session, &request, err);
    if (result == 0) {
        result = deploy_masters(&session->context, &request, &report, &plans, err);
        print_plans(session, &plans);
        session_print_results(session, &report, result);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_deploy_command = {
    .name = "es_deploy",
    .arguments = "NAME... | --all",
    .summary = "Brings what readers search in line with the declaration",
    .about =
        "What a pipeline calls: es_create, if no live instance has the declaration; es_update of "
        "the one that has it; es_activate, which verifies it. Each step does nothing where nothing "
        "is to be done, so the same again is harmless, and goes on where one was interrupted. With "
        "--warm everything but the switch: it ends with es_verify, which tells hours before what "
        "the switch would be refused for. --dry-run prints these steps, as they would be, and what "
        "of the declaration makes a new instance necessary, as es_plan does, with an empty scratch "
        "index; it changes nothing else.",
    .options =
        (const struct command_option[]){
            {OPT_ALL, "every declaration"},
            {OPT_WARM, NULL},
            {OPT_ALLOW_REJECTED, "switch although at most N rejected documents are open"},
            {OPT_MAX_REJECTED, NULL},
            {OPT_MAX_IN_FLIGHT, NULL},
            {OPT_RATE, NULL},
            {OPT_BATCH_BYTES, NULL},
            {OPT_COMPRESS, NULL},
            {OPT_NO_VERIFY, NULL},
            {OPT_STOP_INDEXING, NULL},
            {OPT_RESUME_INDEXING, NULL},
            {OPT_HOOK_TIMEOUT, NULL},
            {OPT_PROGRESS, NULL},
            {OPT_REPLACE_INDEX, NULL},
            {OPT_TAKE_ALIAS, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_deploy course_search", "the whole deploy"},
            {"es_deploy --all --warm", "hours before, with the release's files: build and fill"},
            {"es_deploy --all --dry-run", "what would be done"},
            {NULL, NULL},
        },
    .columns = result_columns,
    .most_words = ANY_NUMBER,
    .run = run,
};
