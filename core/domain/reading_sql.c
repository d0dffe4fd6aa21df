#include "domain/reading_sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/type_oids.h"

/* A name that no column bears: row_to_json(s) would be ambiguous with a column called s. */
static char *free_name(const struct document_columns *columns, const char *wish)
{
    char *name = x_strdup(wish);
    for (size_t i = 0; i < columns->field_count;) {
        if (strcmp(columns->fields[i].name, name) != 0) {
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

/* The first four columns: of a row of documents.sql, esmigrate_d; or, if `named`, of an id that
 * changed.sql named, esmigrate_c.id, to which there may be none. */
static void put_head(struct source *source, struct buffer *sql, bool named)
{
    const struct document_columns *columns = &source->columns;
    const char *gone = named ? "(esmigrate_d.\"_id\"::text IS NULL)" : "false";
    bool raw = source->id_form != JSON_FORM_STRING;
    buffer_printf(sql, "SELECT %s AS id, ",
                  named ? "esmigrate_c.id"
                  : raw ? "esmigrate_d.\"_id\""
                        : ID_TEXT);
    buffer_text(sql, columns->has_routing ? ROUTING_TEXT : "NULL::text");
    buffer_printf(sql, " AS routing, %s", gone);
    if (columns->has_deleted)
        buffer_text(sql, " OR coalesce(esmigrate_d.\"_deleted\", false)");
    buffer_text(sql, " AS deleted, ");
    if (columns->has_changed_at)
        buffer_printf(sql, "NOT %s AND esmigrate_d.\"_changed_at\" IS NULL", gone);
    else
        buffer_text(sql, "false");
    buffer_text(sql, " AS never_changes");
}

/* ---- documents that the server writes ---- */

/* OFFSET 0 keeps the planner from pulling the expression up, which would evaluate it three times.
 */
void source_json_sql(struct source *source, struct buffer *sql)
{
    const struct document_columns *columns = &source->columns;
    if (columns->has_source) {
        buffer_text(sql, "SELECT esmigrate_d.\"_source\"::text AS t");
        return;
    }
    _cleanup_free_ char *row = free_name(columns, "esmigrate_row");
    buffer_printf(sql, "SELECT row_to_json(%s)::text AS t FROM (SELECT", row);
    for (size_t i = 0; i < columns->field_count; i++) {
        _cleanup_free_ char *quoted = pg_identifier(source->pg, columns->fields[i].name);
        buffer_printf(sql, "%s esmigrate_d.%s", i ? "," : "", quoted);
    }
    buffer_printf(sql, ") %s OFFSET 0", row);
}

static void put_written(struct source *source, struct buffer *sql, const char *from, bool named)
{
    buffer_text(sql, "SELECT id, routing, deleted, never_changes, octet_length(t), CASE WHEN NOT "
                     "deleted AND octet_length(t) <= ");
    buffer_printf(sql, "%" PRId64 " THEN t END\nFROM (", source->max_document_bytes);
    put_head(source, sql, named);
    buffer_printf(sql, ", esmigrate_j.t\nFROM %s\n%s JOIN LATERAL (", from,
                  named ? "LEFT" : "CROSS");
    source_json_sql(source, sql);
    buffer_printf(sql, ") esmigrate_j%s", named ? " ON true" : "");
}

/* ---- documents that are built out of columns ---- */

/*
 * Rows whose values are larger than this do not come as columns, so that memory is bounded and
 * the size of a document that is refused is told: the server writes them. A byte of a text becomes
 * up to 6 of JSON; what is left of 8 is for all else.
 */
static int64_t largest_value(const struct source *source)
{
    return source->max_document_bytes / (8 * (int64_t)source->shape.count);
}

/* The size of the value of a column, esmigrate_s.cN; NULL: it has a small one anyway. JSON was
 * made just now, so it is not compressed: its size is that of the text, and a header. The
 * caller's. */
static char *size_of(enum json_form form, size_t number)
{
    switch (form) {
    case JSON_FORM_STRING:
        return x_printf("octet_length(esmigrate_s.c%zu)", number);
    case JSON_FORM_JSON:
        return x_printf("pg_column_size(esmigrate_s.c%zu)", number);
    default:
        return NULL;
    }
}

/* "greatest(octet_length(c1), ...) > 1000", for a row; the caller's. */
static char *is_large(const struct source *source)
{
    struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < source->shape.count; i++) {
        _cleanup_free_ char *size = size_of(source->shape.keys[i].form, i);
        if (size)
            buffer_printf(&sql, "%s%s", sql.length ? ", " : "greatest(", size);
    }
    if (sql.length)
        buffer_printf(&sql, ") > %" PRId64, largest_value(source));
    else
        buffer_text(&sql, "false");
    return buffer_take(&sql);
}

/* row_to_json() of a large row; the caller's. */
static char *written_row(struct source *source)
{
    const struct document_columns *columns = &source->columns;
    struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *row = free_name(columns, "esmigrate_row");
    buffer_printf(&sql, "(SELECT row_to_json(%s)::text FROM (SELECT", row);
    for (size_t i = 0; i < columns->field_count; i++) {
        _cleanup_free_ char *quoted = pg_identifier(source->pg, columns->fields[i].name);
        bool is_json = source->shape.keys[i].form == JSON_FORM_JSON;
        buffer_printf(&sql, "%s esmigrate_s.c%zu%s AS %s", i ? "," : "", i, is_json ? "::json" : "",
                      quoted);
    }
    buffer_printf(&sql, ") %s)", row);
    return buffer_take(&sql);
}

static void put_value(const struct source *source, struct buffer *sql, size_t number)
{
    enum json_form form = source->shape.keys[number].form;
    _cleanup_free_ char *size = size_of(form, number);
    if (size)
        buffer_printf(sql, "CASE WHEN %s <= %" PRId64 " THEN esmigrate_s.c%zu END", size,
                      largest_value(source), number);
    else
        buffer_printf(sql, "esmigrate_s.c%zu%s", number, form == JSON_FORM_FLOAT ? "::text" : "");
}

/* A column of esmigrate_d as it is read. JSON is not written once more. */
static void put_column(struct buffer *sql, const char *quoted, enum json_form form,
                       unsigned int type_oid)
{
    if (form != JSON_FORM_JSON)
        buffer_printf(sql, "esmigrate_d.%s", quoted);
    else if (type_oid == JSON_OID || type_oid == JSONB_OID)
        buffer_printf(sql, "esmigrate_d.%s::text", quoted);
    else
        buffer_printf(sql, "to_json(esmigrate_d.%s)", quoted);
}

/* OFFSET 0 here, too, has each expression of documents.sql evaluated once; a condition stands
 * inside, where it reaches an index. */
static void put_columns(struct source *source, struct buffer *sql, const char *from, bool named)
{
    const struct document_columns *columns = &source->columns;
    _cleanup_free_ char *large = is_large(source), *row = written_row(source);
    buffer_printf(sql,
                  "SELECT id, routing, deleted, never_changes, CASE WHEN %s THEN octet_length(%s) "
                  "END, CASE WHEN NOT deleted AND %s AND octet_length(%s) <= %" PRId64
                  " THEN %s END",
                  large, row, large, row, source->max_document_bytes, row);
    for (size_t i = 0; i < columns->field_count; i++) {
        buffer_text(sql, ",\n");
        put_value(source, sql, i);
    }
    buffer_text(sql, "\nFROM (");
    put_head(source, sql, named);
    for (size_t i = 0; i < columns->field_count; i++) {
        _cleanup_free_ char *quoted = pg_identifier(source->pg, columns->fields[i].name);
        buffer_text(sql, ", ");
        put_column(sql, quoted, source->shape.keys[i].form, columns->fields[i].type_oid);
        buffer_printf(sql, " AS c%zu", i);
    }
    buffer_printf(sql, "\nFROM %s", from);
}

/* ---- statements ---- */

static void put_documents(struct source *source, struct buffer *sql, const char *from,
                          const char *condition, bool named)
{
    if (source->shape.count)
        put_columns(source, sql, from, named);
    else
        put_written(source, sql, from, named);
    if (condition)
        buffer_printf(sql, "\nWHERE %s", condition);
    buffer_printf(sql, "%s) esmigrate_s", source->shape.count ? " OFFSET 0" : "");
}

void source_reading_sql(struct source *source, struct buffer *sql, const char *condition)
{
    _cleanup_free_ char *from = x_printf("(\n%s\n) esmigrate_d", source->documents);
    put_documents(source, sql, from, condition, false);
}

/* A cast makes a value of the _id of documents.sql of them, so that 007 or an upper case uuid is
 * the id that stands in the index. The collation of theirs may take two ids for one. */
void source_named_ids_sql(struct source *source, struct buffer *sql)
{
    const char *type = source->ids_as_text ? "text" : source->columns.id_cast;
    buffer_printf(sql,
                  "SELECT DISTINCT left(esmigrate_c.\"_id\"::%s::text, " LONGEST_KEY
                  ") COLLATE \"C\" AS id FROM (\n"
                  "%s\n) esmigrate_c\nWHERE esmigrate_c.\"_id\"::text IS NOT NULL",
                  type, source->changed);
}

void source_changed_sql(struct source *source, struct buffer *sql)
{
    buffer_text(sql, "SELECT id, count(*) OVER () AS total FROM (");
    source_named_ids_sql(source, sql);
    buffer_text(sql, ") esmigrate_n");
}

/* The comparison is one of texts, whatever their collations: the pass reads all documents anyway.
 */
void source_named_sql(struct source *source, struct buffer *sql)
{
    _cleanup_(buffer_release) struct buffer from = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&from, "(");
    source_named_ids_sql(source, &from);
    buffer_printf(&from, ") esmigrate_c\nLEFT JOIN (\n%s\n) esmigrate_d ON ", source->documents);
    buffer_text(&from, ID_TEXT " COLLATE \"C\" = esmigrate_c.id COLLATE \"C\"");
    put_documents(source, sql, buffer_cstr(&from), NULL, true);
}
