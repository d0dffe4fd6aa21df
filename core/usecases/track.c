#include "usecases/track.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/names.h"
#include "domain/track.h"
#include "sql.h"
#include "usecases/owner_source.h"
#include "usecases/run.h"
#include "usecases/targets.h"

static const char undefined_name[] = "42602", no_privilege[] = "42501"; /* SQLSTATE */

void track_plan_release(struct track_plan *plan)
{
    char *texts[] = {
        plan->master,   plan->tracker,           plan->table,
        plan->ddl,      plan->changed_sql,       plan->database,
        plan->conninfo, plan->system_identifier, plan->database_oid,
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    *plan = (struct track_plan){};
}

/* ---- the master: where its source is, and which type its _id has ---- */

struct subject {
    struct master_options options;
    struct content content; /* of the declaration, else of the newest instance; or empty */
    char *search_path;      /* of that instance, or NULL */
    char *place;            /* begins messages about the content */
};

static void subject_release(struct subject *subject)
{
    master_options_release(&subject->options);
    content_release(&subject->content);
    free(subject->search_path);
    free(subject->place);
}

static int read_newest(struct context *context, const char *name, struct subject *subject,
                       struct error *err)
{
    _cleanup_(choice_release) struct choice choice = {};
    if (context_open_history(context, false, err) < 0 ||
        choice_open(context, name, &choice, err) < 0 ||
        master_options_parse(choice.master.options, "options in the history", choice.master.name,
                             &subject->options, err) < 0)
        return -1;
    const struct instance *newest = instances_newest(&choice.instances);
    if (!newest)
        return 0;
    subject->content = (struct content){
        .documents_sql = x_strdup(newest->content.documents_sql),
        .changed_at_zone = x_strdup(newest->content.changed_at_zone),
    };
    subject->search_path = x_strdup(newest->search_path);
    subject->place = x_strdup(newest->index_name);
    return 0;
}

static int read_subject(struct context *context, const char *name, struct subject *subject,
                        struct error *err)
{
    const char *folder = context->settings.indexes;
    if (name_check_master("", name, err) < 0)
        return -1;
    if (!declaration_exists(folder, name))
        return read_newest(context, name, subject, err);
    _cleanup_(declaration_release) struct declaration declared = {};
    if (declaration_read(folder, name, &declared, err) < 0)
        return -1;
    subject->options = TAKE(declared.options);
    subject->content = TAKE(declared.content);
    /* The one at hand may read what the DDL that is asked for has yet to make. */
    free(subject->content.changed_sql);
    subject->content.changed_sql = NULL;
    subject->place = x_printf("%s/%s", folder, name);
    return 0;
}

/* ---- the table ---- */

static int no_table(struct source *source, const char *table, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(error_release) struct error ignored = {};
    error_set(err, ERR_USAGE, "--table: there is no table %s in the source database \"%s\"", table,
              pg_database(source->pg));
    if (pg_query(source->pg, sql_source_track_nearest, PG_VALUES(table), &rows, &ignored) == 0 &&
        pg_rows_count(rows))
        return error_hint(err, "Did you mean '%s'?", pg_text(rows, 0, "name"));
    return error_hint(err,
                      "It is looked for in the search_path, which is %s; write SCHEMA.TABLE for "
                      "another schema, and '\"Name\"' for one with capitals.",
                      source->search_path);
}

static const char *kind_in_words(const char *kind)
{
    switch (*kind) {
    case 'v':
        return "a view";
    case 'm':
        return "a materialized view";
    case 'f':
        return "a foreign table";
    default:
        return "no table";
    }
}

static int refuse_table(const char *table, const char *why, const char *hint, struct error *err)
{
    error_set(err, ERR_USAGE, "--table: %s %s", table, why);
    return error_hint(err, "%s", hint);
}

static int refuse_kind(const char *table, const char *kind, const char *master, struct error *err)
{
    error_set(err, ERR_USAGE, "--table: %s is %s", table, kind_in_words(kind));
    if (*kind == 'm')
        return error_hint(err,
                          "Its rows change at REFRESH, which fires no trigger, and not when the "
                          "tables change that it reads from. After each REFRESH: esmigrate "
                          "es_update %s --full. Or let the job that refreshes it write the ids "
                          "that differ into a table, which changed.sql reads.",
                          master);
    return error_hint(err, "Only tables have triggers that see every change: track those that it "
                           "reads from, each with an expression of its own.");
}

/* What triggers for statements do not see on it is said, or refused where that is everything. */
static int check_table(const struct pg_rows *rows, const char *master, const struct log *log,
                       struct error *err)
{
    const char *table = pg_text(rows, 0, "name"), *kind = pg_text(rows, 0, "kind");
    const char *schema = pg_text(rows, 0, "schema");
    if (*kind != 'r' && *kind != 'p')
        return refuse_kind(table, kind, master, err);
    if (*pg_text(rows, 0, "persistence") == 't' || strcmp(schema, "pg_catalog") == 0 ||
        strcmp(schema, "esmigrate_source") == 0)
        return refuse_table(table, "cannot be tracked: it is a temporary or a system table",
                            "Name a table of the application.", err);
    if (pg_bool(rows, 0, "subscribed"))
        return refuse_table(
            table, "is filled by a subscription; replication fires no triggers of statements",
            "Track it where it is written to, and publish esmigrate_source.change from there too.",
            err);
    if (*kind == 'p')
        log_say(log, LOG_WARNING,
                "%s is partitioned: what is written to a partition by its own name, and partitions "
                "that are attached, detached or dropped, are not seen; track partitions too that "
                "are written to directly",
                table);
    else if (pg_bool(rows, 0, "has_children"))
        log_say(log, LOG_WARNING,
                "%s has tables that inherit from it: what is written to them by their own names is "
                "not seen; track them too",
                table);
    else if (pg_bool(rows, 0, "is_partition"))
        log_say(log, LOG_WARNING,
                "%s is a partition: what is written through its parent is not seen; track the "
                "parent too",
                table);
    if (*pg_text(rows, 0, "persistence") == 'u')
        log_say(log, LOG_WARNING,
                "%s is unlogged: after a crash of the server it is empty, which is not seen; then "
                "es_update --full is needed",
                table);
    return 0;
}

static int find_table(struct context *context, struct source *source,
                      const struct track_request *request, struct pg_rows **ret_rows,
                      struct error *err)
{
    const char *table = request->table;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, sql_source_track_table, PG_VALUES(table), &rows, err) < 0) {
        if (strcmp(err->sqlstate, undefined_name) == 0 || strcmp(err->sqlstate, no_privilege) == 0)
            err->kind = ERR_USAGE;
        error_prefix(err, "--table %s", table);
        return error_hint(err, "Write it as in SQL: lesson, app.lesson or '\"Lesson\"'.");
    }
    if (!pg_rows_count(rows))
        return no_table(source, table, err);
    if (check_table(rows, request->master, context->log, err) < 0)
        return -1;
    *ret_rows = TAKE_PTR(rows);
    return 0;
}

/* ---- the expression ---- */

#define EXPRESSION_EXAMPLE "for example --id course_id"

/* SQLSTATE: no such function, table or type. */
static const char *const not_found[] = {"42883", "42P01", "42704"};

/* The position that the server blames, as a character of the expression. */
static int blame_expression(const char *expression, int before, struct error *err)
{
    if (!err->sqlstate[0])
        return -1;
    err->kind = ERR_USAGE;
    int character = err->position - before;
    if (err->position && character > 0 && character <= (int)strlen(expression))
        error_prefix(err, "--id, character %d", character);
    else
        error_prefix(err, "--id");
    for (size_t i = 0; i < ARRAY_SIZE(not_found); i++)
        if (strcmp(err->sqlstate, not_found[i]) == 0)
            return error_hint(err, "What is not PostgreSQL's own needs its schema, for example "
                                   "public.slug(title): triggers do not use the search_path of "
                                   "whoever writes.");
    if (err->hint)
        return -1;
    return error_hint(err, "It is one SQL expression over a row of the table, " EXPRESSION_EXAMPLE);
}

static int not_one_value(struct error *err)
{
    error_set(err, ERR_USAGE, "--id: it is not one SQL expression over a row of the table");
    return error_hint(err,
                      "It yields the _id of the document that a row concerns, " EXPRESSION_EXAMPLE
                      ". For several documents: --id "
                      "\"unnest(ARRAY[course_id, other_id])\"");
}

static bool is_one_of(const char *type, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

/* changed.sql casts the text of a recorded id to the type of _id. Types of the application, which
 * have their schema here, are not judged. */
static void compare_types(const char *type, const char *id_type, const struct log *log)
{
    static const char *const texts[] = {"text", "character varying", "bpchar"};
    static const char *const numbers[] = {"smallint", "integer", "bigint"};
    if (strcmp(type, id_type) == 0 || strchr(type, '.') ||
        is_one_of(id_type, texts, ARRAY_SIZE(texts)) ||
        (is_one_of(type, numbers, ARRAY_SIZE(numbers)) &&
         is_one_of(id_type, numbers, ARRAY_SIZE(numbers))))
        return;
    log_say(log, LOG_WARNING,
            "--id is of type %s, the _id of documents.sql of type %s: a value that is none would "
            "make es_update fail",
            type, id_type);
}

/* As the trigger will run it: with its search_path. */
static int check_expression(struct source *source, const struct tracker *tracker,
                            const struct log *log, struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {}, bare = {};
    int before;
    _cleanup_free_ char *probe = tracker_probe(tracker, &before);
    _cleanup_free_ char *bare_probe = tracker_bare_probe(tracker);
    if (!tracker->expression[strspn(tracker->expression, " \t\r\n")])
        return not_one_value(err);
    if (pg_run(source->pg, "SET search_path = pg_catalog, pg_temp", err) < 0)
        return -1;
    if (pg_describe(source->pg, probe, &description, err) < 0)
        return blame_expression(tracker->expression, before, err);
    if (description.count != 1 || description.parameters ||
        pg_describe(source->pg, bare_probe, &bare, err) < 0 || bare.count != 1)
        return not_one_value(err);
    compare_types(bare.columns[0].type, tracker->id_type, log);
    return 0;
}

/* ---- the plan ---- */

static int learn_id_type(struct context *context, struct source *source,
                         const struct subject *subject, const char *name, char **ret_type,
                         struct error *err)
{
    if (!subject->content.documents_sql) {
        log_say(context->log, LOG_WARNING,
                "%s has neither a declaration in %s/ nor an instance: the type of its _id is taken "
                "to be text",
                name, context->settings.indexes);
        *ret_type = x_strdup("text");
        return 0;
    }
    if (source_use(source, &subject->content, 0, subject->place, err) < 0)
        return -1;
    *ret_type = x_strdup(source->columns.id_type);
    return 0;
}

/* A second expression for the same table adds to the first; whoever meant to correct it must
 * know. */
static int say_others(struct context *context, struct source *source, const struct tracker *tracker,
                      const char *name, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *there = NULL, *rows = NULL;
    if (pg_query(source->pg, sql_source_track_there, PG_NO_VALUES, &there, err) < 0)
        return -1;
    if (!pg_bool(there, 0, "there") || !pg_bool(there, 0, "readable"))
        return 0;
    if (pg_query(source->pg, sql_source_track_others,
                 PG_VALUES(tracker->table, name, tracker->master), &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        if (pg_bool(rows, i, "same"))
            log_say(context->log, LOG_NOTICE, "the source has this tracker already: %s", name);
        else
            log_say(context->log, LOG_NOTICE,
                    "%s is tracked for %s already, by %s; this one is added. When no changed.sql "
                    "needs the other any more: DROP FUNCTION esmigrate_source.%s CASCADE",
                    tracker->table, tracker->master, pg_text(rows, i, "id_expression"),
                    pg_text(rows, i, "name"));
    }
    return 0;
}

static int make_plan(struct context *context, const struct track_request *request,
                     const struct subject *subject, struct source *source, struct track_plan *plan,
                     struct error *err)
{
    _cleanup_free_ char *id_type = NULL;
    _cleanup_(pg_rows_freep) struct pg_rows *table = NULL;
    if (find_table(context, source, request, &table, err) < 0 ||
        learn_id_type(context, source, subject, request->master, &id_type, err) < 0)
        return -1;
    struct tracker tracker = {
        .master = request->master,
        .table = pg_text(table, 0, "name"),
        .alias = pg_text(table, 0, "alias"),
        .plain = pg_text(table, 0, "plain"),
        .expression = request->expression,
        .id_type = id_type,
        .reader = pg_text(table, 0, "reader"),
    };
    _cleanup_free_ char *name = tracker_name(&tracker);
    if (check_expression(source, &tracker, context->log, err) < 0 ||
        say_others(context, source, &tracker, name, err) < 0)
        return -1;
    *plan = (struct track_plan){
        .master = x_strdup(request->master),
        .tracker = TAKE_PTR(name),
        .table = x_strdup(tracker.table),
        .ddl = tracker_ddl(&tracker),
        .changed_sql = tracker_changed_sql(&tracker),
        .database = x_strdup(pg_database(source->pg)),
        .conninfo = x_strdup(subject->options.source),
        .system_identifier = x_strdup(source->system_identifier),
        .database_oid = x_strdup(source->database_oid),
    };
    return 0;
}

int track_plan(struct context *context, const struct track_request *request,
               struct track_plan *ret_plan, struct error *err)
{
    _cleanup_(subject_release) struct subject subject = {};
    _cleanup_(source_closep) struct source *source = NULL;
    if (read_subject(context, request->master, &subject, err) < 0 ||
        context_open_source(context, subject.options.source, subject.search_path, &source, err) < 0)
        return -1;
    return make_plan(context, request, &subject, source, ret_plan, err);
}

/* ---- applying it ---- */

static int apply_in_run(struct context *context, const struct track_plan *plan, struct error *err)
{
    _cleanup_(source_closep) struct source *source = NULL;
    if (owner_source_open(context, plan->conninfo, &source, err) < 0 ||
        owner_source_check(source, plan->system_identifier, plan->database_oid, plan->database,
                           err) < 0)
        return -1;
    if (pg_run(source->pg, "BEGIN", err) < 0 || pg_run(source->pg, plan->ddl, err) < 0 ||
        pg_run(source->pg, "COMMIT", err) < 0)
        return owner_source_failed(source, plan->table, err);
    return 0;
}

int track_apply(struct context *context, const struct track_plan *plan, struct report *report,
                struct error *err)
{
    struct master master = {};
    if (context_open_history(context, true, err) < 0 ||
        history_ensure_master(context->history, plan->master, err) < 0 ||
        history_find_master(context->history, plan->master, &master, err) < 0)
        return -1;
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "track",
        .name = plan->master,
        .master_id = master.id,
        .locks = RUN_LOCK_MASTER,
    };
    int result = run_begin(context, &spec, &run, &skipped, err);
    if (result == 0 && !skipped) {
        struct report_item *item = report_add(report, "track", plan->master);
        run.outcome.result = "applied";
        result = run_end(&run, apply_in_run(context, plan, err), item, err);
    }
    master_release(&master);
    return result;
}
