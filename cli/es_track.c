#include <stdio.h>

#include "base/cleanup.h"
#include "command.h"
#include "usecases/track.h"

/* ---- the SQL ---- */

/* What stands below the DDL in a file that it is sent to: it is SQL all the same. */
static void print_sql(const struct session *session, const struct track_plan *plan)
{
    fputs(plan->ddl, stdout);
    printf("\n-- For %s/%s/changed.sql; behind UNION, if there is a SELECT in it already:\n-- %s\n",
           session->context.settings.indexes, plan->master, plan->changed_sql);
}

static void print_plan(const struct session *session, const struct track_plan *plan,
                       const struct report *done, const char *result)
{
    const char *id = done->count ? done->items[0].id : "";
    if (session->format == OUTPUT_TABLE) {
        print_sql(session, plan);
        return;
    }
    struct output *output = output_open(session->format, session->command->columns);
    output_row(output);
    output_text(output, *id ? id : NULL);
    output_text(output, "track");
    output_text(output, plan->master);
    output_text(output, plan->table);
    output_text(output, plan->tracker);
    output_text(output, result);
    output_text(output, plan->ddl);
    output_text(output, plan->changed_sql);
    output_close_object(output);
}

static int confirm(const struct track_plan *plan, struct error *err)
{
    if (!session_can_ask()) {
        error_set(err, ERR_UNCONFIRMED, "es_track is not confirmed; nothing was changed");
        error_detail(err, "It would make triggers on %s in the database \"%s\".", plan->table,
                     plan->database);
        return error_hint(err, "If that is meant, give --yes. Without --apply the SQL is printed.");
    }
    fprintf(stderr, "This would run in the database \"%s\":\n\n%s\n", plan->database, plan->ddl);
    return session_ask(err);
}

static void say_next(const struct session *session, const struct track_plan *plan, bool applied)
{
    log_say(session->context.log, LOG_NOTICE,
            "%snext: the SELECT into %s/%s/changed.sql, then: esmigrate es_create %s. Earlier "
            "changes are not recorded: an index has to be filled after the triggers were made",
            applied ? "" : "run the SQL in the source (or --apply); ",
            session->context.settings.indexes, plan->master, plan->master);
}

static int track(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    struct context *context = &session->context;
    bool apply = option_given(options, OPT_APPLY) && !context->settings.dry_run;
    _cleanup_(track_plan_release) struct track_plan plan = {};
    _cleanup_(report_release) struct report done = {};
    struct track_request request = {
        .master = options->words[0],
        .table = option_text(options, OPT_TABLE),
        .expression = option_text(options, OPT_ID),
    };
    if (track_plan(context, &request, &plan, err) < 0 ||
        (apply && !option_given(options, OPT_YES) && confirm(&plan, err) < 0) ||
        (apply && track_apply(context, &plan, &done, err) < 0))
        return -1;
    if (apply && !done.count)
        return 0;
    print_plan(session, &plan, &done, apply ? "applied" : "printed");
    say_next(session, &plan, apply);
    if (context->settings.dry_run)
        log_say(context->log, LOG_NOTICE, "dry run: nothing was changed");
    return 0;
}

/* ---- pruning ---- */

static const struct column prune_columns[] = {
    {"id", COLUMN_JSON_ONLY, "the action's id"},
    {"action", COLUMN_JSON_ONLY, "track"},
    {"master", 0, "the logical index"},
    {"table", 0, "the table that is tracked"},
    {"tracker", 0, "its name in esmigrate_source"},
    {"readers", COLUMN_RIGHT, "live instances that need its records"},
    {"removed", COLUMN_RIGHT, "records removed"},
    {"pruned_up_to", 0, "no record is older"},
    {NULL, 0, NULL},
};

static void print_pruned(const struct session *session, const struct prune_report *report)
{
    struct output *output = output_open(session->format, prune_columns);
    for (size_t i = 0; i < report->count; i++) {
        const struct prune_item *item = &report->items[i];
        output_row(output);
        output_text(output, *item->id ? item->id : NULL);
        output_text(output, "track");
        output_text(output, item->master);
        output_text(output, item->table);
        output_text(output, item->tracker);
        output_int(output, item->readers);
        output_int(output, item->removed);
        output_time(output, item->pruned_up_to);
    }
    output_close(output);
}

static int prune(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    _cleanup_(prune_report_release) struct prune_report report = {};
    struct prune_request request = {
        .master = options->word_count ? options->words[0] : NULL,
        .keep = option_text(options, OPT_KEEP),
    };
    int result = track_prune(&session->context, &request, &report, err);
    print_pruned(session, &report);
    if (result == 0 && !report.count)
        log_say(session->context.log, LOG_NOTICE, "there is nothing to do");
    else if (result == 0 && session->context.settings.dry_run)
        log_say(session->context.log, LOG_NOTICE, "dry run: nothing was changed");
    return result;
}

/* ---- both ---- */

static int run(struct session *session, struct error *err)
{
    const struct options *options = &session->options;
    bool table = option_given(options, OPT_TABLE), id = option_given(options, OPT_ID);
    bool keep = option_given(options, OPT_KEEP);
    if (option_given(options, OPT_PRUNE)) {
        if (!table && !id && !option_given(options, OPT_APPLY))
            return prune(session, err);
        return error_set(err, ERR_USAGE, "--prune takes neither --table and --id nor --apply");
    }
    if (keep)
        return error_set(err, ERR_USAGE, "--keep goes with --prune");
    if (options->word_count && table && id)
        return track(session, err);
    error_set(err, ERR_USAGE, "es_track needs NAME, --table and --id, or --prune");
    return error_hint(err, "For example: esmigrate es_track course_search --table lesson --id "
                           "course_id");
}

const struct command es_track_command = {
    .name = "es_track",
    .arguments = "NAME --table TABLE --id EXPR | [NAME] --prune",
    .summary = "Makes the SQL that records deletes and changes of joined tables",
    .about =
        "Prints triggers for a table of the source, which record the _id of the document that "
        "each change concerns (insert, update, delete, truncate, by whichever SQL), and a SELECT "
        "for changed.sql that reads the records. The SQL is meant for the migrations of the "
        "application; --apply runs it, asks on a terminal, and needs --yes elsewhere. It may be "
        "run again. Each table and expression is a tracker of its own. With -o json it is one "
        "object.\n"
        "\n"
        "EXPR may name the columns of TABLE; what is not PostgreSQL's own needs its schema. A null "
        "concerns no document, unnest(ARRAY[...]) several. Where it fails for a row, the statement "
        "that writes the row fails.\n"
        "\n"
        "Changes made before the triggers were there are not recorded: fill an index after that, "
        "with es_create or es_update --full. es_update refuses an index that may miss some, and "
        "names the table. Not seen are what replication writes, partitions that are attached, "
        "detached or written to by their own names, and, in a TRUNCATE within REPEATABLE READ, "
        "rows that others committed after the transaction began.\n"
        "\n"
        "--prune removes records older than --keep that every live instance of this history has "
        "read, from the database that --owner, --source or the history names. Its JSON is an "
        "array: id, "
        "action, master, table, tracker, readers, removed, pruned_up_to.",
    .options =
        (const struct command_option[]){
            {OPT_TABLE, NULL},
            {OPT_ID, NULL},
            {OPT_APPLY, NULL},
            {OPT_OWNER, NULL},
            {OPT_PRUNE, NULL},
            {OPT_KEEP, NULL},
            {OPT_COUNT, NULL},
        },
    .examples =
        (const struct example[]){
            {"es_track course_search --table course --id id > track.sql", "deleted rows"},
            {"es_track course_search --table lesson --id course_id --apply",
             "a joined table, at once"},
            {"es_track course_search --table tag --id \"'c-' || course_id\"", "as _id has it"},
            {"es_track --prune --keep '3 days' --if-busy=skip", "in cron, once a day"},
            {NULL, NULL},
        },
    .columns =
        (const struct column[]){
            {"id", 0, "the action's id; null without --apply"},
            {"action", 0, "track"},
            {"master", 0, "the logical index"},
            {"table", 0, "the table, with its schema"},
            {"tracker", 0, "the name of its triggers and its function"},
            {"result", 0, "printed or applied"},
            {"ddl", 0, "the SQL that makes the triggers"},
            {"changed_sql", 0,
             "a SELECT of _id over $1 for changed.sql; it may stand behind UNION"},
            {NULL, 0, NULL},
        },
    .most_words = 1,
    .run = run,
};
