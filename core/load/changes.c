#include "load/changes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"

enum { IDS_AT_ONCE = 1000 };

static int load_ids(struct load *load, struct id_set *set, struct error *err)
{
    for (size_t start = 0; start < set->count; start += IDS_AT_ONCE) {
        size_t count = set->count - start < IDS_AT_ONCE ? set->count - start : IDS_AT_ONCE;
        if (source_read_ids(load->source, (const char *const *)set->ids + start, count, err) < 0 ||
            load_pump(load, set, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        struct span id = {set->ids[i], strlen(set->ids[i])};
        if (!set->met[i] && load_delete(load, id, err) < 0)
            return -1;
    }
    return 0;
}

int load_rejected_ids(struct load *load, struct id_set *ret_set, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(load->history, sql_history_rejected_ids,
                      PG_VALUES(pg_number(load->instance_id).text, load->action_id), &rows,
                      err) < 0)
        return -1;
    size_t count = pg_rows_count(rows);
    char **ids = x_calloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        ids[i] = x_strdup(pg_text(rows, i, "doc_id"));
    *ret_set = id_set_make(ids, count);
    return 0;
}

/* Where no index serves a batch by id it reads all documents, and one pass over them is better than
 * many such: what the planner thinks decides, once there is more than one batch. */
static int choose_pass(struct load *load, const char *since, const struct id_set *first,
                       int64_t total, bool *ret_pass, struct error *err)
{
    const struct source *source = load->source;
    int64_t batches = (total + IDS_AT_ONCE - 1) / IDS_AT_ONCE;
    struct source_estimate batch, pass;
    *ret_pass = false;
    if (batches < 2)
        return 0;
    if (source_estimate_ids(load->source, (const char *const *)first->ids, first->count, &batch,
                            err) < 0 ||
        source_estimate_named(load->source, since, &pass, err) < 0)
        return -1;
    bool exact = source->ids_as_text || source->columns.id_is_exact;
    *ret_pass = exact && pass.cost < batch.cost * (double)batches;
    log_say(load->log, LOG_DETAIL,
            "%s: changed.sql names %" PRId64 " ids: read %s (the planner's costs: %.0f in %" PRId64
            " batches by _id, %.0f in one pass)%s",
            load->index_name, total, *ret_pass ? "in one pass over documents.sql" : "by _id",
            batch.cost * (double)batches, batches, pass.cost,
            exact ? "" : "; ids of this type may be equal and differ as text: no pass");
    return 0;
}

/* The next ids that changed.sql names, which are marked among the `rejected`; *ret_total 0 at the
 * end. */
static int next_named(struct load *load, struct id_set *rejected, struct id_set *ret_set,
                      int64_t *ret_total, struct error *err)
{
    char **ids = NULL;
    size_t count = 0;
    if (source_next_changed_ids(load->source, IDS_AT_ONCE, &ids, &count, ret_total, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        id_set_meet(rejected, (struct span){ids[i], strlen(ids[i])});
    *ret_set = id_set_make(ids, count);
    return 0;
}

static int load_pass(struct load *load, const char *since, struct id_set *rejected,
                     struct error *err)
{
    if (source_close_changed_ids(load->source, err) < 0 ||
        source_read_named(load->source, since, err) < 0)
        return -1;
    return load_pump(load, rejected, err);
}

static int load_named(struct load *load, const char *since, struct id_set *rejected,
                      struct error *err)
{
    if (source_open_changed_ids(load->source, since, err) < 0)
        return -1;
    for (bool first = true, pass = false;; first = false) {
        _cleanup_(id_set_release) struct id_set set = {};
        int64_t total = 0;
        if (next_named(load, rejected, &set, &total, err) < 0 ||
            (first && choose_pass(load, since, &set, total, &pass, err) < 0))
            return -1;
        if (first)
            meter_expect(load->meter, total, false, 0);
        if (pass || !total)
            return pass ? load_pass(load, since, rejected, err) : 0;
        if (load_ids(load, &set, err) < 0)
            return -1;
    }
}

/* Those that what changed did not have among it. They were refused before, and may well be again.
 */
int load_rejected(struct load *load, struct id_set *rejected, struct error *err)
{
    size_t left = 0;
    for (size_t i = 0; i < rejected->count; i++) {
        if (rejected->met[i])
            free(rejected->ids[i]);
        else
            rejected->ids[left++] = rejected->ids[i];
    }
    memset(rejected->met, 0, left);
    rejected->count = left;
    sender_expect_refusals(load->sender);
    return load_ids(load, rejected, err);
}

int load_changed(struct load *load, const char *since, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    const bool sends_rejected = !load->keeps_rejected;
    if (sends_rejected && load_rejected_ids(load, &rejected, err) < 0)
        return -1;
    if (load->source->changed) {
        if (load_named(load, since, &rejected, err) < 0)
            return -1;
    } else if (source_read_changed(load->source, since, err) < 0 ||
               load_pump(load, &rejected, err) < 0) {
        return -1;
    }
    return sends_rejected ? load_rejected(load, &rejected, err) : 0;
}

static int load_again_batch(struct load *load, const char *const *ids, size_t count,
                            struct error *err)
{
    _cleanup_free_ bool *there = x_calloc(count, sizeof(bool));
    _cleanup_(id_set_release) struct id_set set = {};
    if (source_has_ids(load->source, ids, NULL, count, there, err) < 0)
        return -1;
    char **found = x_calloc(count, sizeof(char *));
    size_t found_count = 0;
    for (size_t i = 0; i < count; i++)
        if (there[i])
            found[found_count++] = x_strdup(ids[i]);
    set = id_set_make(found, found_count);
    if (load_ids(load, &set, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (!there[i] && load_delete(load, (struct span){ids[i], strlen(ids[i])}, err) < 0)
            return -1;
    return 0;
}

int load_again(struct load *load, char *const *ids, size_t count, struct error *err)
{
    for (size_t start = 0; start < count; start += IDS_AT_ONCE) {
        size_t batch = count - start < IDS_AT_ONCE ? count - start : IDS_AT_ONCE;
        if (load_again_batch(load, (const char *const *)ids + start, batch, err) < 0)
            return -1;
    }
    return 0;
}
