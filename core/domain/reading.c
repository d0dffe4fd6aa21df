#include "domain/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"

enum {
    COPY_FIELDS = 6,
    LONGEST_KEY = 8000, /* characters of an _id or a _routing: memory is bounded (rule R9), and what
                         * is longer is refused anyway */
};

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

/* OFFSET 0 keeps the planner from pulling the JSON expression up, which would evaluate it three
 * times. */
void source_reading_sql(struct source *source, struct buffer *sql, const char *condition)
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

void source_changed_sql(struct source *source, struct buffer *sql)
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
    source_reading_sql(source, &sql, condition);
    buffer_text(&sql, "\n) TO STDOUT (FORMAT binary)");
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

/* Of a range of _id; NULL, the caller's. A null _id, which is an error, is met in the first one. */
static char *range_condition(struct source *source, const char *first, const char *end)
{
    static const char id[] = "esmigrate_d.\"_id\"";
    const char *type = source->columns.id_type;
    _cleanup_free_ char *from = first ? pg_literal(source->pg, first) : NULL;
    _cleanup_free_ char *to = end ? pg_literal(source->pg, end) : NULL;
    if (from && to)
        return x_printf("%s >= %s::%s AND %s < %s::%s", id, from, type, id, to, type);
    if (from)
        return x_printf("%s >= %s::%s", id, from, type);
    return to ? x_printf("(%s < %s::%s OR %s IS NULL)", id, to, type, id) : NULL;
}

int source_read_range(struct source *source, const char *first, const char *end, struct error *err)
{
    _cleanup_free_ char *condition = range_condition(source, first, end);
    return start_reading(source, condition, err);
}

int source_estimate_range(struct source *source, const char *first, const char *end,
                          struct source_estimate *ret_estimate, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = range_condition(source, first, end);
    buffer_text(&sql, "EXPLAIN ");
    source_reading_sql(source, &sql, condition);
    if (pg_query(source->pg, buffer_cstr(&sql), PG_NO_VALUES, &rows, err) < 0)
        return source_failed(source, source_documents_file, err);
    const char *cost = strstr(pg_text(rows, 0, "\"QUERY PLAN\""), "cost=");
    if (!cost ||
        sscanf(cost, "cost=%*f..%lf rows=%lf", &ret_estimate->cost, &ret_estimate->documents) != 2)
        return error_set(err, ERR_POSTGRES, "source database: EXPLAIN is not understood");
    return 0;
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
        source_in_file(source_documents_file, err);
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
    source_changed_sql(source, &sql);
    /* All rows will be fetched: the plan for the first few would be the wrong one. */
    if (pg_run(source->pg, "SET LOCAL cursor_tuple_fraction = 1", err) < 0)
        return -1;
    if (pg_query(source->pg, buffer_cstr(&sql), &since, source->changed_takes_time ? 1 : 0, NULL,
                 err) < 0)
        return source_failed(source, source_changed_file, err);
    return 0;
}

int source_next_changed_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                            struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *sql = x_printf("FETCH %zu FROM esmigrate_changed", limit);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return source_failed(source, source_changed_file, err);
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
