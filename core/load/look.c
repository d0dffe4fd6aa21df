#include "load/look.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/json_difference.h"
#include "sql.h"

enum {
    FIRST_BATCH = 20,
    LARGEST_BATCH = 500,
    BATCH_BYTES = 8 * 1024 * 1024,
    LONGEST_ID = 512, /* bytes, of an engine */
};

/* Some ids that are looked at together. */
struct batch {
    const char *const *ids;
    size_t count;
    const char **sorted; /* the same */
    bool *there;         /* in the source */
    bool *pending;
    struct looked *looked;
    char **texts; /* of the source, of those whose contents differ */
};

typedef void use_document(struct look *look, const struct batch *batch, size_t place,
                          const struct source_document *document);

void look_release(struct look *look)
{
    buffer_release(&look->built);
    page_release(&look->page);
}

void looked_free(struct looked *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].field);
    free(list);
}

/* ---- the index ---- */

static int by_id(const void *a, const void *b)
{
    struct span first = ((const struct page_hit *)a)->id, second = ((const struct page_hit *)b)->id;
    size_t shorter = first.length < second.length ? first.length : second.length;
    int order = memcmp(first.data, second.data, shorter);
    return order ? order : first.length < second.length ? -1 : first.length > second.length;
}

/* The first hit of an id, and how many there are: one on each of several shards. */
static const struct page_hit *find_hit(const struct look *look, struct span id, size_t *ret_count)
{
    const struct page *page = &look->page;
    struct page_hit wanted = {.id = id};
    size_t low = 0, high = page->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_id(&page->hits[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_count = 0;
    while (low + *ret_count < page->count && by_id(&page->hits[low + *ret_count], &wanted) == 0)
        ++*ret_count;
    return *ret_count ? &page->hits[low] : NULL;
}

/* Ids that no document of an engine has cannot be asked for. */
static int look_up(struct look *look, const struct batch *batch, struct error *err)
{
    _cleanup_free_ const char **ids = x_calloc(batch->count, sizeof(char *));
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (*batch->ids[i] && strlen(batch->ids[i]) <= LONGEST_ID)
            ids[count++] = batch->ids[i];
    return page_look_up(look->engine, look->index_name, ids, count, look->window, &look->page, err);
}

static int read_index(struct look *look, const struct batch *batch, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (engine_refresh(look->engine, look->index_name, err) < 0 || look_up(look, batch, err) < 0 ||
        history_query(look->history, sql_history_verify_instance,
                      PG_VALUES(pg_number(look->instance_id).text), &rows, err) < 0)
        return -1;
    look->bytes += (int64_t)look->page.text.length;
    look->documents += (int64_t)batch->count;
    if (look->page.count)
        qsort(look->page.hits, look->page.count, sizeof(*look->page.hits), by_id);
    for (size_t i = 0; i < batch->count; i++) {
        size_t copies;
        struct span id = {batch->ids[i], strlen(batch->ids[i])};
        const struct page_hit *hit = find_hit(look, id, &copies);
        batch->looked[i].version = hit ? hit->version : -1;
        batch->looked[i].unissued = hit && hit->version > pg_int(rows, 0, "read_version");
    }
    return 0;
}

/* ---- the source ---- */

static bool same_routing(struct span first, struct span second)
{
    return first.length == second.length &&
           (!first.length || memcmp(first.data, second.data, first.length) == 0);
}

/* As it is sent; valid until the next one. */
static struct span json_of(struct look *look, const struct source_document *document)
{
    if (!document->row.shape)
        return document->json;
    look->built.maximum = BUFFER_TEXT_MAX;
    buffer_clear(&look->built);
    json_row_put(&look->built, &document->row);
    return (struct span){look->built.data, look->built.length};
}

static void compare(struct look *look, const struct batch *batch, size_t place,
                    const struct source_document *document)
{
    struct looked *looked = &batch->looked[place];
    size_t copies;
    char *field = NULL;
    struct span text = json_of(look, document);
    const struct page_hit *hit = find_hit(look, document->id, &copies);
    if (!hit || looked->verdict != LOOK_SAME)
        return;
    if (copies > 1)
        looked->verdict = LOOK_LEFT_OVER;
    else if (!same_routing(hit->routing, document->routing))
        field = x_strdup("_routing");
    else if (look->compares_content && (!text.data || !hit->source.data))
        field = x_strdup("");
    else if (look->compares_content && json_differ(text, hit->source, &field))
        batch->texts[place] = x_strndup(text.data, text.length);
    if (!field)
        return;
    looked->verdict = LOOK_DIFFERENT;
    looked->field = field;
}

static size_t place_of(const struct batch *batch, struct span id)
{
    _cleanup_free_ char *text = x_strndup(id.data, id.length);
    const char *key = text;
    const char **found = bsearch(&key, batch->sorted, batch->count, sizeof(char *), texts_compare);
    for (size_t i = 0; found && i < batch->count; i++)
        if (batch->ids[i] == *found)
            return i;
    return batch->count;
}

static int read_ids(struct look *look, const struct batch *batch, const char *const *ids,
                    size_t count, use_document *use, struct error *err)
{
    if (source_read_ids(look->source, ids, count, err) < 0)
        return -1;
    for (;;) {
        struct source_document document;
        switch (source_next(look->source, &document, err)) {
        case PG_COPY_WAIT:
            if (source_wait(look->source, err) < 0)
                return -1;
            continue;
        case PG_COPY_ROWS:
            break;
        case PG_COPY_END:
            return 0;
        default:
            return -1;
        }
        size_t place = place_of(batch, document.id);
        if (place < batch->count && !document.deleted)
            use(look, batch, place, &document);
    }
}

/* Reads and compares the documents that are on both sides. */
static int read_documents(struct look *look, const struct batch *batch, struct error *err)
{
    _cleanup_free_ const char **both = x_calloc(batch->count, sizeof(char *));
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->there[i] && batch->looked[i].version >= 0)
            both[count++] = batch->ids[i];
    return count ? read_ids(look, batch, both, count, compare, err) : 0;
}

static int read_source(struct look *look, const char *changed_through, const struct batch *batch,
                       struct error *err)
{
    if (source_begin(look->source, err) < 0 ||
        source_has_ids(look->source, batch->ids, NULL, batch->count, batch->there, err) < 0 ||
        source_pending_ids(look->source, changed_through, batch->ids, batch->count, batch->pending,
                           err) < 0)
        return -1;
    for (size_t i = 0; i < batch->count; i++) {
        bool indexed = batch->looked[i].version >= 0;
        batch->looked[i].verdict = batch->there[i] == indexed ? LOOK_SAME
                                   : indexed                  ? LOOK_LEFT_OVER
                                                              : LOOK_MISSING;
    }
    return read_documents(look, batch, err) < 0 ? -1 : source_end(look->source, err);
}

/* ---- what differs from itself ---- */

static void compare_again(struct look *look, const struct batch *batch, size_t place,
                          const struct source_document *document)
{
    size_t copies;
    struct looked *looked = &batch->looked[place];
    struct span again = json_of(look, document);
    const struct page_hit *hit = find_hit(look, document->id, &copies);
    if (!hit || !again.data || !batch->texts[place])
        return;
    struct span first = {batch->texts[place], strlen(batch->texts[place])};
    _cleanup_free_ char *ours = json_less_unstable(first, first, again);
    _cleanup_free_ char *theirs = json_less_unstable(hit->source, first, again);
    char *field = NULL;
    if (json_differ((struct span){ours, strlen(ours)}, (struct span){theirs, strlen(theirs)},
                    &field)) {
        free(looked->field);
        looked->field = field;
    } else {
        looked->verdict = LOOK_UNSTABLE;
    }
}

/* A row that changed since the first reading differs from itself as well, and is pending. */
static int read_again(struct look *look, const char *changed_through, const struct batch *batch,
                      struct error *err)
{
    _cleanup_free_ const char **ids = x_calloc(batch->count, sizeof(char *));
    _cleanup_free_ bool *pending = x_calloc(batch->count, sizeof(bool));
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->looked[i].verdict == LOOK_DIFFERENT && batch->texts[i])
            ids[count++] = batch->ids[i];
    if (!count)
        return 0;
    if (source_begin(look->source, err) < 0 ||
        source_pending_ids(look->source, changed_through, ids, count, pending, err) < 0 ||
        read_ids(look, batch, ids, count, compare_again, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (pending[i])
            batch->looked[place_of(batch, (struct span){ids[i], strlen(ids[i])})].verdict =
                LOOK_PENDING;
    return source_end(look->source, err);
}

/* ---- verdicts ---- */

static int know_rejected(struct look *look, const struct batch *batch, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *array = pg_array(batch->ids, batch->count);
    if (history_query(look->history, sql_history_rejected_among,
                      PG_VALUES(pg_number(look->instance_id).text, array), &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *id = pg_text(rows, i, "doc_id");
        size_t place = place_of(batch, (struct span){id, strlen(id)});
        if (place < batch->count && (batch->looked[place].verdict == LOOK_MISSING ||
                                     batch->looked[place].verdict == LOOK_DIFFERENT))
            batch->looked[place].verdict = LOOK_REJECTED;
    }
    return 0;
}

static int look_at_batch(struct look *look, const struct batch *batch, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    memcpy(batch->sorted, batch->ids, batch->count * sizeof(char *));
    qsort(batch->sorted, batch->count, sizeof(char *), texts_compare);
    if (history_query(look->history, sql_history_verify_instance,
                      PG_VALUES(pg_number(look->instance_id).text), &rows, err) < 0 ||
        read_index(look, batch, err) < 0 ||
        read_source(look, pg_text(rows, 0, "changed_through"), batch, err) < 0)
        return -1;
    bool any = false;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->looked[i].verdict != LOOK_SAME && batch->pending[i])
            batch->looked[i].verdict = LOOK_PENDING;
        any = any || batch->looked[i].verdict != LOOK_SAME;
    }
    if (!any)
        return 0;
    if (know_rejected(look, batch, err) < 0)
        return -1;
    return read_again(look, pg_text(rows, 0, "changed_through"), batch, err);
}

/* Some few at first, then as many as have the size of a bulk request. An id may have copies on
 * several shards. */
static size_t next_batch(const struct look *look)
{
    size_t most = look->window / 2 < LARGEST_BATCH ? look->window / 2 : LARGEST_BATCH;
    int64_t fitting = FIRST_BATCH;
    if (look->documents)
        fitting = BATCH_BYTES / (look->bytes / look->documents + 1);
    if (fitting < (int64_t)most)
        most = (size_t)fitting;
    return most ? most : 1;
}

int look_at(struct look *look, const char *const *ids, size_t count, struct looked *ret_list,
            struct error *err)
{
    bool there[LARGEST_BATCH], pending[LARGEST_BATCH];
    const char *sorted[LARGEST_BATCH];
    memset(ret_list, 0, count * sizeof(*ret_list));
    for (size_t start = 0; start < count;) {
        size_t most = next_batch(look);
        struct batch batch = {
            .ids = ids + start,
            .count = count - start < most ? count - start : most,
            .sorted = sorted,
            .there = there,
            .pending = pending,
            .looked = ret_list + start,
            .texts = x_calloc(most, sizeof(char *)),
        };
        int result = look_at_batch(look, &batch, err);
        texts_free(batch.texts, batch.count);
        if (result < 0)
            return -1;
        start += batch.count;
    }
    return 0;
}
