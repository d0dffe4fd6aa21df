#include "load/load.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "sql.h"

enum {
    IDS_AT_ONCE = 1000,
    WAIT_MS = 1000,
    LONGEST_ROUTING = 512,    /* bytes */
    ROWS_BETWEEN_POLLS = 256, /* a row costs microseconds, a poll about ten */
};

/* Ids in order, and which of them have been met. */
struct id_set {
    char **ids;
    bool *met;
    size_t count;
};

static void id_set_release(struct id_set *set)
{
    texts_free(set->ids, set->count);
    free(set->met);
    *set = (struct id_set){};
}

/* Takes over the ids. */
static struct id_set id_set_make(char **ids, size_t count)
{
    if (count)
        qsort(ids, count, sizeof(char *), texts_compare);
    return (struct id_set){.ids = ids, .met = x_calloc(count, sizeof(bool)), .count = count};
}

/* Marks the id as met; whether it is in the set. */
static bool id_set_meet(struct id_set *set, struct span id)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *text = set->ids[middle];
        int order = strncmp(id.data, text, id.length);
        if (order == 0)
            order = text[id.length] ? -1 : 0;
        if (order == 0) {
            set->met[middle] = true;
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* ---- documents ---- */

static bool is_object(struct span document)
{
    for (size_t i = 0; i < document.length; i++)
        if (!isspace((unsigned char)document.data[i]))
            return document.data[i] == '{';
    return false;
}

static int send_document(struct load *load, const struct source_document *document,
                         struct error *err)
{
    if (document->never_changes)
        load->never_changes++;
    if (document->routing.length > LONGEST_ROUTING)
        return sender_reject(load->sender, document->id, "invalid_routing",
                             "the _routing is longer than 512 bytes", err);
    if (document->deleted)
        return sender_add_delete(load->sender, document->id, document->routing, err);
    if (!document->json.data) {
        if (!document->bytes)
            return sender_reject(load->sender, document->id, "not_an_object", "_source is null",
                                 err);
        _cleanup_free_ char *reason =
            x_printf("the document has %" PRId64 " bytes, the limit is %" PRId64, document->bytes,
                     load->source->max_document_bytes);
        return sender_reject(load->sender, document->id, "document_too_large", reason, err);
    }
    if (!is_object(document->json))
        return sender_reject(load->sender, document->id, "not_an_object",
                             "_source is not a JSON object", err);
    return sender_add_document(load->sender, document->id, document->routing, document->json, err);
}

/*
 * Sends the rows of the reading that was started. Ids in `done` are passed over, ids in `wanted`
 * are marked; either may be NULL. While the engine has no room the rows stay in the socket, and
 * PostgreSQL waits.
 */
static int pump(struct load *load, struct id_set *done, struct id_set *wanted, struct error *err)
{
    unsigned int rows = 0;
    for (;;) {
        struct source_document document;
        if (!sender_has_room(load->sender)) {
            if (sender_wait(load->sender, -1, WAIT_MS, err) < 0)
                return -1;
            continue;
        }
        switch (source_next(load->source, &document, err)) {
        case PG_COPY_ROWS:
            break;
        case PG_COPY_WAIT:
            if (sender_wait(load->sender, pg_socket(load->source->pg), WAIT_MS, err) < 0)
                return -1;
            continue;
        case PG_COPY_END:
            return 0;
        default:
            return -1;
        }
        if (wanted)
            id_set_meet(wanted, document.id);
        if (done && id_set_meet(done, document.id))
            continue;
        if (send_document(load, &document, err) < 0)
            return -1;
        if (++rows % ROWS_BETWEEN_POLLS == 0 && sender_wait(load->sender, -1, 0, err) < 0)
            return -1;
    }
}

/* A reading that is given up would leave the connection unusable. */
static int pump_or_cancel(struct load *load, struct id_set *done, struct id_set *wanted,
                          struct error *err)
{
    if (pump(load, done, wanted, err) == 0)
        return 0;
    source_cancel(load->source);
    return -1;
}

int load_all(struct load *load, struct error *err)
{
    if (source_read_all(load->source, err) < 0)
        return -1;
    return pump_or_cancel(load, NULL, NULL, err);
}

/* Reads these documents by id; an id that the source does not return is deleted. */
static int load_ids(struct load *load, struct id_set *set, struct error *err)
{
    for (size_t start = 0; start < set->count; start += IDS_AT_ONCE) {
        size_t count = set->count - start < IDS_AT_ONCE ? set->count - start : IDS_AT_ONCE;
        if (source_read_ids(load->source, (const char *const *)set->ids + start, count, err) < 0 ||
            pump_or_cancel(load, NULL, set, err) < 0)
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

int load_changed(struct load *load, const char *since, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    if (rejected_ids(load, &rejected, err) < 0 || load_ids(load, &rejected, err) < 0)
        return -1;
    if (load->source->changed)
        return load_named(load, since, &rejected, err);
    if (source_read_changed(load->source, since, err) < 0)
        return -1;
    return pump_or_cancel(load, &rejected, NULL, err);
}

int load_rejected(struct load *load, struct error *err)
{
    _cleanup_(id_set_release) struct id_set rejected = {};
    return rejected_ids(load, &rejected, err) < 0 ? -1 : load_ids(load, &rejected, err);
}

/* ---- the sweep ---- */

/* Deletes those of a page that the source does not return; all of them without a source. */
static int sweep_page(struct load *load, const struct engine_document *page, size_t count,
                      struct error *err)
{
    _cleanup_free_ const char **ids = x_calloc(count, sizeof(char *));
    _cleanup_free_ bool *there = x_calloc(count, sizeof(bool));
    for (size_t i = 0; i < count; i++)
        ids[i] = page[i].id;
    if (load->source && source_has_ids(load->source, ids, count, there, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct span id = {page[i].id, strlen(page[i].id)};
        struct span routing = {page[i].routing, page[i].routing ? strlen(page[i].routing) : 0};
        if (there[i])
            continue;
        while (!sender_has_room(load->sender))
            if (sender_wait(load->sender, -1, WAIT_MS, err) < 0)
                return -1;
        if (sender_add_delete(load->sender, id, routing, err) < 0)
            return -1;
    }
    return sender_wait(load->sender, -1, 0, err);
}

static int sweep_shard(struct load *load, size_t shard, int64_t upto, struct error *err)
{
    int64_t after = -1;
    while (after < upto) {
        struct engine_document *page = NULL;
        size_t count = 0;
        if (engine_documents(load->engine, load->index_name, shard, after, upto, IDS_AT_ONCE, &page,
                             &count, err) < 0)
            return -1;
        int result = count ? sweep_page(load, page, count, err) : 0;
        after = count ? page[count - 1].seq_no : upto;
        engine_documents_free(page, count);
        if (result < 0)
            return -1;
    }
    return 0;
}

int load_sweep(struct load *load, const int64_t *marks, size_t shards, struct error *err)
{
    for (size_t shard = 0; shard < shards; shard++)
        if (sweep_shard(load, shard, marks[shard], err) < 0)
            return -1;
    return sender_finish(load->sender, err);
}

int load_sweep_all(struct load *load, const int64_t *marks, size_t shards, struct error *err)
{
    load->source = NULL;
    return load_sweep(load, marks, shards, err);
}
