#include "base/cleanup.h"
#include "command.h"
#include "usecases/update.h"

enum { MOST_WORKERS = 16 };

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
    request->join = option_given(options, OPT_JOIN);
    request->full = option_given(options, OPT_FULL) || request->restart || request->join;
    request->count = option_given(options, OPT_COUNT_FIRST);
    request->since = option_text(options, OPT_SINCE);
    request->rejected = session_rejected_limits(session);
    request->sending = session_send_limits(session);
    request->force_merge = option_given(options, OPT_FORCE_MERGE);
    long workers = option_number(options, OPT_WORKERS, 1);
    if (workers < 1 || workers > MOST_WORKERS) {
        error_set(err, ERR_USAGE, "option --workers takes 1 to %d", MOST_WORKERS);
        return error_hint(err, "See esmigrate es_update --help");
    }
    request->workers = (size_t)workers;
    if (request->restart && request->join)
        return error_set(err, ERR_USAGE, "--restart and --join exclude each other");
    if (request->full && request->since)
        return error_set(err, ERR_USAGE, "%s and --since exclude each other",
                         request->restart ? "--restart"
                         : request->join  ? "--join"
                                          : "--full");
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
        session_print_feed(session, &report);
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
            {OPT_WORKERS, NULL},
            {OPT_JOIN, NULL},
            {OPT_SINCE, "read what changed since this time (RFC 3339, with a zone)"},
            {OPT_COUNT_FIRST, NULL},
            {OPT_PROGRESS, NULL},
            {OPT_ALLOW_REJECTED,
             "exit with 0 when at most N rejected documents are open at the end; "
             "it stops nothing"},
            {OPT_MAX_REJECTED, NULL},
            {OPT_MAX_IN_FLIGHT, NULL},
            {OPT_RATE, NULL},
            {OPT_BATCH_BYTES, NULL},
            {OPT_COMPRESS, NULL},
            {OPT_FORCE_MERGE, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_update course_search", "the active instance, from cron"},
            {"es_update course_search --last", "warm the newest before the deploy"},
            {"es_update --all-active --if-busy=skip", "one line of cron for all masters"},
            {"es_update course_search --full", "read everything again"},
            {"es_update course_search --full --workers 4", "the same, by four readers at once"},
            {"es_update course_search --join", "take part in it from another machine"},
            {NULL, NULL},
        },
    .columns = feed_columns,
    .most_words = ANY_NUMBER,
    .run = run,
};
