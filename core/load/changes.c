#include "load/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"

enum { IDS_AT_ONCE = 1000 };

/* Reads these documents by id; an id that the source does not return is deleted. */
static int load_ids(struct load *load, struct id_set *set, struct error *err)
{
    for (size_t start = 0; start < set->count; start += IDS_AT_ONCE) {
        size_t count = set->count - start < IDS_AT_ONCE ? set->count - start : IDS_AT_ONCE;
        if (source_read_ids(load->source, (const char *const *)set->ids + start, count, err) < 0 ||
            load_pump(load, NULL, set, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct span id = {set->ids[i], strlen(set->ids[i])};
        if (!set->met[i] && sender_add_delete(load->sender, id, (struct span){}, err) < 0)
            return -1;
    }
    return 0;
}

static int rejected_ids(struct load *load, struct id_set *ret_set, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(load->history, sql_history_rejected_ids,
                      PG_VALUES(pg_number(load->instance_id).text), &rows, err) < 0)
        return -1;
    size_t count = pg_rows_count(rows);
    char **ids = x_calloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        ids[i] = x_strdup(pg_text(rows, i, "doc_id"));
    *ret_set = id_set_make(ids, count);
    return 0;
}

/* The ids that changed.sql names, but for those that were dealt with already. */
static int load_named(struct load *load, const char *since, struct id_set *done, struct error *err)
{
    if (source_open_changed_ids(load->source, since, err) < 0)
        return -1;
    for (;;) {
        char **ids = NULL;
        size_t count = 0, kept = 0;
        if (source_next_changed_ids(load->source, IDS_AT_ONCE, &ids, &count, err) < 0)
            return -1;
        bool at_end = count == 0;
        for (size_t i = 0; i < count; i++) {
            if (id_set_meet(done, (struct span){ids[i], strlen(ids[i])}))
                free(ids[i]);
            else
                ids[kept++] = ids[i];
        }
        _cleanup_(id_set_release) struct id_set set = id_set_make(ids, kept);
        if (at_end)
            return 0;
        if (load_ids(load, &set, err) < 0)
            return -1;
    }
}

int load_rejected(struct load *load, struct id_set *ret_ids, struct error *err)
{
    return rejected_ids(load, ret_ids, err) < 0 ? -1 : load_ids(load, ret_ids, err);
}

int load_changed(struct load *load, const char *since, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    if (load_rejected(load, &rejected, err) < 0)
        return -1;
    if (load->source->changed)
        return load_named(load, since, &rejected, err);
    if (source_read_changed(load->source, since, err) < 0)
        return -1;
    return load_pump(load, &rejected, NULL, err);
}
