#include "load/copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LARGEST_PAGE = 2000, /* more than an index has shards */
    WAIT_MS = 1000,
};

struct copies_entry {
    char *id;
    char *routing; /* NULL: none */
    bool deleted;
    bool found; /* a delete was sent */
};

static void clear(struct copies *copies)
{
    for (size_t i = 0; i < copies->count; i++) {
        free(copies->list[i].id);
        free(copies->list[i].routing);
    }
    copies->count = 0;
}

void copies_release(struct copies *copies)
{
    clear(copies);
    free(copies->list);
    *copies = (struct copies){};
}

/* A page has room for two copies of each, as a rule. */
static size_t ids_at_once(const struct copies *copies)
{
    return copies->page > 1 ? copies->page / 2 : 1;
}

/* An id may have a copy on each shard, and all of them must be seen. */
static int choose_page(struct copies *copies, int shards, struct error *err)
{
    if (engine_window(copies->engine, copies->index_name, LARGEST_PAGE, &copies->page, err) < 0)
        return -1;
    if (copies->page >= (size_t)shards)
        return 0;
    error_set(err, ERR_FAILED,
              "index \"%s\": its max_result_window, %zu, is less than its %d shards",
              copies->index_name, copies->page, shards);
    error_detail(err, "Not every copy of a document with a _routing could be seen.");
    return error_hint(err, "Raise index.max_result_window in index.json, then: esmigrate es_create "
                           "NAME --in-place");
}

int copies_open(struct copies *copies, struct engine *engine, struct sender *sender,
                const char *index_name, bool has_routing, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    int64_t documents;
    *copies = (struct copies){
        .engine = engine,
        .sender = sender,
        .index_name = index_name,
        .has_routing = has_routing,
    };
    if (!has_routing)
        return 0;
    if (engine_wait_written(engine, index_name, err) < 0 ||
        engine_refresh(engine, index_name, err) < 0 ||
        engine_find_index(engine, index_name, &index, err) < 0 ||
        engine_count(engine, index_name, &documents, err) < 0 ||
        choose_page(copies, index.shards, err) < 0)
        return -1;
    copies->may_move = index.shards > 1;
    copies->is_empty = documents == 0;
    copies->list = x_calloc(ids_at_once(copies), sizeof(*copies->list));
    return 0;
}

/* ---- what was found ---- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct copies_entry *)a)->id, ((const struct copies_entry *)b)->id);
}

static bool same_routing(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int make_room(struct copies *copies, struct error *err)
{
    while (!sender_has_room(copies->sender))
        if (sender_wait(copies->sender, -1, WAIT_MS, err) < 0)
            return -1;
    return 0;
}

/* A document of the index: left alone where it is written again, deleted elsewhere. */
static int judge(struct copies *copies, const struct engine_document *found, struct error *err)
{
    const struct copies_entry wanted = {.id = found->id};
    struct copies_entry *entry =
        bsearch(&wanted, copies->list, copies->count, sizeof(*copies->list), compare_entries);
    if (!entry || (!entry->deleted && same_routing(entry->routing, found->routing)))
        return 0;
    struct span id = {found->id, strlen(found->id)};
    struct span routing = {found->routing, found->routing ? strlen(found->routing) : 0};
    if (make_room(copies, err) < 0)
        return -1;
    if (entry->deleted && !entry->found) {
        entry->found = true;
        return sender_add_delete(copies->sender, id, routing, err);
    }
    copies->removed++;
    return sender_add_copy_delete(copies->sender, id, routing, err);
}

/* Halves of them are looked up where there are more copies than a page takes. */
static int look_up(struct copies *copies, const char *const *ids, size_t count, struct error *err)
{
    struct engine_document *page = NULL;
    size_t found = 0, total = 0;
    if (!count)
        return 0;
    if (engine_documents_with(copies->engine, copies->index_name, ids, count, copies->page, &page,
                              &found, &total, err) < 0)
        return -1;
    int result = 0;
    if (total > found && count > 1) {
        result = look_up(copies, ids, count / 2, err);
        if (result == 0)
            result = look_up(copies, ids + count / 2, count - count / 2, err);
    } else {
        for (size_t i = 0; i < found && result == 0; i++)
            result = judge(copies, &page[i], err);
    }
    engine_documents_free(page, found);
    return result;
}

int copies_finish(struct copies *copies, struct error *err)
{
    _cleanup_free_ const char **ids = x_calloc(copies->count, sizeof(char *));
    if (!copies->count)
        return 0;
    qsort(copies->list, copies->count, sizeof(*copies->list), compare_entries);
    for (size_t i = 0; i < copies->count; i++)
        ids[i] = copies->list[i].id;
    if (look_up(copies, ids, copies->count, err) < 0)
        return -1;
    for (size_t i = 0; i < copies->count; i++)
        if (copies->list[i].deleted && !copies->list[i].found)
            sender_add_absent(copies->sender);
    clear(copies);
    return sender_wait(copies->sender, -1, 0, err);
}

/* ---- what the run does ---- */

static int note(struct copies *copies, struct span id, struct span routing, bool deleted,
                struct error *err)
{
    copies->list[copies->count++] = (struct copies_entry){
        .id = x_strndup(id.data, id.length),
        .routing = routing.data ? x_strndup(routing.data, routing.length) : NULL,
        .deleted = deleted,
    };
    return copies->count < ids_at_once(copies) ? 0 : copies_finish(copies, err);
}

int copies_of_written(struct copies *copies, struct span id, struct span routing, struct error *err)
{
    if (!copies->may_move || copies->is_empty || !id.length)
        return 0;
    return note(copies, id, routing, false, err);
}

int copies_of_deleted(struct copies *copies, struct span id, struct error *err)
{
    if (!copies->is_empty && id.length)
        return note(copies, id, (struct span){}, true, err);
    sender_add_absent(copies->sender);
    return 0;
}
