#include "domain/full_load.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "clients/json.h"
#include "domain/action.h"
#include "sql.h"

void full_load_release(struct full_load *load)
{
    free(load->index_uuid);
    free(load->source_system_identifier);
    free(load->source_database_oid);
    free(load->source_lsn);
    free(load->source_timeline);
    free(load->taken_at);
    free(load->changed_through);
    free(load->trackers);
    free(load->started_at);
    free(load->marks);
    *load = (struct full_load){};
}

static int read_marks(const char *text, struct full_load *load, struct error *err)
{
    _cleanup_(json_freep) json *marks = json_parse(text, strlen(text), err);
    if (!marks)
        return -1;
    load->shards = json_length(marks);
    load->marks = x_calloc(load->shards, sizeof(int64_t));
    for (size_t i = 0; i < load->shards; i++)
        load->marks[i] = json_int(json_at(marks, i), -1);
    return 0;
}

int full_load_find(struct history *history, int64_t instance_id, struct full_load *ret_load,
                   struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(full_load_release) struct full_load load = {};
    *ret_load = (struct full_load){};
    if (history_query(history, sql_history_full_load_find, PG_VALUES(pg_number(instance_id).text),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    load.id = pg_int(rows, 0, "id");
    load.index_uuid = x_strdup(pg_text(rows, 0, "index_uuid"));
    load.source_system_identifier = x_strdup(pg_text(rows, 0, "source_system_identifier"));
    load.source_database_oid = x_strdup(pg_text(rows, 0, "source_database_oid"));
    load.source_lsn = x_strdup(pg_text(rows, 0, "source_lsn"));
    load.source_timeline = x_strdup(pg_text(rows, 0, "source_timeline"));
    load.taken_at = x_strdup(pg_text(rows, 0, "taken_at"));
    load.changed_through = x_strdup(pg_text(rows, 0, "changed_through"));
    load.started_at = x_strdup(pg_text(rows, 0, "started_at"));
    load.total = (size_t)pg_int(rows, 0, "ranges");
    load.is_old = pg_bool(rows, 0, "is_old");
    load.left = (size_t)pg_int(rows, 0, "ranges_left");
    if (read_marks(pg_text(rows, 0, "marks"), &load, err) < 0)
        return -1;
    *ret_load = TAKE(load);
    return 0;
}

int full_load_begin(struct history *history, const char *action_id, const char *const *bounds,
                    size_t bound_count, struct full_load *load, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(buffer_release) struct buffer marks = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *array = pg_array(bounds, bound_count);
    for (size_t i = 0; i < load->shards; i++)
        buffer_printf(&marks, "%c%" PRId64, i ? ',' : '{', load->marks[i]);
    buffer_char(&marks, '}');
    if (history_query(history, sql_history_full_load_begin,
                      PG_VALUES(action_id, load->index_uuid, load->source_system_identifier,
                                load->source_database_oid, load->taken_at, load->changed_through,
                                buffer_cstr(&marks), array, load->source_lsn, load->source_timeline,
                                load->trackers),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    load->id = pg_int(rows, 0, "id");
    load->started_at = x_strdup(pg_text(rows, 0, "started_at"));
    load->total = load->left = bound_count + 1;
    return 0;
}

int full_load_end(struct history *history, const char *action_id, bool complete, struct error *err)
{
    return history_query(history, sql_history_full_load_end,
                         PG_VALUES(action_id, complete ? "complete" : "abandoned"), NULL, err);
}
