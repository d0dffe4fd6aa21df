#include "domain/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/history.h"
#include "domain/reading_sql.h"
#include "domain/sqltext.h"
#include "domain/type_oids.h"
#include "sql.h"

enum {
    MOST_COLUMNS = 1600,  /* PostgreSQL takes 1,664 of a SELECT, ours among them */
    LONGEST_RAW_ID = 100, /* bytes */
};

/* A document larger than this would be held twice by libpq and once in the bulk body. */
static const int64_t default_max_document_bytes = (int64_t)20 * 1024 * 1024;

#define CHANGED_EXAMPLE "for example: SELECT course_id AS _id FROM lesson WHERE updated_at >= $1"

/* SQLSTATE */
static const char lock_not_available[] = "55P03", serialization_failure[] = "40001";

int source_open(const struct source_options *options, struct source **ret_source, struct error *err)
{
    _cleanup_(source_closep) struct source *source = x_calloc(1, sizeof(*source));
    struct pg_options pg_options = {
        .conninfo = options->conninfo,
        .name = "source",
        .lock_timeout_s = options->lock_timeout_s,
        .search_path = options->search_path,
        .heeds_stop = true,
    };
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_open(&pg_options, &source->pg, err) < 0 || session_mark(source->pg, err) < 0 ||
        pg_query(source->pg, sql_source_identity, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    source->system_identifier = x_strdup(pg_text(rows, 0, "system_identifier"));
    source->database_oid = x_strdup(pg_text(rows, 0, "database_oid"));
    source->search_path = x_strdup(pg_text(rows, 0, "search_path"));
    source->lsn = x_strdup(pg_text(rows, 0, "lsn"));
    source->timeline = x_strdup(pg_text(rows, 0, "timeline"));
    *ret_source = TAKE_PTR(source);
    return 0;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    pg_close(source->pg);
    free(source->system_identifier);
    free(source->database_oid);
    free(source->search_path);
    free(source->lsn);
    free(source->timeline);
    document_columns_release(&source->columns);
    json_shape_release(&source->shape);
    free(source->fields);
    buffer_release(&source->id);
    free(source->documents);
    free(source->changed);
    free(source->zone);
    free(source);
}

/* ---- errors ---- */

const char source_documents_file[] = "documents.sql", source_changed_file[] = "changed.sql";

int source_in_file(const char *file, struct error *err)
{
    if (!err->sqlstate[0] || strncmp(err->sqlstate, "57", 2) == 0)
        return -1;
    /* A reading transaction meets it on a standby only: replay has cancelled it. */
    if (strcmp(err->sqlstate, serialization_failure) == 0)
        return error_hint(err, "The standby gave way to what it replays. Set "
                               "hot_standby_feedback = on or a longer max_standby_streaming_delay "
                               "there, or read from the primary; then run the same command again.");
    return error_prefix(err, "%s", file);
}

int source_failed(struct source *source, const char *file, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (strcmp(err->sqlstate, lock_not_available) != 0)
        return source_in_file(file, err);
    error_set(err, ERR_POSTGRES,
              "source database: gave up waiting for a table that another transaction has locked");
    error_hint(err, "Let that transaction end, then run the same command again; or wait longer for "
                    "it with --lock-timeout SECONDS.");
    if (pg_run(source->pg, "ROLLBACK", &ignored) < 0 ||
        pg_query(source->pg, sql_source_blockers, PG_NO_VALUES, &rows, &ignored) < 0 ||
        !pg_rows_count(rows))
        return -1;
    _cleanup_free_ char *since = time_rfc3339(pg_text(rows, 0, "since"));
    return error_detail(err, "The session with pid %s (%s) locks %s%s%s.", pg_text(rows, 0, "pid"),
                        pg_text(rows, 0, "application"), pg_text(rows, 0, "relation"),
                        since ? ", in a transaction since " : "", since ? since : "");
}

/* ---- preparing ---- */

/* Turns the server's position in the statement into line and column of the user's file. */
static int blame_file(struct source *source, const char *sql, const char *place, const char *file,
                      struct error *err)
{
    if (!err->sqlstate[0])
        return -1; /* the connection, not the statement */
    if (strcmp(err->sqlstate, lock_not_available) == 0)
        return source_failed(source, file, err);
    int line = 1, column = 1;
    int left = err->position - 1; /* positions count characters, not bytes */
    for (const char *c = sql; *c && left > 0; c++) {
        bool begins_line = *c == '\n';
        line += begins_line;
        if (((unsigned char)c[1] & 0xc0) == 0x80)
            continue;
        column = begins_line ? 1 : column + 1;
        left--;
    }
    err->kind = ERR_USAGE;
    if (strstr(err->message, "multiple commands")) {
        error_set(err, ERR_USAGE, "%s/%s: there is more than one statement in it", place, file);
        return error_hint(err, "Write one SELECT: join several with UNION ALL, or put what they "
                               "prepare into WITH.");
    }
    if (err->position)
        return error_prefix(err, "%s/%s: line %d, column %d", place, file, line, column);
    return error_prefix(err, "%s/%s", place, file);
}

/* These have a text form that is short, and what JSON has of it between quotes at most. */
static enum json_form id_form_of(unsigned int type_oid)
{
    switch (type_oid) {
    case INT2_OID:
    case INT4_OID:
    case INT8_OID:
    case UUID_OID:
        return json_form_of(type_oid);
    default:
        return JSON_FORM_STRING;
    }
}

static void mark_enums(const struct pg_rows *rows, struct document_columns *columns)
{
    for (size_t row = 0; row < pg_rows_count(rows); row++)
        for (size_t i = 0; i < columns->field_count; i++)
            if (columns->fields[i].type_oid == pg_int(rows, row, "oid"))
                columns->fields[i].form = JSON_FORM_NAME;
}

/* Enums come as their labels. They are types of the user's own: no oid tells them. */
static int find_enums(struct source *source, struct error *err)
{
    struct document_columns *columns = &source->columns;
    _cleanup_(buffer_release) struct buffer types = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    for (size_t i = 0; i < columns->field_count; i++)
        if (columns->fields[i].type_oid >= FIRST_OWN_OID)
            buffer_printf(&types, "%c%u", types.length ? ',' : '{', columns->fields[i].type_oid);
    if (!types.length)
        return 0;
    buffer_char(&types, '}');
    if (pg_query(source->pg, sql_source_enum_types, PG_VALUES(buffer_cstr(&types)), &rows, err) < 0)
        return -1;
    mark_enums(rows, columns);
    return 0;
}

/*
 * Documents are built here out of their columns, which costs the server a third of what
 * row_to_json() does. Not those that are one column, _source; nor those whose texts may be no
 * UTF-8, which the whole document is searched for.
 */
static void use_columns(struct source *source)
{
    const struct document_columns *columns = &source->columns;
    bool built = false;
    for (size_t i = 0; i < columns->field_count; i++)
        built |= columns->fields[i].form != JSON_FORM_JSON;
    if (built && !source->any_bytes && columns->field_count <= MOST_COLUMNS)
        for (size_t i = 0; i < columns->field_count; i++)
            json_shape_add(&source->shape, columns->fields[i].name, columns->fields[i].form);
    source->id_form = id_form_of(columns->id_type_oid);
    source->id = BUFFER(LONGEST_RAW_ID);
    source->fields = x_calloc(DOCUMENT_COLUMNS + source->shape.count, sizeof(*source->fields));
}

static int use_documents(struct source *source, const struct content *content, const char *place,
                         struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {};
    _cleanup_free_ char *file = x_printf("%s/documents.sql", place);
    if (sqltext_is_empty(content->documents_sql)) {
        error_set(err, ERR_USAGE, "%s: there is no statement in it", file);
        return error_hint(err, "Write one SELECT whose rows are the documents, for example: SELECT "
                               "id AS _id, updated_at AS _changed_at, title FROM course");
    }
    if (pg_describe(source->pg, content->documents_sql, &description, err) < 0)
        return blame_file(source, content->documents_sql, place, source_documents_file, err);
    if (document_columns_read(&description, content->changed_at_zone, file, &source->columns, err) <
        0)
        return -1;
    source->documents = sqltext_statement(content->documents_sql);
    if (find_enums(source, err) < 0)
        return -1;
    use_columns(source);
    return 0;
}

/* Ids of another type than documents.sql's are made values of that one. */
static int check_id_type(struct source *source, const char *type, const char *place,
                         struct error *err)
{
    static const char cannot_coerce[] = "42846"; /* SQLSTATE */
    _cleanup_(pg_description_release) struct pg_description description = {};
    const char *wanted = source->ids_as_text ? "text" : source->columns.id_cast;
    _cleanup_free_ char *sql = x_printf("SELECT CAST(CAST(NULL AS %s) AS %s)", type, wanted);
    if (pg_describe(source->pg, sql, &description, err) == 0)
        return 0;
    if (strcmp(err->sqlstate, cannot_coerce) != 0)
        return -1;
    error_set(err, ERR_USAGE, "%s/changed.sql: its _id is %s, that of documents.sql is %s", place,
              type, wanted);
    return error_hint(err, "Select the ids that documents.sql has as _id, in the same type.");
}

static int use_changed(struct source *source, const struct content *content, const char *place,
                       struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {};
    if (sqltext_is_empty(content->changed_sql)) {
        error_set(err, ERR_USAGE, "%s/changed.sql: there is no statement in it", place);
        return error_hint(err,
                          "Remove the file, or write a SELECT of the ids of documents that may "
                          "have changed, " CHANGED_EXAMPLE);
    }
    if (pg_describe(source->pg, content->changed_sql, &description, err) < 0)
        return blame_file(source, content->changed_sql, place, source_changed_file, err);
    if (description.count != 1 || strcmp(description.columns[0].name, "_id") != 0) {
        error_set(err, ERR_USAGE, "%s/changed.sql: it must return one column, _id", place);
        return error_hint(
            err, "It selects the ids of documents that may have changed, " CHANGED_EXAMPLE);
    }
    if (description.parameters > 1) {
        error_set(err, ERR_USAGE, "%s/changed.sql: it may have one parameter, $1", place);
        return error_hint(err,
                          "$1 is the time since when changes are looked for, " CHANGED_EXAMPLE);
    }
    if (description.parameters && description.parameter_oid != PG_TIMESTAMPTZ_OID) {
        error_set(err, ERR_USAGE,
                  "%s/changed.sql: $1 is a timestamp with time zone, but it is used as something "
                  "else",
                  place);
        return error_hint(err, "Write $1::timestamptz, and convert it where the column has no "
                               "zone: $1::timestamptz AT TIME ZONE 'UTC'.");
    }
    source->changed_takes_time = description.parameters == 1;
    source->changed = sqltext_statement(content->changed_sql);
    return check_id_type(source, description.columns[0].type, place, err);
}

/* The bare statement was fine; its wrapped form may still not be (INSERT, SELECT INTO ...). */
static int check_wrapped(struct source *source, const char *sql, const char *place,
                         const char *file, struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {};
    if (pg_describe(source->pg, sql, &description, err) == 0)
        return 0;
    if (!err->sqlstate[0] || strcmp(err->sqlstate, lock_not_available) == 0)
        return source_failed(source, file, err);
    err->kind = ERR_USAGE;
    error_prefix(err, "%s/%s: it does not work as a subquery", place, file);
    return error_hint(err, "It must be one SELECT that writes nothing: it runs read only.");
}

static int check_documents_wrapped(struct source *source, const char *place, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    bool comparable;
    source_reading_sql(source, &sql, NULL);
    if (check_wrapped(source, buffer_cstr(&sql), place, source_documents_file, err) < 0 ||
        source_probe_ids(source, &comparable, err) < 0)
        return -1;
    source->ids_as_text = !comparable;
    return 0;
}

static int check_changed_wrapped(struct source *source, const char *place, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    source_changed_sql(source, &sql);
    return check_wrapped(source, buffer_cstr(&sql), place, source_changed_file, err);
}

/* The two are asked one by one, so that the message names the key. */
static int check_option(struct source *source, const char *key, const char *zone,
                        const char *overlap, const char *place, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    const char *value = zone ? zone : overlap;
    if (!value)
        return 0;
    if (pg_query(source->pg, sql_source_check_options, PG_VALUES(zone, overlap), &rows, err) < 0) {
        if (strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_set(err, ERR_USAGE, "%s/master.json: \"%s\": \"%s\" is not a %s", place, key, value,
                  zone ? "time zone" : "duration");
        return error_hint(err, zone ? "Write a name that PostgreSQL knows, for example \"UTC\" or "
                                      "\"Europe/Berlin\"."
                                    : "Write an interval as PostgreSQL does, for example \"5 "
                                      "seconds\" or \"10 minutes\".");
    }
    if (overlap && !pg_bool(rows, 0, "overlap_is_good"))
        return error_set(err, ERR_USAGE, "%s/master.json: \"%s\" must not be negative", place, key);
    return 0;
}

int source_check_options(struct source *source, const char *zone, const char *overlap,
                         const char *place, struct error *err)
{
    if (check_option(source, "changed_at_zone", zone, NULL, place, err) < 0)
        return -1;
    return check_option(source, "overlap", NULL, overlap, place, err);
}

int source_use(struct source *source, const struct content *content, int64_t max_document_bytes,
               const char *place, struct error *err)
{
    source->max_document_bytes =
        max_document_bytes ? max_document_bytes : default_max_document_bytes;
    source->zone = x_strdup(content->changed_at_zone);
    if (use_documents(source, content, place, err) < 0 ||
        check_documents_wrapped(source, place, err) < 0)
        return -1;
    if (!content->changed_sql)
        return 0;
    if (use_changed(source, content, place, err) < 0)
        return -1;
    return check_changed_wrapped(source, place, err);
}

int source_begin(struct source *source, struct error *err)
{
    return pg_run(source->pg, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

int source_export_snapshot(struct source *source, char **ret_snapshot, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, sql_source_snapshot_export, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_snapshot = x_strdup(pg_text(rows, 0, "snapshot"));
    return 0;
}

int source_begin_in(struct source *source, const char *snapshot, struct error *err)
{
    _cleanup_free_ char *literal = pg_literal(source->pg, snapshot);
    _cleanup_free_ char *sql = x_printf("SET TRANSACTION SNAPSHOT %s", literal);
    return source_begin(source, err) < 0 ? -1 : pg_run(source->pg, sql, err);
}

int source_end(struct source *source, struct error *err)
{
    return pg_run(source->pg, "COMMIT", err);
}
