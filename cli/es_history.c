#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/json.h"
#include "command.h"
#include "running.h"
#include "usecases/actions.h"

/* In JSON the whole record; in the table of many what fits a line. */
enum { NOT_IN_MANY = COLUMN_JSON_ONLY };

/* null where it is not known. */
static void put_known(struct output *output, int64_t number)
{
    if (number < 0)
        output_text(output, NULL);
    else
        output_int(output, number);
}

static void put_progress(struct output *output, const struct action_record *r)
{
    if (r->is_running)
        output_bool(output, r->alive);
    else
        output_text(output, NULL);
    output_text(output, r->phase);
    put_known(output, r->done);
    put_known(output, r->total);
    if (r->total >= 0)
        output_bool(output, r->is_estimate);
    else
        output_text(output, NULL);
    put_known(output, r->docs_per_second);
    put_known(output, r->bytes_per_second);
    put_known(output, r->unanswered);
    put_known(output, r->eta_s);
    output_time(output, r->progress_at);
}

/* In the table of many; the caller's. */
static char *short_result(const struct action_record *r)
{
    const char *result = r->result ? r->result : r->mode;
    return r->folded_runs < 0
               ? x_strdup(result)
               : x_printf("%s, and %" PRId64 " more", result ? result : "changed", r->folded_runs);
}

static void put_record(struct output *output, const struct action_record *r, bool short_id)
{
    _cleanup_free_ char *id = short_id ? x_strndup(r->id, 8) : x_strdup(r->id);
    _cleanup_free_ char *result = short_result(r);
    /* A row without an instance is about the master; one without either stands for several. */
    const char *index = r->index || !short_id ? r->index : r->master ? r->master : "(several)";
    output_row(output);
    output_text(output, id);
    output_text(output, r->parent);
    output_text(output, r->master);
    output_number(output, r->number);
    output_text(output, index);
    output_text(output, r->action);
    output_text(output, r->status);
    output_text(output, short_id ? result : r->result);
    output_text(output, r->mode);
    output_time(output, r->started_at);
    output_time(output, r->finished_at);
    output_seconds(output, r->seconds);
    output_int(output, r->indexed);
    output_int(output, r->deleted);
    output_int(output, r->rejected);
    output_int(output, r->superseded);
    output_int(output, r->retries);
    output_int(output, r->bytes);
    output_number(output, (int)r->in_flight);
    output_time(output, r->changed_from);
    output_time(output, r->changed_through);
    output_json(output, r->argv);
    output_text(output, r->tag);
    output_text(output, r->tool_version);
    output_text(output, r->os_user);
    output_text(output, r->host);
    output_number(output, r->pid);
    output_text(output, r->db_user);
    put_progress(output, r);
    output_text(output, r->error);
    put_known(output, r->folded_runs);
    output_time(output, r->folded_from);
    output_time(output, r->stopped_at);
    output_time(output, r->resumed_at);
    r->checks ? output_json(output, r->checks) : output_text(output, NULL);
}

/* Of one action for people: below its record, which has no place for so many. */
static int print_checks(const char *text, struct error *err)
{
    static const struct column columns[] = {
        {"check", 0, NULL},
        {"attempt", COLUMN_RIGHT | COLUMN_SPARE, NULL},
        {"severity", 0, NULL},
        {"verdict", 0, NULL},
        {"numbers", COLUMN_BELOW, NULL},
        {"samples", COLUMN_BELOW, NULL},
        {NULL, 0, NULL},
    };
    _cleanup_(json_freep) json *checks = json_parse(text, strlen(text), err);
    if (!checks)
        return -1;
    struct output *output = output_open(OUTPUT_TABLE, columns);
    for (size_t i = 0; i < json_length(checks); i++) {
        json *check = json_at(checks, i), *samples = json_get(check, "samples");
        _cleanup_free_ char *numbers = json_write(json_get(check, "numbers"));
        _cleanup_free_ char *found = json_length(samples) ? json_write(samples) : NULL;
        output_row(output);
        output_text(output, json_text(json_get(check, "check"), NULL));
        output_int(output, json_int(json_get(check, "attempt"), 1));
        output_text(output, json_text(json_get(check, "severity"), NULL));
        output_text(output, json_text(json_get(check, "verdict"), NULL));
        output_text(output, numbers);
        output_text(output, found);
    }
    putchar('\n');
    output_close(output);
    return 0;
}

static int print_single(const struct session *session, struct action_record *record,
                        struct error *err)
{
    _cleanup_free_ char *checks = TAKE_PTR(record->checks);
    struct output *output = output_open(session->format, session->command->columns);
    put_record(output, record, false);
    output_close_upright(output);
    return checks ? print_checks(checks, err) : 0;
}

static int print(const struct session *session, const struct action_records *records, bool single,
                 struct error *err)
{
    bool table = session->format == OUTPUT_TABLE;
    if (table && single)
        return print_single(session, &records->list[0], err);
    if (table && option_given(&session->options, OPT_RUNNING)) {
        running_print(records);
        return 0;
    }
    struct output *output = output_open(session->format, session->command->columns);
    for (size_t i = 0; i < records->count; i++)
        put_record(output, &records->list[i], table);
    output_close(output);
    return 0;
}

/* The word of --action as the history has it. */
static int check_action(const char **action, struct error *err)
{
    if (!*action)
        return 0;
    if (strncmp(*action, "es_", 3) == 0)
        *action += 3;
    _cleanup_free_ char *name = x_printf("es_%s", *action);
    if (command_find(name))
        return 0;
    const char *nearest = command_nearest(name);
    error_set(err, ERR_USAGE, "option --action takes a command, not \"%s\"", *action);
    if (nearest)
        return error_hint(err, "Did you mean %s?", nearest + 3);
    return error_hint(err, "See esmigrate --help");
}

static int run(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    _cleanup_(action_records_release) struct action_records records = {};
    bool single = false;
    bool running = option_given(options, OPT_RUNNING);
    long limit = option_number(options, OPT_LIMIT, 0);
    if (limit == 0)
        return error_set(err, ERR_USAGE, "option --limit takes at least 1");
    if (running && option_given(options, OPT_STATUS))
        return error_set(err, ERR_USAGE, "--running and --status exclude each other");
    struct action_filter filter = {
        .word = options->word_count ? options->words[0] : NULL,
        .since = option_text(options, OPT_SINCE),
        .until = option_text(options, OPT_UNTIL),
        .action = option_text(options, OPT_ACTION),
        .status = running ? "running" : option_text(options, OPT_STATUS),
        .limit = limit,
    };
    if (check_action(&filter.action, err) < 0 ||
        list_actions(&session->context, &filter, &records, &single, err) < 0 ||
        print(session, &records, single, err) < 0)
        return -1;
    if (running)
        running_say_crashed(session->context.log, &records);
    if (!records.count)
        log_say(session->context.log, LOG_NOTICE,
                running ? "nothing is running" : "no action matches");
    else if (!single && (long)records.count == limit)
        log_say(session->context.log, LOG_NOTICE, "there may be more: --limit is %ld", limit);
    return 0;
}

const struct command es_history_command = {
    .name = "es_history",
    .arguments = "[NAME | NAME-N | ACTION-ID]",
    .summary = "Shows what was done, newest first",
    .about =
        "An action's id, or the eight digits that the table shows of it, shows that one in full.",
    .options =
        (const struct command_option[]){
            {OPT_SINCE, "only what began at this time or later (RFC 3339, with a zone)"},
            {OPT_UNTIL, NULL},
            {OPT_ACTION, NULL},
            {OPT_STATUS, NULL},
            {OPT_RUNNING, NULL},
            {OPT_LIMIT, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_history course_search", "of one master"},
            {"es_history course_search-2", "of one instance"},
            {"es_history --status failed --limit 5", "the last failures"},
            {"es_history --running", "what is going on, and how far it is"},
            {"es_history 1f0c5a32", "one action in full"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"id", 0, "the action's id"},
            {"parent", NOT_IN_MANY, "id of the action that this one is a part of"},
            {"master", NOT_IN_MANY, "the logical index"},
            {"instance", NOT_IN_MANY | COLUMN_RIGHT, "number of the instance"},
            {"index", 0, "its name in the engine"},
            {"action", 0, "the command without es_"},
            {"status", 0, "running, complete, partial, failed or interrupted"},
            {"result", COLUMN_SPARE, "what came of it, for example created"},
            {"mode", NOT_IN_MANY, "of an update: full or changed"},
            {"started_at", 0, "when it began"},
            {"finished_at", NOT_IN_MANY, "when it ended; null: it has not"},
            {"seconds", COLUMN_RIGHT, "how long it took"},
            {"docs_indexed", COLUMN_SPARE | COLUMN_RIGHT, "documents that the engine took"},
            {"docs_deleted", COLUMN_SPARE | COLUMN_RIGHT,
             "deletes that the engine took, also of documents it did not have"},
            {"docs_rejected", COLUMN_SPARE | COLUMN_RIGHT,
             "documents that the engine refused for their content"},
            {"docs_superseded", NOT_IN_MANY | COLUMN_RIGHT,
             "documents that a newer read had overtaken"},
            {"retries", NOT_IN_MANY | COLUMN_RIGHT,
             "how often a document was sent again to a busy engine"},
            {"bytes_sent", NOT_IN_MANY | COLUMN_RIGHT, "bytes of all bulk requests"},
            {"in_flight", NOT_IN_MANY | COLUMN_RIGHT,
             "how many requests may be in flight; of a finished update: could, at its end"},
            {"changed_from", NOT_IN_MANY, "from where the changes were read"},
            {"changed_through", NOT_IN_MANY, "up to where the index has the changes since"},
            {"argv", NOT_IN_MANY, "the command line, without secrets"},
            {"tag", COLUMN_SPARE, "--tag"},
            {"tool_version", NOT_IN_MANY, "the version of esmigrate"},
            {"os_user", COLUMN_SPARE, "who ran it"},
            {"host", NOT_IN_MANY, "where"},
            {"pid", NOT_IN_MANY | COLUMN_RIGHT, "its process"},
            {"db_user", NOT_IN_MANY, "as whom it was connected to the history"},
            {"alive", NOT_IN_MANY,
             "of a running action whether it still holds its lock; if not, it has crashed"},
            {"phase", NOT_IN_MANY,
             "of a running update, as the next ones: prepare, load, sweep, refresh, restore or "
             "merge; or verify; "
             "with progress_at from its first second on"},
            {"documents_done", NOT_IN_MANY | COLUMN_RIGHT, "sent and accounted for"},
            {"documents_total", NOT_IN_MANY | COLUMN_RIGHT, "expected; null: not known"},
            {"is_estimate", NOT_IN_MANY, "whether that is the planner's estimate"},
            {"docs_per_second", NOT_IN_MANY | COLUMN_RIGHT, "over the last ten seconds"},
            {"bytes_per_second", NOT_IN_MANY | COLUMN_RIGHT, "of bulk requests, likewise"},
            {"unanswered", NOT_IN_MANY | COLUMN_RIGHT, "requests in flight"},
            {"eta_seconds", NOT_IN_MANY | COLUMN_RIGHT, "until all documents are done"},
            {"progress_at", NOT_IN_MANY, "when it wrote that"},
            {"error", COLUMN_BELOW, "why it failed, or is partial"},
            {"folded_runs", NOT_IN_MANY | COLUMN_RIGHT,
             "so many other updates of that day changed nothing either, and are no rows any more: "
             "es_prune"},
            {"folded_from", NOT_IN_MANY, "when the first of them began"},
            {"stopped_at", NOT_IN_MANY, "of a switch: when its stop_indexing hook was called"},
            {"resumed_at", NOT_IN_MANY,
             "when its resume_indexing hook had ended well; null: it has not"},
            {"checks", NOT_IN_MANY,
             "what it verified: an array of objects with attempt, check, severity, verdict, "
             "numbers and samples; null: nothing"},
            {NULL, 0, NULL},
        },
    .most_words = 1,
    .run = run,
};
