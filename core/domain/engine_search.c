#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "domain/engine.h"

/* ---- documents ---- */

void engine_documents_free(struct engine_document *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].id);
        free(list[i].routing);
    }
    free(list);
}

int engine_shards_missing(const char *doing, struct error *err)
{
    error_set(err, ERR_ENGINE, "engine: %s: not all shards of the index answered", doing);
    return error_hint(err,
                      "See its shards with GET _cat/shards. Run the same command again when all "
                      "primaries are started.");
}

int engine_check_shards(json *answer, const char *doing, struct error *err)
{
    json *shards = json_get(answer, "_shards");
    if (!json_flag(json_get(answer, "timed_out"), false) &&
        json_int(json_get(shards, "failed"), 0) == 0 &&
        json_int(json_get(shards, "successful"), -1) == json_int(json_get(shards, "total"), 0))
        return 0;
    return engine_shards_missing(doing, err);
}

/* The documents of a search; *ret_total (may be NULL): how many there are beyond the page, too. */
static int read_page(struct engine *engine, const char *path, const char *body, const char *doing,
                     struct engine_document **ret_list, size_t *ret_count, size_t *ret_total,
                     struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    if (engine_ask(engine, path, body, doing, &answer, err) < 0)
        return -1;
    if (engine_check_shards(answer, doing, err) < 0)
        return -1;
    json *hits = JSON_PATH(answer, "hits", "hits");
    size_t count = json_length(hits);
    struct engine_document *list = x_calloc(count, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        json *hit = json_at(hits, i);
        list[i].id = x_strdup(json_text(json_get(hit, "_id"), ""));
        list[i].routing = x_strdup(json_text(json_get(hit, "_routing"), NULL));
        json *sort = json_get(hit, "sort");
        list[i].seq_no = json_length(sort) ? json_int(json_at(sort, 0), -1) : -1;
    }
    *ret_list = list;
    *ret_count = count;
    if (ret_total)
        *ret_total = (size_t)json_int(JSON_PATH(answer, "hits", "total", "value"), 0);
    return 0;
}

int engine_documents(struct engine *engine, const char *index, size_t shard, int64_t after,
                     int64_t upto, size_t limit, struct engine_document **ret_list,
                     size_t *ret_count, struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_search?preference=_shards:%zu", escaped, shard);
    _cleanup_free_ char *body =
        x_printf("{\"size\":%zu,\"_source\":false,\"stored_fields\":[\"_routing\"],"
                 "\"sort\":[{\"_seq_no\":\"asc\"}],\"track_total_hits\":false,"
                 "\"query\":{\"range\":{\"_seq_no\":{\"gt\":%" PRId64 ",\"lte\":%" PRId64 "}}}}",
                 limit, after, upto);
    _cleanup_free_ char *doing = x_printf("read ids of \"%s\"", index);
    return read_page(engine, path, body, doing, ret_list, ret_count, NULL, err);
}

int engine_documents_with(struct engine *engine, const char *index, const char *const *ids,
                          size_t count, size_t limit, struct engine_document **ret_list,
                          size_t *ret_count, size_t *ret_total, struct error *err)
{
    _cleanup_(buffer_release) struct buffer body = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_search", escaped);
    _cleanup_free_ char *doing = x_printf("look up documents of \"%s\"", index);
    buffer_printf(&body,
                  "{\"size\":%zu,\"_source\":false,\"stored_fields\":[\"_routing\"],"
                  "\"track_total_hits\":true,\"query\":{\"ids\":{\"values\":[",
                  limit);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_char(&body, ',');
        json_write_string(&body, ids[i], strlen(ids[i]));
    }
    buffer_text(&body, "]}}}");
    return read_page(engine, path, buffer_cstr(&body), doing, ret_list, ret_count, ret_total, err);
}

int engine_window(struct engine *engine, const char *index, size_t most, size_t *ret_window,
                  struct error *err)
{
    static const char *const names[] = {"index.max_result_window"};
    _cleanup_free_ char *settings = NULL;
    if (engine_get_settings(engine, index, names, 1, &settings, err) < 0)
        return -1;
    _cleanup_(json_freep) json *found = json_parse(settings, strlen(settings), err);
    long window = strtol(json_text(json_get(found, names[0]), "10000"), NULL, 10);
    *ret_window = window > 0 && (size_t)window < most ? (size_t)window : most;
    return found ? 0 : -1;
}

/* ---- writes of others ---- */

enum writes {
    WRITES_NONE,
    WRITES_UNDER_WAY,
    WRITES_UNKNOWN, /* not every node has answered */
};

/* Of bulk requests through one of the index's write aliases. */
static int find_writes(struct engine *engine, const char *index, enum writes *ret_writes,
                       struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    /* "requests[1000], indices[qa_course_search-2.W1]" */
    _cleanup_free_ char *written = x_printf("indices[%s.W", index);
    if (engine_ask(engine, "/_tasks?actions=indices:data/write/bulk&detailed=true&group_by=none",
                   NULL, "list tasks", &answer, err) < 0)
        return -1;
    json *tasks = json_get(answer, "tasks");
    bool complete = json_length(json_get(answer, "node_failures")) == 0 &&
                    json_length(json_get(answer, "task_failures")) == 0;
    *ret_writes = complete ? WRITES_NONE : WRITES_UNKNOWN;
    for (size_t i = 0; i < json_length(tasks); i++)
        if (strstr(json_text(json_get(json_at(tasks, i), "description"), ""), written))
            *ret_writes = WRITES_UNDER_WAY;
    return 0;
}

static int still_written(const char *index, enum writes writes, struct error *err)
{
    if (writes == WRITES_UNKNOWN) {
        error_set(err, ERR_ENGINE,
                  "engine: not all nodes tell whether a request of an earlier run still writes to "
                  "\"%s\"",
                  index);
        return error_hint(err, "See node_failures in GET _tasks, and GET _cat/nodes. Run the same "
                               "command again when all nodes answer.");
    }
    error_set(err, ERR_ENGINE, "engine: a request of an earlier run still writes to \"%s\"", index);
    return error_hint(err, "Run the same command again when it has ended.");
}

int engine_wait_written(struct engine *engine, const char *index, struct error *err)
{
    enum { LONGEST_MS = 90 * 1000, EVERY_MS = 50 };
    for (int64_t began = clock_ms();;) {
        enum writes writes;
        if (find_writes(engine, index, &writes, err) < 0) {
            if (!engine_refused(err))
                return -1;
            error_release(err); /* the user may not see tasks */
            return 0;
        }
        if (writes == WRITES_NONE)
            return 0;
        if (clock_ms() - began > LONGEST_MS)
            return still_written(index, writes, err);
        if (stop_sleep(EVERY_MS, err) < 0)
            return -1;
    }
}
