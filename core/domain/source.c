#include "domain/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/history.h"
#include "domain/sqltext.h"
#include "sql.h"

/* A document larger than this would be held twice by libpq and once in the bulk body. */
static const int64_t default_max_document_bytes = (int64_t)20 * 1024 * 1024;

enum {
    COPY_FIELDS = 6,
    LONGEST_KEY = 8000, /* characters of an _id or a _routing: memory is bounded (rule R9), and what
                         * is longer is refused anyway */
};

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
    if (pg_open(&pg_options, &source->pg, err) < 0 ||
        pg_query(source->pg, sql_source_mark_session, PG_NO_VALUES, NULL, err) < 0 ||
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
    free(source->documents);
    free(source->changed);
    free(source->zone);
    free(source);
}

/* ---- errors ---- */

static const char documents_file[] = "documents.sql", changed_file[] = "changed.sql";

/* What fails for a row, such as a division by zero, comes from that file; that a connection or a
 * server ends (class 57) does not. */
static int in_file(const char *file, struct error *err)
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

/*
 * A statement on the source failed. When it was the lock_timeout, the user needs to know who holds
 * the table; the failed transaction is over, so that can be asked on the same connection.
 */
static int failed(struct source *source, const char *file, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (strcmp(err->sqlstate, lock_not_available) != 0)
        return in_file(file, err);
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
        return failed(source, file, err);
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
        return blame_file(source, content->documents_sql, place, documents_file, err);
    if (document_columns_read(&description, content->changed_at_zone, file, &source->columns, err) <
        0)
        return -1;
    source->documents = sqltext_statement(content->documents_sql);
    return 0;
}

static int use_changed(struct source *source, const struct content *content, const char *place,
                       struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {};
    if (!content->changed_sql)
        return 0;
    if (sqltext_is_empty(content->changed_sql)) {
        error_set(err, ERR_USAGE, "%s/changed.sql: there is no statement in it", place);
        return error_hint(err,
                          "Remove the file, or write a SELECT of the ids of documents that may "
                          "have changed, " CHANGED_EXAMPLE);
    }
    if (pg_describe(source->pg, content->changed_sql, &description, err) < 0)
        return blame_file(source, content->changed_sql, place, changed_file, err);
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
    return 0;
}

static void reading_sql(struct source *source, struct buffer *sql, const char *condition);
static void changed_sql(struct source *source, struct buffer *sql);

/* The bare statement was fine; its wrapped form may still not be (INSERT, SELECT INTO ...). */
static int check_wrapped(struct source *source, const char *sql, const char *place,
                         const char *file, struct error *err)
{
    _cleanup_(pg_description_release) struct pg_description description = {};
    if (pg_describe(source->pg, sql, &description, err) == 0)
        return 0;
    if (!err->sqlstate[0] || strcmp(err->sqlstate, lock_not_available) == 0)
        return failed(source, file, err);
    err->kind = ERR_USAGE;
    error_prefix(err, "%s/%s: it does not work as a subquery", place, file);
    return error_hint(err, "It must be one SELECT that writes nothing: it runs read only.");
}

static int check_both_wrapped(struct source *source, const char *place, struct error *err)
{
    _cleanup_(buffer_release) struct buffer documents = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(buffer_release) struct buffer changed = BUFFER(BUFFER_TEXT_MAX);
    reading_sql(source, &documents, NULL);
    if (check_wrapped(source, buffer_cstr(&documents), place, documents_file, err) < 0)
        return -1;
    if (!source->changed)
        return 0;
    changed_sql(source, &changed);
    return check_wrapped(source, buffer_cstr(&changed), place, changed_file, err);
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
        use_changed(source, content, place, err) < 0)
        return -1;
    return check_both_wrapped(source, place, err);
}

int source_begin(struct source *source, struct error *err)
{
    return pg_run(source->pg, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
}

int source_end(struct source *source, struct error *err)
{
    return pg_run(source->pg, "COMMIT", err);
}

/* ---- wrapping ---- */

/* A name that no column bears: row_to_json(s) would be ambiguous with a column called s. */
static char *free_name(const struct document_columns *columns, const char *wish)
{
    char *name = x_strdup(wish);
    for (size_t i = 0; i < columns->field_count;) {
        if (strcmp(columns->fields[i], name) != 0) {
            i++;
            continue;
        }
        char *longer = x_printf("%s_", name);
        free(name);
        name = longer;
        i = 0;
    }
    return name;
}

static void json_expression(struct source *source, struct buffer *sql)
{
    const struct document_columns *columns = &source->columns;
    if (columns->has_source) {
        buffer_text(sql, "SELECT esmigrate_d.\"_source\"::text AS t");
        return;
    }
    _cleanup_free_ char *row = free_name(columns, "esmigrate_row");
    buffer_printf(sql, "SELECT row_to_json(%s)::text AS t FROM (SELECT", row);
    for (size_t i = 0; i < columns->field_count; i++) {
        _cleanup_free_ char *quoted = pg_identifier(source->pg, columns->fields[i]);
        buffer_printf(sql, "%s esmigrate_d.%s", i ? "," : "", quoted);
    }
    buffer_printf(sql, ") %s OFFSET 0", row);
}

/*
 * The rows of documents.sql as the fields of struct source_document. OFFSET 0 keeps the planner
 * from pulling the JSON expression up, which would evaluate it three times. `condition` is about
 * esmigrate_d, NULL for none.
 */
static void reading_sql(struct source *source, struct buffer *sql, const char *condition)
{
    const struct document_columns *columns = &source->columns;
    const char *deleted =
        columns->has_deleted ? "coalesce(esmigrate_d.\"_deleted\", false)" : "false";
    _cleanup_free_ char *routing =
        columns->has_routing ? x_printf("left(esmigrate_d.\"_routing\"::text, %d)", LONGEST_KEY)
                             : x_strdup("NULL::text");
    buffer_printf(
        sql,
        "SELECT left(esmigrate_d.\"_id\"::text, %d), %s, %s, octet_length(esmigrate_j.t), "
        "CASE WHEN NOT %s AND octet_length(esmigrate_j.t) <= %" PRId64
        " THEN esmigrate_j.t END, %s\nFROM (\n%s\n) esmigrate_d\nCROSS JOIN LATERAL (",
        LONGEST_KEY, routing, deleted, deleted, source->max_document_bytes,
        columns->has_changed_at ? "esmigrate_d.\"_changed_at\" IS NULL" : "false",
        source->documents);
    json_expression(source, sql);
    buffer_text(sql, ") esmigrate_j");
    if (condition)
        buffer_printf(sql, "\nWHERE %s", condition);
}

/* The ids that changed.sql names, each once. */
static void changed_sql(struct source *source, struct buffer *sql)
{
    buffer_printf(sql,
                  "SELECT DISTINCT esmigrate_c.\"_id\"::text AS id FROM (\n%s\n) esmigrate_c\n"
                  "WHERE esmigrate_c.\"_id\" IS NOT NULL",
                  source->changed);
}

static int start_reading(struct source *source, const char *condition, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "COPY (");
    reading_sql(source, &sql, condition);
    buffer_text(&sql, "\n) TO STDOUT (FORMAT binary)");
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return failed(source, documents_file, err);
    return 0;
}

int source_read_all(struct source *source, struct error *err)
{
    return start_reading(source, NULL, err);
}

int source_read_changed(struct source *source, const char *since, struct error *err)
{
    _cleanup_free_ char *time = pg_literal(source->pg, since);
    _cleanup_free_ char *condition = NULL;
    if (source->columns.changed_at_has_zone) {
        condition = x_printf("esmigrate_d.\"_changed_at\" >= %s::timestamptz", time);
    } else {
        /* The parameter is converted, not the column, so that an index still serves it. */
        _cleanup_free_ char *zone = pg_literal(source->pg, source->zone);
        condition = x_printf("esmigrate_d.\"_changed_at\" >= (%s::timestamptz AT TIME ZONE %s)",
                             time, zone);
    }
    return start_reading(source, condition, err);
}

/* "esmigrate_d._id = ANY (ids)" on the column's own type, or on its text. The caller's. */
static char *ids_condition(struct source *source, const char *const *ids, size_t count,
                           bool as_text)
{
    _cleanup_free_ char *array = pg_array(ids, count);
    _cleanup_free_ char *literal = pg_literal(source->pg, array);
    return x_printf("esmigrate_d.\"_id\"%s = ANY (%s::%s[])", as_text ? "::text" : "", literal,
                    as_text ? "text" : source->columns.id_type);
}

int source_read_ids(struct source *source, const char *const *ids, size_t count, struct error *err)
{
    _cleanup_free_ char *condition = ids_condition(source, ids, count, false);
    return start_reading(source, condition, err);
}

enum pg_copy source_next(struct source *source, struct source_document *ret_document,
                         struct error *err)
{
    struct span fields[COPY_FIELDS];
    enum pg_copy state = pg_copy_next(source->pg, fields, COPY_FIELDS, err);
    if (state == PG_COPY_ERROR)
        in_file(documents_file, err);
    if (state != PG_COPY_ROWS)
        return state;
    if (!fields[0].data) {
        source_cancel(source);
        error_set(err, ERR_FAILED, "documents.sql returned a row whose _id is null");
        error_hint(err, "Mend that row in the source and run the same command again; or leave such "
                        "rows out with WHERE in documents.sql, and make a new instance with "
                        "es_create.");
        return PG_COPY_ERROR;
    }
    int64_t bytes = 0;
    for (size_t i = 0; i < fields[3].length; i++) /* a 4-byte integer in network order */
        bytes = bytes << 8 | (unsigned char)fields[3].data[i];
    *ret_document = (struct source_document){
        .id = fields[0],
        .routing = fields[1],
        .json = fields[4],
        .bytes = bytes,
        .deleted = fields[2].length == 1 && fields[2].data[0],
        .never_changes = fields[5].length == 1 && fields[5].data[0],
    };
    return PG_COPY_ROWS;
}

void source_cancel(struct source *source)
{
    pg_copy_cancel(source->pg);
}

/* ---- ids ---- */

static char **take_texts(const struct pg_rows *rows, const char *column, size_t *ret_count)
{
    size_t count = pg_rows_count(rows);
    char **texts = x_calloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        texts[i] = x_strdup(pg_text(rows, i, column));
    *ret_count = count;
    return texts;
}

int source_open_changed_ids(struct source *source, const char *since, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "DECLARE esmigrate_changed NO SCROLL CURSOR FOR\n");
    changed_sql(source, &sql);
    /* All rows will be fetched: the plan for the first few would be the wrong one. */
    if (pg_run(source->pg, "SET LOCAL cursor_tuple_fraction = 1", err) < 0)
        return -1;
    if (pg_query(source->pg, buffer_cstr(&sql), &since, source->changed_takes_time ? 1 : 0, NULL,
                 err) < 0)
        return failed(source, changed_file, err);
    return 0;
}

int source_next_changed_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                            struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *sql = x_printf("FETCH %zu FROM esmigrate_changed", limit);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return failed(source, changed_file, err);
    *ret_ids = take_texts(rows, "id", ret_count);
    return 0;
}

static int query_ids(struct source *source, const char *const *ids, size_t count, bool as_text,
                     struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = ids_condition(source, ids, count, as_text);
    buffer_printf(&sql,
                  "SELECT esmigrate_d.\"_id\"::text AS id FROM (\n%s\n) esmigrate_d\nWHERE %s",
                  source->documents, condition);
    if (source->columns.has_deleted)
        buffer_text(&sql, " AND esmigrate_d.\"_deleted\" IS NOT TRUE");
    return pg_query(source->pg, buffer_cstr(&sql), PG_NO_VALUES, ret_rows, err);
}

int source_has_ids(struct source *source, const char *const *ids, size_t count, bool *ret_there,
                   struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    /* An id that was put into the index by hand may not be a value of the column's type. */
    if (pg_run(source->pg, "SAVEPOINT esmigrate_ids", err) < 0)
        return -1;
    if (query_ids(source, ids, count, false, &rows, err) < 0) {
        if (strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_release(err);
        if (pg_run(source->pg, "ROLLBACK TO esmigrate_ids", err) < 0 ||
            query_ids(source, ids, count, true, &rows, err) < 0)
            return -1;
    }
    if (pg_run(source->pg, "RELEASE esmigrate_ids", err) < 0)
        return -1;

    size_t found_count;
    char **found = take_texts(rows, "id", &found_count);
    if (found_count)
        qsort(found, found_count, sizeof(char *), texts_compare);
    for (size_t i = 0; i < count; i++)
        ret_there[i] =
            found_count && bsearch(&ids[i], found, found_count, sizeof(char *), texts_compare);
    texts_free(found, found_count);
    return 0;
}

int source_duplicate_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                         struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_printf(&sql,
                  "SELECT esmigrate_d.\"_id\"::text AS id FROM (\n%s\n) esmigrate_d\n"
                  "GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT %zu",
                  source->documents, limit);
    if (pg_query(source->pg, buffer_cstr(&sql), PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_ids = take_texts(rows, "id", ret_count);
    return 0;
}
