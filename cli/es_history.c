#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "command.h"
#include "usecases/actions.h"

/* In JSON the whole record; in the table of many what fits a line. */
enum { NOT_IN_MANY = COLUMN_JSON_ONLY };

static const struct column columns[] = {
    {"id", 0},
    {"parent", NOT_IN_MANY},
    {"master", NOT_IN_MANY},
    {"instance", NOT_IN_MANY | COLUMN_RIGHT},
    {"index", 0},
    {"action", 0},
    {"status", 0},
    {"result", 0},
    {"mode", NOT_IN_MANY},
    {"started_at", 0},
    {"finished_at", NOT_IN_MANY},
    {"seconds", COLUMN_RIGHT},
    {"docs_indexed", COLUMN_RIGHT},
    {"docs_deleted", COLUMN_RIGHT},
    {"docs_rejected", COLUMN_RIGHT},
    {"docs_superseded", NOT_IN_MANY | COLUMN_RIGHT},
    {"retries", NOT_IN_MANY | COLUMN_RIGHT},
    {"bytes_sent", NOT_IN_MANY | COLUMN_RIGHT},
    {"changed_from", NOT_IN_MANY},
    {"changed_through", NOT_IN_MANY},
    {"argv", NOT_IN_MANY},
    {"tag", COLUMN_TRUNCATE},
    {"tool_version", NOT_IN_MANY},
    {"os_user", COLUMN_TRUNCATE},
    {"host", NOT_IN_MANY},
    {"pid", NOT_IN_MANY | COLUMN_RIGHT},
    {"db_user", NOT_IN_MANY},
    {"error", COLUMN_TRUNCATE},
};

static void put_record(struct output *output, const struct action_record *r, bool short_id)
{
    _cleanup_free_ char *id = short_id ? x_strndup(r->id, 8) : x_strdup(r->id);
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
    output_text(output, r->result ? r->result : short_id ? r->mode : NULL);
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
    output_time(output, r->changed_from);
    output_time(output, r->changed_through);
    output_json(output, r->argv);
    output_text(output, r->tag);
    output_text(output, r->tool_version);
    output_text(output, r->os_user);
    output_text(output, r->host);
    output_number(output, r->pid);
    output_text(output, r->db_user);
    output_text(output, r->error);
}

static void print(const struct session *session, const struct action_records *records, bool single)
{
    bool table = session->format == OUTPUT_TABLE;
    struct output *output = output_open(session->format, columns, ARRAY_SIZE(columns));
    for (size_t i = 0; i < records->count; i++)
        put_record(output, &records->list[i], table && !single);
    if (table && single)
        output_close_upright(output);
    else
        output_close(output);
}

static int check_status(const char *status, struct error *err)
{
    static const char *const known[] = {"running", "complete", "partial", "failed", "interrupted"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (!status || strcmp(status, known[i]) == 0)
            return 0;
    error_set(err, ERR_USAGE, "--status: there is no status \"%s\"", status);
    return error_hint(err, "It is one of running, complete, partial, failed and interrupted.");
}

static int run(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    _cleanup_(action_records_release) struct action_records records = {};
    bool single = false;
    long limit;
    if (option_number(options, OPT_LIMIT, 0, &limit, err) < 0)
        return -1;
    if (limit == 0)
        return error_set(err, ERR_USAGE, "--limit must be at least 1");
    if (check_status(option_text(options, OPT_STATUS), err) < 0)
        return -1;
    struct action_filter filter = {
        .word = options->word_count ? options->words[0] : NULL,
        .since = option_text(options, OPT_SINCE),
        .until = option_text(options, OPT_UNTIL),
        .action = option_text(options, OPT_ACTION),
        .status = option_text(options, OPT_STATUS),
        .limit = limit,
    };
    if (filter.action && strncmp(filter.action, "es_", 3) == 0)
        filter.action += 3;
    if (list_actions(&session->context, &filter, &records, &single, err) < 0)
        return -1;
    print(session, &records, single);
    if (!records.count)
        log_say(session->context.log, LOG_NOTICE, "no action matches");
    else if (!single && (long)records.count == limit)
        log_say(session->context.log, LOG_NOTICE, "there may be more: --limit is %ld", limit);
    return 0;
}

const struct command es_history_command = {
    .name = "es_history",
    .arguments = "[NAME | ACTION-ID]",
    .summary = "Shows what was done, newest first",
    .about = "An action's id, or the eight digits the table shows of it, shows that one in full.",
    .options = (const enum option_id[]){OPT_SINCE, OPT_UNTIL, OPT_ACTION, OPT_STATUS, OPT_LIMIT,
                                        OPT_COUNT},
    .most_words = 1,
    .run = run,
};
