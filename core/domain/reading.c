#include "domain/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"

enum {
    COPY_FIELDS = 6,
    LONGEST_ID = 512, /* bytes; the engine takes no longer one, and no longer routing */
};

/* So many characters are read of either: memory is bounded (rule R9), and one that is cut is
 * refused all the same. */
#define LONGEST_KEY "513"

#define DOCUMENT_ID "left(esmigrate_d.\"_id\"::text, " LONGEST_KEY ")"
/* The engine takes an empty one for none. */
#define DOCUMENT_ROUTING "nullif(left(esmigrate_d.\"_routing\"::text, " LONGEST_KEY "), '')"

/* The values for a statement with changed.sql in it. */
#define CHANGED_VALUES(source, since) &(since), (source)->changed_takes_time ? 1 : 0

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

/* OFFSET 0 keeps the planner from pulling the expression up, which would evaluate it three times.
 */
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

/* The fields of struct source_document: of a row of documents.sql, esmigrate_d, and its JSON; or,
 * if `named`, of an id that changed.sql named, esmigrate_c.id, to which there may be none. */
static void put_fields(struct source *source, struct buffer *sql, bool named)
{
    const struct document_columns *columns = &source->columns;
    const char *gone = named ? "(esmigrate_d.\"_id\"::text IS NULL)" : "false";
    _cleanup_free_ char *deleted = x_printf(
        "%s%s", gone, columns->has_deleted ? " OR coalesce(esmigrate_d.\"_deleted\", false)" : "");
    const char *routing = columns->has_routing ? DOCUMENT_ROUTING : "NULL::text";
    buffer_text(sql, "SELECT ");
    buffer_text(sql, named ? "esmigrate_c.id" : DOCUMENT_ID);
    buffer_printf(sql,
                  ", %s, %s, octet_length(esmigrate_j.t), CASE WHEN NOT (%s) AND "
                  "octet_length(esmigrate_j.t) <= %" PRId64 " THEN esmigrate_j.t END, ",
                  routing, deleted, deleted, source->max_document_bytes);
    if (columns->has_changed_at)
        buffer_printf(sql, "NOT %s AND esmigrate_d.\"_changed_at\" IS NULL", gone);
    else
        buffer_text(sql, "false");
}

void source_reading_sql(struct source *source, struct buffer *sql, const char *condition)
{
    put_fields(source, sql, false);
    buffer_printf(sql, "\nFROM (\n%s\n) esmigrate_d\nCROSS JOIN LATERAL (", source->documents);
    json_expression(source, sql);
    buffer_text(sql, ") esmigrate_j");
    if (condition)
        buffer_printf(sql, "\nWHERE %s", condition);
}

/*
 * The ids that changed.sql names, each once, as documents.sql writes them: a cast makes a value of
 * its _id of them, so that 007 or an upper case uuid is the id that stands in the index.
 */
static void put_named_ids(struct source *source, struct buffer *sql)
{
    const char *type = source->ids_as_text ? "text" : source->columns.id_cast;
    buffer_printf(sql,
                  "SELECT DISTINCT left(esmigrate_c.\"_id\"::%s::text, " LONGEST_KEY
                  ") AS id FROM (\n"
                  "%s\n) esmigrate_c\nWHERE esmigrate_c.\"_id\"::text IS NOT NULL",
                  type, source->changed);
}

void source_changed_sql(struct source *source, struct buffer *sql)
{
    buffer_text(sql, "SELECT id, count(*) OVER () AS total FROM (");
    put_named_ids(source, sql);
    buffer_text(sql, ") esmigrate_n");
}

/* The comparison is one of texts, whatever their collations: the pass reads all documents anyway.
 */
static void put_named(struct source *source, struct buffer *sql)
{
    put_fields(source, sql, true);
    buffer_text(sql, "\nFROM (");
    put_named_ids(source, sql);
    buffer_printf(sql, ") esmigrate_c\nLEFT JOIN (\n%s\n) esmigrate_d ON ", source->documents);
    buffer_text(sql,
                DOCUMENT_ID " COLLATE \"C\" = esmigrate_c.id COLLATE \"C\"\nLEFT JOIN LATERAL (");
    json_expression(source, sql);
    buffer_text(sql, ") esmigrate_j ON true");
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

/* The caller's. */
static char *changed_condition(struct source *source, const char *since)
{
    _cleanup_free_ char *time = pg_literal(source->pg, since);
    if (source->columns.changed_at_has_zone)
        return x_printf("esmigrate_d.\"_changed_at\" >= %s::timestamptz", time);
    /* The parameter is converted, not the column, so that an index still serves it. */
    _cleanup_free_ char *zone = pg_literal(source->pg, source->zone);
    return x_printf("esmigrate_d.\"_changed_at\" >= (%s::timestamptz AT TIME ZONE %s)", time, zone);
}

int source_read_changed(struct source *source, const char *since, struct error *err)
{
    _cleanup_free_ char *condition = changed_condition(source, since);
    return start_reading(source, condition, err);
}

int source_read_sample(struct source *source, size_t limit, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "COPY (");
    source_reading_sql(source, &sql, NULL);
    buffer_printf(&sql, "\nLIMIT %zu) TO STDOUT (FORMAT binary)", limit);
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

/* "esmigrate_d._id = ANY (ids)" on the column's own type, or on its text. The caller's. */
static char *ids_condition(struct source *source, const char *const *ids, size_t count,
                           bool as_text)
{
    _cleanup_free_ char *array = pg_array(ids, count);
    _cleanup_free_ char *literal = pg_literal(source->pg, array);
    if (as_text)
        return x_printf(DOCUMENT_ID " = ANY (%s::text[])", literal);
    return x_printf("esmigrate_d.\"_id\" = ANY (%s::%s[])", literal, source->columns.id_type);
}

/* Of an id that was cut there is nothing but the beginning to compare. */
static bool any_is_cut(const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(ids[i]) > LONGEST_ID)
            return true;
    return false;
}

static char *reading_condition(struct source *source, const char *const *ids, size_t count)
{
    return ids_condition(source, ids, count, source->ids_as_text || any_is_cut(ids, count));
}

int source_read_ids(struct source *source, const char *const *ids, size_t count, struct error *err)
{
    _cleanup_free_ char *condition = reading_condition(source, ids, count);
    return start_reading(source, condition, err);
}

int source_read_named(struct source *source, const char *since, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    put_named(source, &sql);
    if (pg_stream_start(source->pg, buffer_cstr(&sql), CHANGED_VALUES(source, since), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

int source_probe_ids(struct source *source, bool *ret_comparable, struct error *err)
{
    static const char *const record = "record"; /* its text form cannot be read */
    _cleanup_(pg_description_release) struct pg_description description = {};
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = ids_condition(source, NULL, 0, false);
    *ret_comparable = false;
    if (strcmp(source->columns.id_type, record) == 0)
        return 0;
    source_reading_sql(source, &sql, condition);
    if (pg_describe(source->pg, buffer_cstr(&sql), &description, err) == 0) {
        *ret_comparable = true;
        return 0;
    }
    if (strcmp(err->sqlstate, "42883") != 0 && strcmp(err->sqlstate, "42704") != 0)
        return -1; /* neither an operator nor a type that is missing */
    error_release(err);
    return 0;
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
    if (pg_query(source->pg, buffer_cstr(&sql), CHANGED_VALUES(source, since), NULL, err) < 0)
        return source_failed(source, source_changed_file, err);
    return 0;
}

int source_next_changed_ids(struct source *source, size_t limit, char ***ret_ids, size_t *ret_count,
                            int64_t *ret_total, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *sql = x_printf("FETCH %zu FROM esmigrate_changed", limit);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return source_failed(source, source_changed_file, err);
    *ret_ids = take_texts(rows, "id", ret_count);
    *ret_total = *ret_count ? pg_int(rows, 0, "total") : 0;
    return 0;
}

int source_close_changed_ids(struct source *source, struct error *err)
{
    return pg_run(source->pg, "CLOSE esmigrate_changed", err);
}

/* ---- what reading would cost ---- */

/* The planner's estimate for a statement. */
static int estimate(struct source *source, const struct buffer *statement,
                    const char *const *values, size_t count, struct source_estimate *ret_estimate,
                    struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *sql = x_printf("EXPLAIN %s", buffer_cstr(statement));
    *ret_estimate = (struct source_estimate){};
    if (pg_query(source->pg, sql, values, count, &rows, err) < 0)
        return source_failed(source, source_documents_file, err);
    /* "Seq Scan on course  (cost=0.00..35.50 rows=2550 width=4)" */
    const char *cost = strstr(pg_text(rows, 0, "\"QUERY PLAN\""), "(cost=");
    if (!cost ||
        sscanf(cost, "(cost=%*f..%lf rows=%lf", &ret_estimate->cost, &ret_estimate->documents) != 2)
        return error_set(err, ERR_POSTGRES, "source database: EXPLAIN is not understood");
    return 0;
}

int source_estimate_range(struct source *source, const char *first, const char *end,
                          struct source_estimate *ret_estimate, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = range_condition(source, first, end);
    source_reading_sql(source, &sql, condition);
    return estimate(source, &sql, PG_NO_VALUES, ret_estimate, err);
}

int source_estimate_ids(struct source *source, const char *const *ids, size_t count,
                        struct source_estimate *ret_estimate, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = reading_condition(source, ids, count);
    source_reading_sql(source, &sql, condition);
    return estimate(source, &sql, PG_NO_VALUES, ret_estimate, err);
}

/* Of its parts, since the planner knows little of how many rows a join of expressions gives. */
int source_estimate_named(struct source *source, const char *since,
                          struct source_estimate *ret_estimate, struct error *err)
{
    _cleanup_(buffer_release) struct buffer changed = BUFFER(BUFFER_TEXT_MAX);
    struct source_estimate all, ids;
    source_changed_sql(source, &changed);
    if (source_estimate_range(source, NULL, NULL, &all, err) < 0 ||
        estimate(source, &changed, CHANGED_VALUES(source, since), &ids, err) < 0)
        return -1;
    *ret_estimate = (struct source_estimate){ids.documents, all.cost + ids.cost};
    return 0;
}

static void put_changed(struct source *source, struct buffer *sql, const char *since)
{
    if (source->changed) {
        source_changed_sql(source, sql);
        return;
    }
    _cleanup_free_ char *condition = changed_condition(source, since);
    source_reading_sql(source, sql, condition);
}

static int explain_changed(struct source *source, const char *since, json **ret_plan,
                           struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "EXPLAIN (FORMAT JSON) ");
    put_changed(source, &sql, since);
    bool parameter = source->changed && source->changed_takes_time;
    if (pg_run(source->pg, "SET LOCAL enable_seqscan = off", err) < 0)
        return -1;
    if (pg_query(source->pg, buffer_cstr(&sql), &since, parameter ? 1 : 0, &rows, err) < 0)
        return source_failed(source, source->changed ? source_changed_file : source_documents_file,
                             err);
    const char *plan = pg_text(rows, 0, "\"QUERY PLAN\"");
    *ret_plan = json_parse(plan, strlen(plan), err);
    return *ret_plan ? 0 : -1;
}

int source_explain_changed(struct source *source, const char *since, json **ret_plan,
                           struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    if (source_begin(source, err) < 0)
        return -1;
    int result = explain_changed(source, since, ret_plan, err);
    pg_run(source->pg, "ROLLBACK", &ignored);
    return result;
}

/* ---- questions about ids ---- */

static int query_ids(struct source *source, const char *const *ids, size_t count, bool as_text,
                     struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = ids_condition(source, ids, count, as_text);
    buffer_printf(&sql, "SELECT DISTINCT " DOCUMENT_ID " AS id, %s AS routing FROM (\n",
                  source->columns.has_routing ? DOCUMENT_ROUTING : "NULL::text");
    buffer_printf(&sql, "%s\n) esmigrate_d\nWHERE %s", source->documents, condition);
    if (source->columns.has_deleted)
        buffer_text(&sql, " AND esmigrate_d.\"_deleted\" IS NOT TRUE");
    return pg_query(source->pg, buffer_cstr(&sql), PG_NO_VALUES, ret_rows, err);
}

/* One text for both; the caller's. */
static char *key_of(const char *id, const char *routing)
{
    return routing ? x_printf("%zu %s%s", strlen(routing), routing, id) : x_printf("- %s", id);
}

/* Marks those that are among the rows. */
static void find_keys(const struct pg_rows *rows, const char *const *ids,
                      const char *const *routings, size_t count, bool *ret_there)
{
    size_t found_count = pg_rows_count(rows);
    char **found = x_calloc(found_count, sizeof(char *));
    for (size_t i = 0; i < found_count; i++)
        found[i] = key_of(pg_text(rows, i, "id"), routings ? pg_text(rows, i, "routing") : NULL);
    if (found_count)
        qsort(found, found_count, sizeof(char *), texts_compare);
    for (size_t i = 0; i < count; i++) {
        _cleanup_free_ char *key = key_of(ids[i], routings ? routings[i] : NULL);
        ret_there[i] =
            found_count && bsearch(&key, found, found_count, sizeof(char *), texts_compare);
    }
    texts_free(found, found_count);
}

int source_has_ids(struct source *source, const char *const *ids, const char *const *routings,
                   size_t count, bool *ret_there, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    /* An id that was put into the index by hand may not be a value of the column's type. */
    if (pg_run(source->pg, "SAVEPOINT esmigrate_ids", err) < 0)
        return -1;
    if (query_ids(source, ids, count, source->ids_as_text, &rows, err) < 0) {
        if (strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_release(err);
        if (pg_run(source->pg, "ROLLBACK TO esmigrate_ids", err) < 0 ||
            query_ids(source, ids, count, true, &rows, err) < 0)
            return -1;
    }
    if (pg_run(source->pg, "RELEASE esmigrate_ids", err) < 0)
        return -1;
    find_keys(rows, ids, routings, count, ret_there);
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
