#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/reading_sql.h"
#include "domain/survey.h"
#include "sql.h"

/* What is asked about ids. */
enum question {
    ARE_THERE,
    ARE_NAMED /* by changed.sql */,
    HAVE_CHANGED /* by their _changed_at */
};

static int query_named(struct source *source, const char *since, const char *const *ids,
                       size_t count, struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *array = pg_array(ids, count);
    _cleanup_free_ char *literal = pg_literal(source->pg, array);
    buffer_text(&sql, "SELECT id FROM (");
    source_named_ids_sql(source, &sql);
    buffer_printf(&sql, ") esmigrate_n WHERE id = ANY (%s::text[])", literal);
    return pg_query(source->pg, buffer_cstr(&sql), CHANGED_VALUES(source, since), ret_rows, err);
}

static int query_changed(struct source *source, const char *since, const char *const *ids,
                         size_t count, bool as_text, struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_free_ char *changed = source_changed_condition(source, since);
    _cleanup_free_ char *among = source_ids_condition(source, ids, count, as_text);
    _cleanup_free_ char *sql =
        x_printf("SELECT DISTINCT " ID_TEXT
                 " COLLATE \"C\" AS id FROM (\n%s\n) esmigrate_d\nWHERE %s AND %s",
                 source->documents, changed, among);
    return pg_query(source->pg, sql, PG_NO_VALUES, ret_rows, err);
}

static int query_ids(struct source *source, const char *const *ids, size_t count, bool as_text,
                     struct pg_rows **ret_rows, struct error *err)
{
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *condition = source_ids_condition(source, ids, count, as_text);
    buffer_printf(&sql, "SELECT DISTINCT " ID_TEXT " COLLATE \"C\" AS id, %s AS routing FROM (\n",
                  source->columns.has_routing ? ROUTING_TEXT : "NULL::text");
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

static int query(struct source *source, enum question question, const char *since,
                 const char *const *ids, size_t count, bool as_text, struct pg_rows **ret_rows,
                 struct error *err)
{
    switch (question) {
    case ARE_NAMED:
        return query_named(source, since, ids, count, ret_rows, err);
    case HAVE_CHANGED:
        return query_changed(source, since, ids, count, as_text, ret_rows, err);
    default:
        return query_ids(source, ids, count, as_text, ret_rows, err);
    }
}

/* Those of the ids of which it is so. An id that was put into the index by hand may not be a value
 * of the column's type. */
static int ask_ids(struct source *source, enum question question, const char *since,
                   const char *const *ids, size_t count, struct pg_rows **ret_rows,
                   struct error *err)
{
    bool as_text = source->ids_as_text;
    if (pg_run(source->pg, "SAVEPOINT esmigrate_ids", err) < 0)
        return -1;
    while (query(source, question, since, ids, count, as_text, ret_rows, err) < 0) {
        if (as_text || strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_release(err);
        if (pg_run(source->pg, "ROLLBACK TO esmigrate_ids", err) < 0)
            return -1;
        as_text = true;
    }
    return pg_run(source->pg, "RELEASE esmigrate_ids", err);
}

static int mark_ids(struct source *source, enum question question, const char *since,
                    const char *const *ids, size_t count, bool *ret_marks, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (ask_ids(source, question, since, ids, count, &rows, err) < 0)
        return -1;
    find_keys(rows, ids, NULL, count, ret_marks);
    return 0;
}

int source_has_ids(struct source *source, const char *const *ids, const char *const *routings,
                   size_t count, bool *ret_there, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (ask_ids(source, ARE_THERE, NULL, ids, count, &rows, err) < 0)
        return -1;
    find_keys(rows, ids, routings, count, ret_there);
    return 0;
}

/* Which of them changed.sql names whatever the time is. */
static int find_always_named(struct source *source, const char *const *ids, size_t count,
                             bool *ret_always, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!source->changed_takes_time) {
        memset(ret_always, true, count * sizeof(bool));
        return 0;
    }
    if (pg_query(source->pg, sql_source_far_off, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    return mark_ids(source, ARE_NAMED, pg_text(rows, 0, "moment"), ids, count, ret_always, err);
}

/* That changed.sql names an id which it always names says nothing: its _changed_at does. Nothing
 * tells when a row went. */
static int leave_out_always_named(struct source *source, const char *since, const char *const *ids,
                                  size_t count, bool *pending, struct error *err)
{
    _cleanup_free_ bool *always = x_calloc(count, sizeof(bool));
    _cleanup_free_ bool *changed = x_calloc(count, sizeof(bool));
    _cleanup_free_ bool *there = x_calloc(count, sizeof(bool));
    if (find_always_named(source, ids, count, always, err) < 0 ||
        (source->columns.has_changed_at &&
         mark_ids(source, HAVE_CHANGED, since, ids, count, changed, err) < 0) ||
        mark_ids(source, ARE_THERE, NULL, ids, count, there, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        pending[i] = pending[i] && (!always[i] || changed[i] || !there[i]);
    return 0;
}

int source_pending_ids(struct source *source, const char *since, const char *const *ids,
                       size_t count, bool *ret_pending, struct error *err)
{
    enum question question = source->changed ? ARE_NAMED : HAVE_CHANGED;
    memset(ret_pending, 0, count * sizeof(bool));
    if (!since || !source_tells_changes(source))
        return 0;
    if (mark_ids(source, question, since, ids, count, ret_pending, err) < 0)
        return -1;
    if (!source->changed || !memchr(ret_pending, true, count * sizeof(bool)))
        return 0;
    return leave_out_always_named(source, since, ids, count, ret_pending, err);
}
