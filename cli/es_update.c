#include "base/cleanup.h"
#include "command.h"
#include "usecases/update.h"

static void print(const struct session *session, const struct report *report)
{
    static const struct column columns[] = {
        {"id", COLUMN_JSON_ONLY},
        {"action", COLUMN_JSON_ONLY},
        {"master", COLUMN_JSON_ONLY},
        {"instance", COLUMN_JSON_ONLY},
        {"index", 0},
        {"mode", 0},
        {"status", 0},
        {"indexed", COLUMN_RIGHT},
        {"deleted", COLUMN_RIGHT},
        {"rejected", COLUMN_RIGHT},
        {"superseded", COLUMN_RIGHT},
        {"retried", COLUMN_RIGHT},
        {"changed_from", 0},
        {"changed_through", 0},
        {"seconds", COLUMN_RIGHT},
    };
    struct output *output = output_open(session->format, columns, ARRAY_SIZE(columns));
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
    long allowed;
    if (read_choice(options, &request->choice, err) < 0 ||
        option_number(options, OPT_ALLOW_REJECTED, 0, &allowed, err) < 0)
        return -1;
    request->full = option_given(options, OPT_FULL);
    request->since = option_text(options, OPT_SINCE);
    request->allowed_rejected = allowed;
    if (request->full && request->since)
        return error_set(err, ERR_USAGE, "--full and --since exclude each other");
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
    .about = "By default the active instance, and only what changed since its last update; the\n"
             "first update of an instance is a full one. Each instance is updated with its own\n"
             "copy of the SQL that it was created with.",
    .options = (const enum option_id[]){OPT_LAST, OPT_LATEST, OPT_NEWER, OPT_ALL_ACTIVE, OPT_FULL,
                                        OPT_SINCE, OPT_ALLOW_REJECTED, OPT_COUNT},
    .most_words = ANY_NUMBER,
    .run = run,
};
