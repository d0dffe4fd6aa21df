#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/retry.h"
#include "sql.h"
#include "usecases/rejected.h"
#include "usecases/verifying.h"

enum { PASS_MEMORY = 64 * 1024 * 1024, LOOK_AT_ONCE = 1000 };

/* What the passes over all ids bring together. */
struct passes {
    struct verifying *verifying;
    struct id_comparison comparison;
    struct staleness staleness;
    unsigned short chance[3]; /* the state of erand48() */
    int64_t read_version;     /* as last looked up */
    int64_t indexed;          /* _count, after the first pass */
    struct check *ids, *versions;
    int64_t missing, left_over, different, rejected, pending, duplicates, unissued, newest;
};

void verify_differs(struct verifying *verifying, const char *id)
{
    if (verifying->differing_count >= DIFFERENCES_MOST)
        return;
    verifying->differing = x_grow(verifying->differing, verifying->differing_count,
                                  &verifying->differing_capacity, sizeof(*verifying->differing));
    verifying->differing[verifying->differing_count++] = x_strdup(id);
}

void verify_pends(struct verifying *verifying, const char *id)
{
    if (verifying->pending_count >= DIFFERENCES_MOST)
        return;
    verifying->pending = x_grow(verifying->pending, verifying->pending_count,
                                &verifying->pending_capacity, sizeof(*verifying->pending));
    verifying->pending[verifying->pending_count++] = x_strdup(id);
}

/* ---- the first pass ---- */

/* A random sample of all ids in one reading (Vitter's algorithm R, "Random Sampling with a
 * Reservoir", 1985). `number` counts from 1. */
static void sample(struct passes *passes, struct span id, int64_t number)
{
    struct verifying *verifying = passes->verifying;
    size_t place = verifying->sample_count;
    if (number <= verifying->request->sample) {
        verifying->sample_count++;
    } else {
        double chance = erand48(passes->chance);
        place = (size_t)(chance * (double)number);
        if (place >= verifying->sample_count)
            return;
        free(verifying->sample[place]);
    }
    verifying->sample[place] = x_strndup(id.data, id.length);
}

/* The version is above all that were issued when it was last asked; an update may have begun since.
 */
static int check_version(struct passes *passes, const struct sided_key *key, struct error *err)
{
    struct verifying *verifying = passes->verifying;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (key->version > passes->newest)
        passes->newest = key->version;
    if (key->version <= passes->read_version)
        return 0;
    if (history_query(verifying->context->history, sql_history_instance_read_version,
                      PG_VALUES(pg_number(verifying->instance->id).text), &rows, err) < 0)
        return -1;
    passes->read_version = pg_int(rows, 0, "read_version");
    if (key->version <= passes->read_version)
        return 0;
    _cleanup_free_ char *id = x_strndup(key->id.data, key->id.length);
    _cleanup_free_ char *problem = x_printf("has _version %s", pg_number(key->version).text);
    passes->unissued++;
    check_add_sample(passes->versions, "id", id, problem);
    verify_differs(verifying, id);
    return 0;
}

static int note_key(void *data, const struct sided_key *key, struct error *err)
{
    struct passes *passes = data;
    id_comparison_note(&passes->comparison, key);
    passes->verifying->meter.now.done = passes->comparison.ids[SIDE_SOURCE];
    if (key->side == SIDE_INDEX) {
        staleness_note(&passes->staleness, key);
        return check_version(passes, key, err);
    }
    sample(passes, key->id, passes->comparison.ids[SIDE_SOURCE]);
    return 0;
}

static int read_both(struct passes *passes, visit_key *visit, struct error *err)
{
    struct verifying *verifying = passes->verifying;
    struct engine *engine = verifying->context->engine;
    const char *index = verifying->instance->index_name;
    if (engine_refresh(engine, index, err) < 0 || source_begin(verifying->source, err) < 0 ||
        both_sides_read(verifying->source, engine, index, verifying->look.window, visit, passes,
                        err) < 0)
        return -1;
    return source_end(verifying->source, err);
}

/* ---- the others, of what differs ---- */

static int keep_key(void *data, const struct sided_key *key, struct error *err)
{
    struct passes *passes = data;
    return id_comparison_keep(&passes->comparison, key, err);
}

static void judge(struct passes *passes, const struct differing_key *key,
                  const struct looked *looked)
{
    static const char *const problems[] = {
        [LOOK_MISSING] = "is missing",
        [LOOK_LEFT_OVER] = "is left over",
        [LOOK_DIFFERENT] = "differs",
    };
    struct verifying *verifying = passes->verifying;
    passes->missing += looked->verdict == LOOK_MISSING;
    passes->left_over += looked->verdict == LOOK_LEFT_OVER;
    passes->different += looked->verdict == LOOK_DIFFERENT;
    passes->rejected += looked->verdict == LOOK_REJECTED;
    verifying->not_indexed += looked->verdict == LOOK_REJECTED && looked->version < 0;
    passes->pending += looked->verdict == LOOK_PENDING;
    if (looked->verdict == LOOK_PENDING)
        verify_pends(verifying, key->id);
    bool same = looked->verdict == LOOK_SAME || looked->verdict == LOOK_UNSTABLE;
    if (same && key->count[SIDE_SOURCE] > 1) {
        passes->duplicates++;
        check_add_sample(passes->ids, "id", key->id, "is there more than once in the source");
    } else if (looked->verdict < ARRAY_SIZE(problems) && problems[looked->verdict]) {
        check_add_sample(passes->ids, "id", key->id, problems[looked->verdict]);
        verify_differs(verifying, key->id);
    }
}

static int look_closely(struct passes *passes, struct differing_key *keys, size_t count,
                        struct error *err)
{
    for (size_t start = 0; start < count; start += LOOK_AT_ONCE) {
        size_t batch = count - start < LOOK_AT_ONCE ? count - start : LOOK_AT_ONCE;
        const char *ids[LOOK_AT_ONCE];
        for (size_t i = 0; i < batch; i++)
            ids[i] = keys[start + i].id;
        struct looked *looked = x_calloc(batch, sizeof(*looked));
        int result = look_at(&passes->verifying->look, ids, batch, looked, err);
        for (size_t i = 0; i < batch && result == 0; i++)
            judge(passes, &keys[start + i], &looked[i]);
        looked_free(looked, batch);
        if (result < 0)
            return -1;
    }
    return 0;
}

static int note_stale(void *data, const struct sided_key *key, struct error *err)
{
    struct passes *passes = data;
    (void)err;
    if (key->side == SIDE_INDEX)
        staleness_note(&passes->staleness, key);
    return 0;
}

static int find_stale(struct passes *passes, struct error *err)
{
    int result = 0;
    while (staleness_next(&passes->staleness, &result, err))
        if (result < 0 || read_both(passes, note_stale, err) < 0)
            return -1;
    return staleness_look(&passes->staleness, passes->versions, err);
}

static bool too_many(const struct passes *passes)
{
    return passes->verifying->differing_count >= DIFFERENCES_MOST;
}

static int read_differing(struct passes *passes, struct error *err)
{
    while (!too_many(passes) && id_comparison_choose(&passes->comparison, PASS_MEMORY)) {
        struct differing_key *keys = NULL;
        if (read_both(passes, keep_key, err) < 0)
            return -1;
        size_t count = id_comparison_differing(&passes->comparison, &keys);
        int result = look_closely(passes, keys, count, err);
        differing_keys_free(keys, count);
        if (result < 0)
            return -1;
    }
    return 0;
}

/* ---- results ---- */

static int end_ids(struct passes *passes, int64_t began, struct error *err)
{
    struct verifying *verifying = passes->verifying;
    struct check *check = passes->ids;
    int64_t *ids = passes->comparison.ids;
    int64_t ms = clock_ms() - began;
    struct buffer found = check_take_words(check);
    check_number(check, "source", ids[SIDE_SOURCE]);
    check_number(check, "index", ids[SIDE_INDEX]);
    check_number(check, "missing", passes->missing);
    check_number(check, "left_over", passes->left_over);
    if (passes->different)
        check_number(check, "different", passes->different);
    if (passes->duplicates)
        check_number(check, "duplicates", passes->duplicates);
    check_number(check, "rejected", passes->rejected);
    check_number(check, "pending", passes->pending);
    check_number(check, "ms", ms);
    check_give_words(check, &found);
    if (too_many(passes))
        buffer_text(&check->words, "; and more, which were not looked for");
    if (passes->missing || passes->left_over || passes->different || passes->duplicates)
        check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, check, err);
}

static int end_versions(struct passes *passes, struct error *err)
{
    struct check *check = passes->versions;
    struct buffer found = check_take_words(check);
    check_number(check, "never_issued", passes->unissued);
    if (passes->staleness.applies)
        check_number(check, "stale", passes->staleness.stale);
    check_number(check, "newest", passes->newest);
    check_number(check, "issued", passes->read_version);
    _cleanup_free_ char *time = time_rfc3339(passes->verifying->instance->changed_through);
    _cleanup_free_ char *quoted = time ? x_printf("\"%s\"", time) : x_strdup("null");
    check_value(check, "changed_through", quoted);
    check_give_words(check, &found);
    if (passes->staleness.too_many)
        buffer_text(&check->words, "; and more, which were not looked for");
    if (passes->unissued || passes->staleness.stale)
        check->verdict = VERIFIED_FAILED;
    return check_end(passes->verifying->run, passes->verifying->result, check, err);
}

/* What the engine counts by other means than reading them. Where it is not what the source has,
 * each id that differs was looked at: what is not confirmed was under way. */
static int verify_counts(struct passes *passes, struct error *err)
{
    struct verifying *verifying = passes->verifying;
    struct check *check = check_begin(verifying->result, "counts", CHECK_CRITICAL);
    int64_t expected = passes->comparison.ids[SIDE_SOURCE] - verifying->not_indexed;
    int64_t off = passes->indexed - expected;
    check_number(check, "expected", expected);
    check_number(check, "found", passes->indexed);
    if (off && passes->pending)
        check_number(check, "under_way", off - (passes->left_over - passes->missing));
    if (off && (too_many(passes) || off == passes->left_over - passes->missing))
        check->verdict = VERIFIED_FAILED;
    else if (off && passes->indexed != passes->comparison.ids[SIDE_INDEX])
        check_skip(check, "the index is written to meanwhile");
    return check_end(verifying->run, verifying->result, check, err);
}

static int run_passes(struct passes *passes, struct error *err)
{
    struct verifying *verifying = passes->verifying;
    int64_t began = clock_ms();
    if (staleness_open(&passes->staleness, verifying, err) < 0 ||
        read_both(passes, note_key, err) < 0 ||
        engine_count(verifying->context->engine, verifying->instance->index_name, &passes->indexed,
                     err) < 0 ||
        read_differing(passes, err) < 0 || find_stale(passes, err) < 0)
        return -1;
    if (end_ids(passes, began, err) < 0 || end_versions(passes, err) < 0)
        return -1;
    return verify_counts(passes, err);
}

int verify_ids(struct verifying *verifying, struct error *err)
{
    struct passes passes = {
        .verifying = verifying,
        .read_version = verifying->instance->read_version,
        .chance = {(unsigned short)clock_ms(), (unsigned short)getpid()},
    };
    verifying->not_indexed = 0;
    /* The second of two may move the first. */
    check_begin(verifying->result, "ids", CHECK_CRITICAL);
    passes.versions = check_begin(verifying->result, "versions", CHECK_CRITICAL);
    passes.ids = passes.versions - 1;
    if (id_comparison_open(&passes.comparison, err) < 0)
        return -1;
    int result = run_passes(&passes, err);
    staleness_release(&passes.staleness);
    id_comparison_release(&passes.comparison);
    return result;
}

/* ---- rejections ---- */

int verify_rejected(struct verifying *verifying, struct error *err)
{
    int64_t open = 0;
    struct check *check = check_begin(verifying->result, "rejected", CHECK_CRITICAL);
    if (rejected_count(verifying->context, verifying->instance->id, &open, err) < 0)
        return -1;
    check_number(check, "open", open);
    check_number(check, "allowed", verifying->request->max_rejected);
    if (open > verifying->request->max_rejected)
        check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, check, err);
}
