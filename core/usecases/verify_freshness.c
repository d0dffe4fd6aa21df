#include <stdlib.h>

#include "base/memory.h"
#include "base/texts.h"
#include "sql.h"
#include "usecases/verifying.h"

enum {
    ROWS_MEMORY = 32 * 1024 * 1024,
    LOOK_AT_ONCE = 1000,
    /* How well two clocks are compared, and how long after its version a run reads the clock. */
    MARGIN_US = 1000 * 1000,
};

static int clock_of(struct pg *pg, int64_t *ret_us, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(pg, sql_source_clock_us, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_us = pg_int(rows, 0, "us");
    return 0;
}

/* How far the source's clock is ahead of the history's, which versions are made of; by the quickest
 * of a few answers. */
static int compare_clocks(struct verifying *verifying, int64_t *ret_us, struct error *err)
{
    enum { TRIES = 3 };
    int64_t quickest = INT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        int64_t before, source, after;
        if (clock_of(verifying->context->history->pg, &before, err) < 0 ||
            clock_of(verifying->source->pg, &source, err) < 0 ||
            clock_of(verifying->context->history->pg, &after, err) < 0)
            return -1;
        if (after - before < quickest)
            *ret_us = source - before - (after - before) / 2;
        quickest = after - before < quickest ? after - before : quickest;
    }
    return 0;
}

static int read_rows(struct staleness *staleness, struct error *err)
{
    struct source *source = staleness->verifying->source;
    for (;;) {
        struct span id;
        int64_t time;
        switch (source_next_changed_key(source, &id, &time, err)) {
        case PG_COPY_ROWS:
            freshness_expect(&staleness->freshness, id, time - staleness->ahead_us - MARGIN_US);
            break;
        case PG_COPY_WAIT:
            if (source_wait(source, err) < 0)
                return -1;
            break;
        case PG_COPY_END:
            freshness_ready(&staleness->freshness);
            return 0;
        default:
            return -1;
        }
    }
}

/* No document is older than its instance, and so none can be older than a row that did not change
 * since. */
static int expect_rows(struct staleness *staleness, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    struct source *source = staleness->verifying->source;
    const struct instance *instance = staleness->verifying->instance;
    /* An update may have moved it since the instance was looked up. */
    if (history_query(staleness->verifying->context->history, sql_history_verify_instance,
                      PG_VALUES(pg_number(instance->id).text), &rows, err) < 0)
        return -1;
    const char *changed_through = pg_text(rows, 0, "changed_through");
    if (!changed_through)
        return 0;
    if (source_begin(source, err) < 0 ||
        source_read_changed_keys(source, instance->created_at, changed_through, err) < 0 ||
        read_rows(staleness, err) < 0)
        return -1;
    return source_end(source, err);
}

int staleness_open(struct staleness *staleness, struct verifying *verifying, struct error *err)
{
    *staleness = (struct staleness){
        .verifying = verifying,
        .applies = verifying->source->columns.has_changed_at &&
                   verifying->instance->changed_through != NULL,
    };
    if (freshness_open(&staleness->freshness, ROWS_MEMORY, err) < 0)
        return -1;
    if (!staleness->applies)
        return 0;
    if (compare_clocks(verifying, &staleness->ahead_us, err) < 0)
        return -1;
    return expect_rows(staleness, err);
}

void staleness_release(struct staleness *staleness)
{
    freshness_release(&staleness->freshness);
    texts_free(staleness->ids, staleness->id_count);
}

void staleness_note(struct staleness *staleness, const struct sided_key *key)
{
    if (!freshness_is_stale(&staleness->freshness, key->id, key->version))
        return;
    if (staleness->id_count >= DIFFERENCES_MOST) {
        staleness->too_many = true;
        return;
    }
    staleness->ids = x_grow(staleness->ids, staleness->id_count, &staleness->id_capacity,
                            sizeof(*staleness->ids));
    staleness->ids[staleness->id_count++] = x_strndup(key->id.data, key->id.length);
}

bool staleness_next(struct staleness *staleness, int *ret_result, struct error *err)
{
    if (!staleness->applies || !freshness_next(&staleness->freshness))
        return false;
    *ret_result = expect_rows(staleness, err);
    return true;
}

/* A row may have been touched without a change to its document: that is no difference. */
static void judge(struct staleness *staleness, const char *id, const struct looked *looked,
                  struct check *check)
{
    if (looked->verdict == LOOK_PENDING)
        verify_pends(staleness->verifying, id);
    if (looked->verdict != LOOK_DIFFERENT)
        return;
    staleness->stale++;
    check_add_sample(check, "id", id, "is older than its _changed_at");
    verify_differs(staleness->verifying, id);
}

int staleness_look(struct staleness *staleness, struct check *check, struct error *err)
{
    struct verifying *verifying = staleness->verifying;
    staleness->id_count = texts_unique(staleness->ids, staleness->id_count);
    for (size_t start = 0; start < staleness->id_count; start += LOOK_AT_ONCE) {
        size_t left = staleness->id_count - start;
        size_t count = left < LOOK_AT_ONCE ? left : LOOK_AT_ONCE;
        const char *const *ids = (const char *const *)staleness->ids + start;
        struct looked *looked = x_calloc(count, sizeof(*looked));
        int result = look_at(&verifying->look, ids, count, looked, err);
        for (size_t i = 0; i < count && result == 0; i++)
            judge(staleness, ids[i], &looked[i], check);
        looked_free(looked, count);
        if (result < 0)
            return -1;
    }
    return 0;
}
