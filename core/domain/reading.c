#include "domain/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/reading_sql.h"

enum { LONGEST_ID = 512 }; /* bytes; the engine takes no longer one, and no longer routing */

static int start_reading(struct source *source, const char *condition, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "COPY (");
    source_reading_sql(source, &sql, condition);
    buffer_text(&sql, "\n) TO STDOUT (FORMAT binary)");
    source->ids_are_named = false;
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

/* As a value of the column's type. The caller's. */
static char *time_value(struct source *source, const char *moment)
{
    _cleanup_free_ char *time = pg_literal(source->pg, moment);
    if (source->columns.changed_at_has_zone)
        return x_printf("%s::timestamptz", time);
    _cleanup_free_ char *zone = pg_literal(source->pg, source->zone);
    return x_printf("%s::timestamptz AT TIME ZONE %s", time, zone);
}

/*
 * When the clocks go back, local time runs through an hour twice: what changes later may then bear
 * an earlier time than the moment's own. So the local times of some later moments count too, up to
 * a day, by which no clocks go back. Between two of them, and the clocks go back once there at
 * most, it is never earlier than at the first, nor than at the second less what is between them.
 * The sums are made in UTC without zone: those of a timestamptz are no constants to the planner.
 */
char *source_earliest_time(struct source *source, const char *moment)
{
    static const int hours[] = {0, 1, 2, 4, 24};
    if (source->columns.changed_at_has_zone)
        return time_value(source, moment);
    _cleanup_free_ char *own = time_value(source, moment);
    _cleanup_free_ char *time = pg_literal(source->pg, moment);
    _cleanup_free_ char *zone = pg_literal(source->pg, source->zone);
    struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_printf(&sql, "least(%s", own);
    for (size_t i = 1; i < ARRAY_SIZE(hours); i++)
        buffer_printf(&sql,
                      ", (%s::timestamptz AT TIME ZONE 'UTC' + interval '%d h') AT TIME ZONE 'UTC'"
                      " AT TIME ZONE %s - interval '%d h'",
                      time, hours[i], zone, hours[i] - hours[i - 1]);
    buffer_text(&sql, ")");
    return buffer_take(&sql);
}

/* The time is converted, not the column, so that an index still serves it. */
char *source_changed_condition(struct source *source, const char *since)
{
    _cleanup_free_ char *time = source_earliest_time(source, since);
    return x_printf("esmigrate_d.\"_changed_at\" >= %s", time);
}

/* Which of them changed before a time; not all of those that bear a local time that comes twice.
 * The caller's. */
static char *unchanged_condition(struct source *source, const char *end)
{
    _cleanup_free_ char *time = time_value(source, end);
    return x_printf("esmigrate_d.\"_changed_at\" < %s", time);
}

int source_read_changed(struct source *source, const char *since, struct error *err)
{
    _cleanup_free_ char *condition = source_changed_condition(source, since);
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

char *source_ids_condition(struct source *source, const char *const *ids, size_t count,
                           bool as_text)
{
    _cleanup_free_ char *array = pg_array(ids, count);
    _cleanup_free_ char *literal = pg_literal(source->pg, array);
    if (as_text)
        return x_printf(ID_TEXT " = ANY (%s::text[])", literal);
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
    return source_ids_condition(source, ids, count, source->ids_as_text || any_is_cut(ids, count));
}

int source_read_ids(struct source *source, const char *const *ids, size_t count, struct error *err)
{
    _cleanup_free_ char *condition = reading_condition(source, ids, count);
    return start_reading(source, condition, err);
}

int source_read_named(struct source *source, const char *since, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    source_named_sql(source, &sql);
    source->ids_are_named = true;
    if (pg_stream_start(source->pg, buffer_cstr(&sql), CHANGED_VALUES(source, since), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

int source_probe_ids(struct source *source, bool *ret_comparable, struct error *err)
{
    static const char *const record = "record"; /* its text form cannot be read */
    _cleanup_(pg_description_release) struct pg_description description = {};
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = source_ids_condition(source, NULL, 0, false);
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

/* A binary one, in network order. */
static int64_t integer(struct span field)
{
    int64_t value = 0;
    for (size_t i = 0; i < field.length; i++)
        value = value << 8 | (unsigned char)field.data[i];
    return value;
}

static bool is_true(struct span field)
{
    return field.length == 1 && field.data[0];
}

/* The text of the _id; data NULL if it is none. */
static struct span text_of_id(struct source *source)
{
    struct span id = source->fields[DOCUMENT_ID];
    if (source->id_form == JSON_FORM_STRING || source->ids_are_named)
        return id;
    if (!json_value_is_sound(source->id_form, id))
        return (struct span){};
    buffer_clear(&source->id);
    json_value_put(&source->id, source->id_form, id);
    if (source->id.data[0] == '"')
        return (struct span){source->id.data + 1, source->id.length - 2};
    return (struct span){source->id.data, source->id.length};
}

/* The row that was read; false if it is not what it should be. */
static bool take_document(struct source *source, struct source_document *ret_document)
{
    const struct span *fields = source->fields;
    struct span size = fields[DOCUMENT_SIZE], id = text_of_id(source);
    *ret_document = (struct source_document){
        .id = id,
        .routing = fields[DOCUMENT_ROUTING],
        .json = fields[DOCUMENT_JSON],
        .bytes = integer(size),
        .deleted = is_true(fields[DOCUMENT_DELETED]),
        .never_changes = is_true(fields[DOCUMENT_NEVER_CHANGES]),
    };
    if (source->shape.count && !size.data)
        ret_document->row = (struct json_row){&source->shape, fields + DOCUMENT_COLUMNS};
    return id.data && (!ret_document->row.shape || json_row_is_sound(&ret_document->row));
}

static enum pg_copy null_id(struct source *source, struct error *err)
{
    source_cancel(source);
    error_set(err, ERR_FAILED, "documents.sql returned a row whose _id is null");
    error_hint(err, "Mend that row in the source and run the same command again; or leave such "
                    "rows out with WHERE in documents.sql, and make a new instance with "
                    "es_create.");
    return PG_COPY_ERROR;
}

enum pg_copy source_next(struct source *source, struct source_document *ret_document,
                         struct error *err)
{
    struct span *fields = source->fields;
    size_t count = DOCUMENT_COLUMNS + source->shape.count;
    enum pg_copy state = pg_copy_next(source->pg, fields, count, err);
    if (state == PG_COPY_ERROR)
        source_in_file(source_documents_file, err);
    if (state != PG_COPY_ROWS)
        return state;
    if (!fields[DOCUMENT_ID].data)
        return null_id(source, err);
    if (take_document(source, ret_document))
        return PG_COPY_ROWS;
    source_cancel(source);
    error_set(err, ERR_POSTGRES, "source database: malformed binary value of a column");
    return PG_COPY_ERROR;
}

int source_wait(struct source *source, struct error *err)
{
    if (pg_copy_wait(source->pg, err) == 0)
        return 0;
    source_cancel(source);
    return -1;
}

void source_cancel(struct source *source)
{
    pg_copy_cancel(source->pg);
}

/* ---- ids ---- */

#define NOT_DELETED "\nWHERE esmigrate_d.\"_deleted\" IS NOT TRUE"

static char **take_texts(const struct pg_rows *rows, const char *column, size_t *ret_count)
{
    size_t count = pg_rows_count(rows);
    char **texts = x_calloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        texts[i] = x_strdup(pg_text(rows, i, column));
    *ret_count = count;
    return texts;
}

int source_read_keys(struct source *source, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_printf(&sql,
                  "COPY (SELECT " ID_TEXT
                  ", %s FROM (\n%s\n) esmigrate_d%s\n) TO STDOUT (FORMAT binary)",
                  source->columns.has_routing ? ROUTING_TEXT : "NULL::text", source->documents,
                  source->columns.has_deleted ? NOT_DELETED : "");
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

int source_read_traits(struct source *source, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&sql, "COPY (SELECT " ID_TEXT ", coalesce((esmigrate_j.t LIKE '%null%')::int"
                      " | (esmigrate_j.t LIKE '%\"\"%')::int << 1"
                      " | (octet_length(esmigrate_j.t) <> char_length(esmigrate_j.t))::int << 2"
                      " | (esmigrate_j.t LIKE '_%{%' OR esmigrate_j.t LIKE '%[%')::int << 3, 0)"
                      ", coalesce(octet_length(esmigrate_j.t), 0) FROM (\n");
    buffer_printf(&sql, "%s\n) esmigrate_d\nCROSS JOIN LATERAL (", source->documents);
    source_json_sql(source, &sql);
    buffer_printf(&sql, ") esmigrate_j%s\n) TO STDOUT (FORMAT binary)",
                  source->columns.has_deleted ? NOT_DELETED : "");
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

enum pg_copy source_next_traits(struct source *source, struct span *ret_id, int64_t *ret_traits,
                                int64_t *ret_bytes, struct error *err)
{
    struct span fields[3] = {};
    enum pg_copy state = pg_copy_next(source->pg, fields, ARRAY_SIZE(fields), err);
    if (state == PG_COPY_ERROR)
        source_in_file(source_documents_file, err);
    if (state == PG_COPY_ROWS && !fields[0].data)
        return null_id(source, err);
    *ret_id = fields[0];
    *ret_traits = integer(fields[1]);
    *ret_bytes = integer(fields[2]);
    return state;
}

int source_latest_ids(struct source *source, const char *before, size_t limit, char ***ret_ids,
                      size_t *ret_count, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    *ret_ids = NULL;
    *ret_count = 0;
    if (!source->columns.has_changed_at || !before)
        return 0;
    _cleanup_free_ char *condition = unchanged_condition(source, before);
    _cleanup_free_ char *sql =
        x_printf("SELECT " ID_TEXT " AS id FROM (\n%s\n) esmigrate_d\nWHERE %s\n"
                 "ORDER BY esmigrate_d.\"_changed_at\" DESC LIMIT %zu",
                 source->documents, condition, limit);
    if (pg_query(source->pg, sql, PG_NO_VALUES, &rows, err) < 0)
        return source_failed(source, source_documents_file, err);
    *ret_ids = take_texts(rows, "id", ret_count);
    return 0;
}

enum pg_copy source_next_key(struct source *source, struct span *ret_id, struct span *ret_routing,
                             struct error *err)
{
    struct span fields[2] = {};
    enum pg_copy state = pg_copy_next(source->pg, fields, ARRAY_SIZE(fields), err);
    if (state == PG_COPY_ERROR)
        source_in_file(source_documents_file, err);
    if (state == PG_COPY_ROWS && !fields[0].data)
        return null_id(source, err);
    *ret_id = fields[0];
    *ret_routing = fields[1];
    return state;
}

int source_read_changed_keys(struct source *source, const char *since, const char *end,
                             struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *from = source_changed_condition(source, since);
    _cleanup_free_ char *to = unchanged_condition(source, end);
    _cleanup_free_ char *zone = source->zone ? pg_literal(source->pg, source->zone) : NULL;
    buffer_text(&sql, "COPY (SELECT " ID_TEXT ", (extract(epoch FROM esmigrate_d.\"_changed_at\"");
    if (!source->columns.changed_at_has_zone)
        buffer_printf(&sql, " AT TIME ZONE %s", zone);
    buffer_printf(&sql, ") * 1000000)::bigint FROM (\n%s\n) esmigrate_d\nWHERE %s AND %s%s",
                  source->documents, from, to,
                  source->columns.has_deleted ? " AND esmigrate_d.\"_deleted\" IS NOT TRUE" : "");
    buffer_text(&sql, "\n) TO STDOUT (FORMAT binary)");
    if (pg_copy_start(source->pg, buffer_cstr(&sql), err) < 0)
        return source_failed(source, source_documents_file, err);
    return 0;
}

enum pg_copy source_next_changed_key(struct source *source, struct span *ret_id, int64_t *ret_time,
                                     struct error *err)
{
    struct span time = {};
    enum pg_copy state = source_next_key(source, ret_id, &time, err);
    *ret_time = integer(time);
    return state;
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
    _cleanup_free_ char *condition = source_changed_condition(source, since);
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
