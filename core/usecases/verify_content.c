#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "sql.h"
#include "usecases/verifying.h"

enum { UNUSUAL = 10, LOOK_AT_ONCE = 1000 };

/* What is compared, and what came of it. */
struct contents {
    struct verifying *verifying;
    struct check *check;
    int64_t compared, different, pending, rejected;
    int64_t unstable;
    char *examples[CHECK_SAMPLES], *fields[CHECK_SAMPLES]; /* of those: ids, and where */
};

/* Ids with a trait, or the longest documents: a few of each. */
struct few {
    char *ids[UNUSUAL];
    int64_t bytes[UNUSUAL];
    size_t count;
};

struct id_list {
    char **ids;
    size_t count, capacity;
};

static void add(struct id_list *list, char *id)
{
    list->ids = x_grow(list->ids, list->count, &list->capacity, sizeof(char *));
    list->ids[list->count++] = id;
}

/* ---- whether it can be compared ---- */

/* Why what the engine keeps is not what was sent to it, or NULL; the caller's. */
static int find_obstacle(const struct verifying *verifying, const char **ret_why, struct error *err)
{
    const struct content *content = &verifying->instance->content;
    _cleanup_(json_freep) json *body = json_parse(content->body, strlen(content->body), err);
    if (!body)
        return -1;
    *ret_why = json_is_object(JSON_PATH(body, "mappings", "_source"))
                   ? "the mapping decides what is kept of a document (_source)"
                   : NULL;
    for (size_t i = 0; i < 2 && !*ret_why; i++) {
        const char *name = i ? "final_pipeline" : "default_pipeline";
        _cleanup_free_ char *pipeline = content_pipeline(content, name, err);
        if (error_is_set(err))
            return -1;
        if (pipeline)
            *ret_why = "a pipeline changes the documents";
    }
    return 0;
}

/* ---- which ones ---- */

static void keep_long(struct few *few, struct span id, int64_t bytes)
{
    size_t place = few->count;
    if (few->count == UNUSUAL) {
        place = 0;
        for (size_t i = 1; i < UNUSUAL; i++)
            if (few->bytes[i] < few->bytes[place])
                place = i;
        if (few->bytes[place] >= bytes)
            return;
        free(few->ids[place]);
    } else {
        few->count++;
    }
    few->ids[place] = x_strndup(id.data, id.length);
    few->bytes[place] = bytes;
}

static void keep_unusual(struct few *kinds, struct span id, int64_t traits, int64_t bytes)
{
    for (size_t i = 0; i < TRAIT_COUNT; i++)
        if ((traits & 1 << i) && kinds[i].count < UNUSUAL)
            kinds[i].ids[kinds[i].count++] = x_strndup(id.data, id.length);
    keep_long(&kinds[TRAIT_COUNT], id, bytes);
}

/* One pass over all documents, which the server looks at. */
static int read_unusual(struct source *source, struct few *kinds, struct error *err)
{
    if (source_read_traits(source, err) < 0)
        return -1;
    for (;;) {
        struct span id;
        int64_t traits, bytes;
        switch (source_next_traits(source, &id, &traits, &bytes, err)) {
        case PG_COPY_ROWS:
            keep_unusual(kinds, id, traits, bytes);
            break;
        case PG_COPY_WAIT:
            if (source_wait(source, err) < 0)
                return -1;
            break;
        case PG_COPY_END:
            return 0;
        default:
            return -1;
        }
    }
}

static int add_latest(struct verifying *verifying, struct id_list *list, struct error *err)
{
    char **ids = NULL;
    size_t count = 0;
    if (source_latest_ids(verifying->source, verifying->instance->changed_through,
                          (size_t)verifying->request->sample, &ids, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        add(list, ids[i]);
    free(ids);
    return 0;
}

/* Some at random, those that changed last, and some unusual ones. */
static int choose(struct verifying *verifying, struct id_list *list, struct error *err)
{
    struct few kinds[TRAIT_COUNT + 1] = {};
    for (size_t i = 0; i < verifying->sample_count; i++)
        add(list, x_strdup(verifying->sample[i]));
    if (source_begin(verifying->source, err) < 0 || add_latest(verifying, list, err) < 0)
        return -1;
    int result = read_unusual(verifying->source, kinds, err);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        for (size_t j = 0; j < kinds[i].count; j++)
            add(list, kinds[i].ids[j]);
    list->count = texts_unique(list->ids, list->count);
    return result < 0 ? -1 : source_end(verifying->source, err);
}

/* ---- comparing ---- */

static void add_unstable(struct contents *contents, const char *id, const char *field)
{
    if (contents->unstable < CHECK_SAMPLES) {
        contents->examples[contents->unstable] = x_strdup(id);
        contents->fields[contents->unstable] = x_strdup(field);
    }
    contents->unstable++;
}

static void judge(struct contents *contents, const char *id, const struct looked *looked)
{
    if (looked->version < 0)
        return; /* what is missing or left over is the business of the ids */
    contents->verifying->meter.now.done = ++contents->compared;
    contents->pending += looked->verdict == LOOK_PENDING;
    contents->rejected += looked->verdict == LOOK_REJECTED;
    if (looked->verdict == LOOK_PENDING)
        verify_pends(contents->verifying, id);
    if (looked->verdict == LOOK_UNSTABLE)
        add_unstable(contents, id, looked->field);
    if (looked->verdict != LOOK_DIFFERENT)
        return;
    _cleanup_free_ char *problem = *looked->field ? x_printf("differs in %s", looked->field) : NULL;
    contents->different++;
    check_add_sample(contents->check, "id", id, problem ? problem : "differs");
    verify_differs(contents->verifying, id);
}

static int compare(struct contents *contents, char *const *ids, size_t count, struct error *err)
{
    struct looked *looked = x_calloc(count, sizeof(*looked));
    int result = look_at(&contents->verifying->look, (const char *const *)ids, count, looked, err);
    for (size_t i = 0; i < count && result == 0; i++)
        judge(contents, ids[i], &looked[i]);
    looked_free(looked, count);
    return result;
}

static int compare_some(struct contents *contents, struct error *err)
{
    struct id_list list = {};
    int result = choose(contents->verifying, &list, err);
    for (size_t start = 0; start < list.count && result == 0; start += LOOK_AT_ONCE) {
        size_t count = list.count - start < LOOK_AT_ONCE ? list.count - start : LOOK_AT_ONCE;
        result = compare(contents, list.ids + start, count, err);
    }
    texts_free(list.ids, list.count);
    return result;
}

static int compare_list(struct contents *contents, struct id_list *list, struct error *err)
{
    if (!list->count)
        return 0;
    list->count = texts_unique(list->ids, list->count);
    int result = compare(contents, list->ids, list->count, err);
    for (size_t i = 0; i < list->count; i++)
        free(list->ids[i]);
    list->count = 0;
    return result;
}

/* The ids come over a connection of their own, some at a time. */
static int compare_read(struct contents *contents, struct source *ids, struct id_list *list,
                        struct error *err)
{
    for (;;) {
        struct span id, routing;
        switch (source_next_key(ids, &id, &routing, err)) {
        case PG_COPY_ROWS:
            add(list, x_strndup(id.data, id.length));
            if (list->count == LOOK_AT_ONCE && compare_list(contents, list, err) < 0)
                return -1;
            break;
        case PG_COPY_WAIT:
            if (source_wait(ids, err) < 0)
                return -1;
            break;
        case PG_COPY_END:
            return compare_list(contents, list, err);
        default:
            return -1;
        }
    }
}

static int compare_all(struct contents *contents, struct error *err)
{
    struct verifying *verifying = contents->verifying;
    _cleanup_(source_closep) struct source *ids = NULL;
    struct id_list list = {};
    if (feed_open_source(verifying->context, verifying->instance, &verifying->options, &ids, err) <
            0 ||
        source_begin(ids, err) < 0 || source_read_keys(ids, err) < 0)
        return -1;
    int result = compare_read(contents, ids, &list, err);
    texts_free(list.ids, list.count);
    return result < 0 ? -1 : source_end(ids, err);
}

static int end_content(struct contents *contents, struct error *err)
{
    struct verifying *verifying = contents->verifying;
    struct check *check = contents->check;
    struct buffer found = check_take_words(check);
    check_number(check, "compared", contents->compared);
    check_number(check, "different", contents->different);
    check_number(check, "rejected", contents->rejected);
    check_number(check, "pending", contents->pending);
    check_give_words(check, &found);
    if (contents->different)
        check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, check, err);
}

/* A field that is now() or random() is another one in the index by nature: no failure, but nobody
 * can prove it. */
static int end_unstable(struct contents *contents, struct error *err)
{
    struct verifying *verifying = contents->verifying;
    struct check *check = check_begin(verifying->result, "unstable_fields", CHECK_WARNING);
    check_number(check, "documents", contents->unstable);
    for (int64_t i = 0; i < contents->unstable && i < CHECK_SAMPLES; i++) {
        _cleanup_free_ char *problem =
            x_printf("differs in %s, which documents.sql returns anew with each reading",
                     contents->fields[i]);
        check_add_sample(check, "id", contents->examples[i], problem);
    }
    if (contents->unstable)
        check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, check, err);
}

static void contents_release(struct contents *contents)
{
    for (size_t i = 0; i < CHECK_SAMPLES; i++) {
        free(contents->examples[i]);
        free(contents->fields[i]);
    }
}

int verify_content(struct verifying *verifying, struct error *err)
{
    _cleanup_(contents_release) struct contents contents = {
        .verifying = verifying,
        .check = check_begin(verifying->result, "content", CHECK_CRITICAL),
    };
    struct check *check = contents.check;
    const char *obstacle = NULL;
    if (find_obstacle(verifying, &obstacle, err) < 0)
        return -1;
    if (obstacle) {
        check_skip(check, obstacle);
        return check_end(verifying->run, verifying->result, check, err);
    }
    bool all = verifying->request->all_content;
    if ((all ? compare_all(&contents, err) : compare_some(&contents, err)) < 0)
        return -1;
    return end_content(&contents, err) < 0 ? -1 : end_unstable(&contents, err);
}
