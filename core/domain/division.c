#include "domain/division.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "sql.h"

enum {
    MOST_RANGES = 256,
    SAMPLED_PAGES = 1000, /* of 8 kB; tens of thousands of ids, in some milliseconds */
};

/*
 * What dividing may add to the reading, in the planner's units per document: a quarter of what a
 * document costs in the engine. That is about one unit, since either is some ten microseconds: to
 * index a small document, and to read a page in order.
 */
static const double most_added = 0.25;

void division_release(struct division *division)
{
    texts_free(division->bounds, division->count);
    free(division->why_not);
    *division = (struct division){};
}

/* That the documents cannot be divided is no failure; that the server is gone is one. */
static int cannot(struct division *division, struct error *why, struct error *err)
{
    if (why->kind != ERR_POSTGRES || strncmp(why->sqlstate, "42", 2) != 0) {
        error_move(err, why);
        return -1;
    }
    division->why_not = x_strdup(why->message);
    error_release(why);
    return 0;
}

/* Quantiles of the column in a sample of its table, each once, in order. */
static int sample(struct source *source, const struct pg_rows *column, size_t ranges,
                  struct division *division, struct error *err)
{
    _cleanup_(error_release) struct error why = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer sql = BUFFER(BUFFER_TEXT_MAX);
    int64_t pages = pg_int(column, 0, "pages");
    double percent = pages > SAMPLED_PAGES ? 100.0 * SAMPLED_PAGES / (double)pages : 100;
    buffer_text(&sql, "SELECT q::text AS id FROM (SELECT DISTINCT unnest(percentile_disc(ARRAY[");
    for (size_t i = 1; i < ranges; i++)
        buffer_printf(&sql, "%s%.6f", i > 1 ? "," : "", (double)i / (double)ranges);
    buffer_printf(&sql,
                  "]::float8[]) WITHIN GROUP (ORDER BY s.%s)) AS q\n"
                  "FROM %s s TABLESAMPLE SYSTEM (%.6f)) b WHERE q IS NOT NULL ORDER BY q",
                  pg_text(column, 0, "column"), pg_text(column, 0, "relation"), percent);
    if (pg_query(source->pg, buffer_cstr(&sql), PG_NO_VALUES, &rows, &why) < 0)
        return cannot(division, &why, err);
    division->count = pg_rows_count(rows);
    division->bounds = x_calloc(division->count, sizeof(char *));
    for (size_t i = 0; i < division->count; i++)
        division->bounds[i] = x_strdup(pg_text(rows, i, "id"));
    return 0;
}

/* Every second bound goes: half as many ranges. */
static void halve(struct division *division)
{
    size_t kept = 0;
    for (size_t i = 0; i < division->count; i++) {
        if (i % 2)
            division->bounds[kept++] = division->bounds[i];
        else
            free(division->bounds[i]);
    }
    division->count = kept;
}

/* As many ranges as can be read at a bearable cost, of which the middle one is taken for all. */
static int thin_out(struct source *source, const struct source_estimate *all,
                    struct division *division, struct error *err)
{
    double most = all->cost + most_added * all->documents;
    while (division->count) {
        _cleanup_(error_release) struct error why = {};
        struct source_estimate range;
        size_t middle = division->count / 2;
        if (source_estimate_range(source, middle ? division->bounds[middle - 1] : NULL,
                                  division->bounds[middle], &range, &why) < 0) {
            texts_free(TAKE_PTR(division->bounds), division->count);
            division->count = 0;
            return cannot(division, &why, err);
        }
        if (range.cost * (double)(division->count + 1) <= most)
            return 0;
        halve(division);
    }
    division->why_not = x_strdup("no index finds a range of its _id");
    return 0;
}

int division_find(struct source *source, int64_t documents, struct division *ret_division,
                  struct error *err)
{
    _cleanup_(division_release) struct division division = {};
    _cleanup_(pg_rows_freep) struct pg_rows *column = NULL;
    struct source_estimate all;
    *ret_division = (struct division){};
    if (source_estimate_range(source, NULL, NULL, &all, err) < 0)
        return -1;
    double ranges = all.documents / (double)documents;
    if (ranges < 2)
        return 0;
    if (pg_query(source->pg, sql_source_division_column,
                 PG_VALUES(pg_number(source->columns.id_table).text,
                           pg_number(source->columns.id_column).text),
                 &column, err) < 0)
        return -1;
    if (!pg_rows_count(column)) {
        division.why_not = x_strdup("its _id is not a column of a table");
    } else if (sample(source, column, ranges > MOST_RANGES ? MOST_RANGES : (size_t)ranges,
                      &division, err) < 0 ||
               (division.count && thin_out(source, &all, &division, err) < 0)) {
        return -1;
    }
    *ret_division = TAKE(division);
    return 0;
}
