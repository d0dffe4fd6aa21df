#include "base/cleanup.h"
#include "command.h"
#include "usecases/update.h"

static void print(const struct session *session, const struct report *report)
{
    struct output *output = output_open(session->format, session->command->columns);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_item *item = &report->items[i];
        output_row(output);
        output_text(output, *item->id ? item->id : NULL);
        output_text(output, item->action);
        output_text(output, item->master);
        output_number(output, item->number);
        output_text(output, item->index);
        output_text(output, item->mode);
        output_text(output, item->status);
        output_int(output, item->totals.indexed);
        output_int(output, item->totals.deleted);
        output_int(output, item->totals.rejected);
        output_int(output, item->totals.superseded);
        output_int(output, item->totals.retries);
        output_time(output, item->changed_from);
        output_time(output, item->changed_through);
        output_seconds(output, item->seconds);
    }
    output_close(output);
}

/* At most one of them. */
static int read_choice(const struct options *options, enum update_choice *ret, struct error *err)
{
    static const struct {
        enum option_id option;
        enum update_choice choice;
    } choices[] = {
        {OPT_LAST, UPDATE_LAST},
        {OPT_LATEST, UPDATE_LAST},
        {OPT_NEWER, UPDATE_NEWER},
        {OPT_ALL_ACTIVE, UPDATE_ACTIVE},
    };
    *ret = UPDATE_NAMED;
    for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
        if (!option_given(options, choices[i].option))
            continue;
        if (*ret != UPDATE_NAMED && *ret != choices[i].choice)
            return error_set(err, ERR_USAGE, "--last, --newer and --all-active exclude each other");
        *ret = choices[i].choice;
    }
    return 0;
}

static int read_request(struct session *session, struct update_request *request, struct error *err)
{
    const struct options *options = &session->options;
    if (read_choice(options, &request->choice, err) < 0)
        return -1;
    request->restart = option_given(options, OPT_RESTART);
    request->full = option_given(options, OPT_FULL) || request->restart;
    request->since = option_text(options, OPT_SINCE);
    request->allowed_rejected = option_number(options, OPT_ALLOW_REJECTED, 0);
    if (request->full && request->since)
        return error_set(err, ERR_USAGE, "%s and --since exclude each other",
                         request->restart ? "--restart" : "--full");
    if ((request->choice == UPDATE_ACTIVE) == (options->word_count > 0)) {
        error_set(err, ERR_USAGE,
                  request->choice == UPDATE_ACTIVE ? "--all-active and names exclude each other"
                                                   : "es_update needs a name, or --all-active");
        return error_hint(err, "See esmigrate es_update --help");
    }
    if (session_targets(session, &request->targets, err) < 0)
        return -1;
    for (size_t i = 0; i < request->targets.count; i++)
        if (request->targets.list[i].number && request->choice != UPDATE_NAMED)
            return error_set(err, ERR_USAGE,
                             "an instance number and --last or --newer exclude "
                             "each other");
    return 0;
}

static int run(struct session *session, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    struct update_request request = {};
    int result = read_request(session, &request, err);
    if (result == 0) {
        result = update_instances(&session->context, &request, &report, err);
        print(session, &report);
        if (result == 0)
            session_say_end(session, &report);
    }
    targets_release(&request.targets);
    return result;
}

const struct command es_update_command = {
    .name = "es_update",
    .arguments = "NAME [N] | NAME-N | NAME --last | NAME --newer | --all-active",
    .summary = "Brings the documents of an instance up to date",
    .about =
        "By default the active instance, and only what changed since its last update; the first "
        "update of an instance is a full one. Each instance is updated with its own copy of the "
        "SQL that it was created with, whatever the files say by now.",
    .options =
        (const struct command_option[]){
            {OPT_LAST, NULL},
            {OPT_LATEST, NULL},
            {OPT_NEWER, NULL},
            {OPT_ALL_ACTIVE, NULL},
            {OPT_FULL, NULL},
            {OPT_RESTART, NULL},
            {OPT_SINCE, "read what changed since this time (RFC 3339, with a zone)"},
            {OPT_ALLOW_REJECTED, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_update course_search", "the active instance, from cron"},
            {"es_update course_search --last", "warm the newest before the deploy"},
            {"es_update --all-active --if-busy=skip", "one line of cron for all masters"},
            {"es_update course_search --full", "read everything again"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"id", COLUMN_JSON_ONLY, "the action's id"},
            {"action", COLUMN_JSON_ONLY, "update"},
            {"master", COLUMN_JSON_ONLY, "the logical index"},
            {"instance", COLUMN_JSON_ONLY, "its number"},
            {"index", 0, "its name in the engine"},
            {"mode", COLUMN_SPARE, "full, or changed: only what changed"},
            {"status", 0, "complete, partial (rejected documents are open), failed, interrupted"},
            {"indexed", COLUMN_RIGHT, "documents that the engine took"},
            {"deleted", COLUMN_RIGHT,
             "deletes that the engine took, also of documents it did not have"},
            {"rejected", COLUMN_RIGHT, "documents that the engine refused for their content"},
            {"superseded", COLUMN_SPARE | COLUMN_RIGHT,
             "documents that a newer read had overtaken"},
            {"retried", COLUMN_SPARE | COLUMN_RIGHT,
             "how often a document was sent again to a busy engine"},
            {"changed_from", COLUMN_SPARE, "from where the changes were read; null: everything"},
            {"changed_through", 0, "every change in the source up to this time is in the index"},
            {"seconds", COLUMN_RIGHT, "how long it took"},
            {NULL, 0, NULL},
        },
    .most_words = ANY_NUMBER,
    .run = run,
};
