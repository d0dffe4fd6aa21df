#include "base/cleanup.h"
#include "command.h"
#include "usecases/verify.h"

static const struct column columns[] = {
    {"id", COLUMN_JSON_ONLY, "the action's id"},
    {"action", COLUMN_JSON_ONLY, "the command without es_"},
    {"master", COLUMN_JSON_ONLY, "the logical index"},
    {"instance", COLUMN_JSON_ONLY, "its number"},
    {"index", 0, "its name in the engine"},
    {"check", 0, "what was looked at"},
    {"severity", 0, "critical (es_verify fails when the check does), warning or info"},
    {"verdict", 0, "ok, failed or skipped"},
    {"found", COLUMN_BELOW, "what was counted and found, in words"},
    {"numbers", COLUMN_JSON_ONLY, "what was counted: an object"},
    {"samples", COLUMN_JSON_ONLY,
     "some of what was found: an array of objects with id, field, setting or query, and problem"},
    {NULL, 0, NULL},
};

static void print(const struct session *session, const struct verifications *verifications)
{
    struct output *output = output_open(session->format, columns);
    for (size_t i = 0; i < verifications->count; i++) {
        const struct verification *one = &verifications->list[i];
        for (size_t j = 0; j < one->count; j++) {
            const struct check *check = &one->checks[j];
            if (!check->ended)
                continue;
            output_row(output);
            output_text(output, *one->id ? one->id : NULL);
            output_text(output, "verify");
            output_text(output, one->master);
            output_number(output, one->number);
            output_text(output, one->index);
            output_text(output, check->name);
            output_text(output, verification_severity_name(check->severity));
            output_text(output, verification_verdict_name(check->verdict));
            output_text(output, buffer_cstr(&check->words));
            output_json(output, buffer_cstr(&check->numbers));
            output_json(output, buffer_cstr(&check->samples));
        }
    }
    output_close(output);
}

static int run(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    _cleanup_(verifications_release) struct verifications verifications = {};
    struct verify_request request = {
        .all_content = option_given(options, OPT_CONTENT),
        .sample = option_number(options, OPT_SAMPLE, 0),
        .query_runs = option_number(options, OPT_QUERY_RUNS, 0),
        .max_rejected = option_number(options, OPT_ALLOW_REJECTED, 0),
        .repair = option_given(options, OPT_REPAIR),
        .sending = session_send_limits(session),
    };
    int result = session_targets(session, &request.targets, err);
    if (result == 0) {
        result = verify_instances(&session->context, &request, &verifications, err);
        print(session, &verifications);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_verify_command = {
    .name = "es_verify",
    .arguments = "NAME [N] | NAME-N",
    .summary = "Compares an instance with its source, declaration and history",
    .about =
        "By default the active instance, or the newest where none is active. Every id of the "
        "source is compared with the index, the content of some documents field by field, and "
        "mapping and settings with the declaration. Only reads, so that updates go on; what "
        "changes meanwhile is read again before it counts, and what the next update will bring is "
        "pending, which is no failure. What was found is kept in the history, in "
        "esmigrate.verification.",
    .options =
        (const struct command_option[]){
            {OPT_CONTENT, NULL},
            {OPT_SAMPLE, NULL},
            {OPT_REPAIR, NULL},
            {OPT_QUERY_RUNS, NULL},
            {OPT_PROGRESS, NULL},
            {OPT_ALLOW_REJECTED, "at most N open rejected documents are no failure"},
            {OPT_MAX_IN_FLIGHT, NULL},
            {OPT_RATE, NULL},
            {OPT_BATCH_BYTES, NULL},
            {OPT_COMPRESS, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_verify course_search 2", "before it is activated"},
            {"es_verify course_search --repair", "send again what differs"},
            {"es_verify course_search --content", "compare every document"},
            {NULL, NULL},
        },
    .columns = columns,
    .fewest_words = 1,
    .most_words = ANY_NUMBER,
    .run = run,
};
