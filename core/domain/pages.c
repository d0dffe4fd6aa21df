#include "domain/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "clients/json_text.h"

enum { TIMEOUT_S = 300 };

static const char json_type[] = "application/json";
static const char kept_alive[] = "10m"; /* between two pages */

void page_release(struct page *page)
{
    buffer_release(&page->text);
    free(page->hits);
    *page = (struct page){};
}

/* What an answer says besides its hits. */
struct frame {
    struct span scroll_id, hits;
    bool incomplete; /* a shard is missing or failed */
};

/* A shard that is not there is none that failed. */
static bool misses_shards(struct span shards)
{
    int64_t total = json_text_int(json_member(shards, "total"), 0);
    return json_text_int(json_member(shards, "failed"), 1) > 0 ||
           json_text_int(json_member(shards, "successful"), -1) != total;
}

static struct frame read_frame(const struct buffer *text)
{
    struct frame frame = {};
    struct json_cursor cursor = json_cursor((struct span){buffer_cstr(text), text->length});
    struct span key = {}, value = {};
    while (json_next_member(&cursor, &key, &value)) {
        if (strncmp(key.data, "\"_scroll_id\"", key.length) == 0)
            frame.scroll_id = json_text_string(value);
        else if (strncmp(key.data, "\"timed_out\"", key.length) == 0)
            frame.incomplete = frame.incomplete || *value.data != 'f';
        else if (strncmp(key.data, "\"_shards\"", key.length) == 0)
            frame.incomplete = frame.incomplete || misses_shards(value);
        else if (strncmp(key.data, "\"hits\"", key.length) == 0)
            frame.hits = json_member(value, "hits");
    }
    return frame;
}

static void read_hits(struct page *page, struct span hits)
{
    struct json_cursor cursor = json_cursor(hits);
    struct span hit = {}, key = {}, value = {};
    page->count = 0;
    while (json_next_element(&cursor, &hit)) {
        struct page_hit *read = NULL;
        struct json_cursor members = json_cursor(hit);
        page->hits = x_grow(page->hits, page->count, &page->capacity, sizeof(*page->hits));
        read = &page->hits[page->count++];
        *read = (struct page_hit){.version = -1};
        while (json_next_member(&members, &key, &value)) {
            if (strncmp(key.data, "\"_id\"", key.length) == 0)
                read->id = json_text_string(value);
            else if (strncmp(key.data, "\"_version\"", key.length) == 0)
                read->version = json_text_int(value, -1);
            else if (strncmp(key.data, "\"_routing\"", key.length) == 0)
                read->routing = json_text_string(value);
            else if (strncmp(key.data, "\"_source\"", key.length) == 0)
                read->source = value;
        }
    }
}

/* Moves the answer of an ended request into the page. */
static int take_text(struct http_request *request, const char *doing, struct page *page,
                     struct frame *ret_frame, struct error *err)
{
    if (request->failure || request->redirect || request->status >= 400)
        return engine_answer_error(request, doing, err);
    buffer_release(&page->text);
    page->text = TAKE(request->response);
    *ret_frame = read_frame(&page->text);
    return ret_frame->incomplete ? engine_shards_missing(doing, err) : 0;
}

/* ---- all of an index ---- */

static int ask(struct scroll *scroll, char *path, char *body, struct error *err)
{
    http_request_release(&scroll->request);
    free(scroll->path);
    free(scroll->body);
    scroll->path = path;
    scroll->body = body;
    scroll->request = (struct http_request){
        .method = "POST",
        .path = path,
        .content_type = json_type,
        .body = body,
        .body_length = strlen(body),
        .timeout_s = TIMEOUT_S,
    };
    if (http_start(scroll->engine->http, &scroll->request, err) < 0)
        return -1;
    scroll->asked = true;
    return 0;
}

#define FILTER                                                                                     \
    "filter_path=_scroll_id,timed_out,_shards.total,_shards.successful,_shards.failed,"            \
    "hits.hits._id,hits.hits._version,hits.hits._routing"

int scroll_open(struct scroll *scroll, struct engine *engine, const char *index, size_t size,
                struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    *scroll = (struct scroll){
        .engine = engine,
        .doing = x_printf("read ids of \"%s\"", index),
    };
    return ask(scroll, x_printf("/%s/_search?scroll=%s&" FILTER, escaped, kept_alive),
               x_printf("{\"size\":%zu,\"sort\":[\"_doc\"],\"_source\":false,\"version\":true,"
                        "\"stored_fields\":[\"_routing\"]}",
                        size),
               err);
}

int scroll_take(struct scroll *scroll, struct page *page, struct error *err)
{
    struct frame frame = {};
    scroll->asked = false;
    if (take_text(&scroll->request, scroll->doing, page, &frame, err) < 0) {
        if (err->http_code == 404 && scroll->id)
            error_hint(err, "The engine has forgotten the search. Run the same command again.");
        return -1;
    }
    free(scroll->id);
    scroll->id = x_strndup(frame.scroll_id.data, frame.scroll_id.length);
    scroll->ended = !frame.hits.data;
    if (!scroll->ended &&
        ask(scroll, x_strdup("/_search/scroll?" FILTER),
            x_printf("{\"scroll\":\"%s\",\"scroll_id\":\"%s\"}", kept_alive, scroll->id), err) < 0)
        return -1;
    read_hits(page, frame.hits);
    return 0;
}

void scroll_close(struct scroll *scroll)
{
    _cleanup_(error_release) struct error ignored = {};
    if (scroll->asked)
        http_abort(scroll->engine->http, &scroll->request);
    http_request_release(&scroll->request);
    if (scroll->id) {
        _cleanup_free_ char *body = x_printf("{\"scroll_id\":\"%s\"}", scroll->id);
        struct http_request request = {
            .method = "DELETE",
            .path = "/_search/scroll",
            .content_type = json_type,
            .body = body,
            .body_length = strlen(body),
        };
        http_perform(scroll->engine->http, &request, &ignored);
        http_request_release(&request);
    }
    free(scroll->path);
    free(scroll->body);
    free(scroll->id);
    free(scroll->doing);
    *scroll = (struct scroll){};
}

/* ---- some documents ---- */

/* Without filter_path, which would have the engine write numbers of a document in its own way. */
int page_look_up(struct engine *engine, const char *index, const char *const *ids, size_t count,
                 size_t size, struct page *page, struct error *err)
{
    _cleanup_(buffer_release) struct buffer body = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_search", escaped);
    _cleanup_free_ char *doing = x_printf("read documents of \"%s\"", index);
    buffer_printf(&body,
                  "{\"size\":%zu,\"version\":true,\"_source\":true,"
                  "\"stored_fields\":[\"_routing\"],\"query\":{\"ids\":{\"values\":[",
                  size);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_char(&body, ',');
        json_write_string(&body, ids[i], strlen(ids[i]));
    }
    buffer_text(&body, "]}}}");
    struct http_request request = {
        .method = "POST",
        .path = path,
        .content_type = json_type,
        .body = buffer_cstr(&body),
        .body_length = body.length,
        .timeout_s = TIMEOUT_S,
    };
    struct frame frame = {};
    int result = engine_perform_read(engine, &request, err);
    if (result == 0)
        result = take_text(&request, doing, page, &frame, err);
    http_request_release(&request);
    if (result == 0)
        read_hits(page, frame.hits);
    return result;
}
