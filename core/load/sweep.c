#include "load/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MOST_AT_ONCE = 1000, WAIT_MS = 1000 };

/* Deletes those of a page that the source does not return; all of them without a source. */
static int sweep_page(struct load *load, const struct engine_document *page, size_t count,
                      struct error *err)
{
    _cleanup_free_ const char **ids = x_calloc(count, sizeof(char *));
    _cleanup_free_ const char **routings = x_calloc(count, sizeof(char *));
    _cleanup_free_ bool *there = x_calloc(count, sizeof(bool));
    for (size_t i = 0; i < count; i++) {
        ids[i] = page[i].id;
        routings[i] = page[i].routing;
    }
    /* A document whose routing changed is there again, on another shard. */
    if (load->source && source_has_ids(load->source, ids, load->copies.may_move ? routings : NULL,
                                       count, there, err) < 0)
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

static int sweep_shard(struct load *load, size_t shard, int64_t upto, size_t most,
                       struct error *err)
{
    int64_t after = -1;
    while (after < upto) {
        struct engine_document *page = NULL;
        size_t count = 0;
        if (engine_documents(load->engine, load->index_name, shard, after, upto, most, &page,
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
    size_t most;
    if (engine_window(load->engine, load->index_name, MOST_AT_ONCE, &most, err) < 0)
        return -1;
    for (size_t shard = 0; shard < shards; shard++)
        if (sweep_shard(load, shard, marks[shard], most, err) < 0)
            return -1;
    return sender_finish(load->sender, err);
}

int load_sweep_all(struct load *load, const int64_t *marks, size_t shards, struct error *err)
{
    load->source = NULL;
    return load_sweep(load, marks, shards, err);
}
