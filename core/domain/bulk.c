#include "domain/bulk.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/json.h"
#include "domain/engine.h"

void bulk_init(struct bulk *bulk, size_t maximum_bytes)
{
    *bulk = (struct bulk){.body = BUFFER(maximum_bytes), .ids = BUFFER(maximum_bytes)};
}

void bulk_release(struct bulk *bulk)
{
    buffer_release(&bulk->body);
    buffer_release(&bulk->ids);
    free(bulk->items);
    bulk->items = NULL;
    bulk->count = bulk->capacity = 0;
}

void bulk_clear(struct bulk *bulk)
{
    buffer_clear(&bulk->body);
    buffer_clear(&bulk->ids);
    bulk->count = 0;
}

/* ---- building ---- */

static struct bulk_item *begin_item(struct bulk *bulk, enum bulk_kind kind, struct span id)
{
    bulk->items = x_grow(bulk->items, bulk->count, &bulk->capacity, sizeof(*bulk->items));
    struct bulk_item *item = &bulk->items[bulk->count];
    *item = (struct bulk_item){
        .offset = bulk->body.length,
        .id_offset = bulk->ids.length,
        .id_length = id.length,
        .kind = kind,
    };
    buffer_append(&bulk->ids, id.data, id.length);
    return item;
}

/* Keeps the item, or takes back what was written of it. */
static int end_item(struct bulk *bulk, struct bulk_item *item)
{
    if (bulk->body.overflow || bulk->ids.overflow) {
        buffer_truncate(&bulk->body, item->offset);
        buffer_truncate(&bulk->ids, item->id_offset);
        return -1;
    }
    item->length = bulk->body.length - item->offset;
    bulk->count++;
    return 0;
}

static void set_version(struct bulk *bulk, int64_t version)
{
    bulk->tail_version = version;
    bulk->tail_length =
        (size_t)snprintf(bulk->tail, sizeof(bulk->tail),
                         ",\"version\":%" PRId64 ",\"version_type\":\"external_gte\"}}\n", version);
}

static void put_action(struct bulk *bulk, const char *name, struct span id, struct span routing,
                       int64_t version)
{
    struct buffer *body = &bulk->body;
    if (!bulk->tail_length || version != bulk->tail_version)
        set_version(bulk, version);
    buffer_text(body, name);
    json_write_string(body, id.data, id.length);
    if (routing.data) {
        buffer_text(body, ",\"routing\":");
        json_write_string(body, routing.data, routing.length);
    }
    buffer_append(body, bulk->tail, bulk->tail_length);
}

/* Behind the action line of a document. */
static void begin_document(struct bulk *bulk, struct span id, struct span routing, int64_t version)
{
    put_action(bulk, "{\"index\":{\"_id\":", id, routing, version);
    bulk->document_offset = bulk->body.length;
}

int bulk_add_document(struct bulk *bulk, struct span id, struct span routing, int64_t version,
                      struct span document)
{
    struct bulk_item *item = begin_item(bulk, BULK_INDEX, id);
    begin_document(bulk, id, routing, version);
    json_value_put(&bulk->body, JSON_FORM_JSON, document);
    buffer_char(&bulk->body, '\n');
    return end_item(bulk, item);
}

int bulk_add_row(struct bulk *bulk, struct span id, struct span routing, int64_t version,
                 const struct json_row *row)
{
    struct bulk_item *item = begin_item(bulk, BULK_INDEX, id);
    begin_document(bulk, id, routing, version);
    json_row_put(&bulk->body, row);
    buffer_char(&bulk->body, '\n');
    return end_item(bulk, item);
}

struct span bulk_last_document(const struct bulk *bulk)
{
    size_t start = bulk->document_offset;
    return (struct span){bulk->body.data + start, bulk->body.length - start - strlen("\n")};
}

void bulk_drop_last(struct bulk *bulk)
{
    const struct bulk_item *item = &bulk->items[--bulk->count];
    buffer_truncate(&bulk->body, item->offset);
    buffer_truncate(&bulk->ids, item->id_offset);
}

static int add_delete(struct bulk *bulk, enum bulk_kind kind, struct span id, struct span routing,
                      int64_t version)
{
    struct bulk_item *item = begin_item(bulk, kind, id);
    put_action(bulk, "{\"delete\":{\"_id\":", id, routing, version);
    return end_item(bulk, item);
}

int bulk_add_delete(struct bulk *bulk, struct span id, struct span routing, int64_t version)
{
    return add_delete(bulk, BULK_DELETE, id, routing, version);
}

int bulk_add_copy_delete(struct bulk *bulk, struct span id, struct span routing, int64_t version)
{
    return add_delete(bulk, BULK_DELETE_COPY, id, routing, version);
}

int bulk_add_item(struct bulk *bulk, const struct bulk *from, size_t number)
{
    const struct bulk_item *source = &from->items[number];
    struct span id = {from->ids.data + source->id_offset, source->id_length};
    struct bulk_item *item = begin_item(bulk, source->kind, id);
    buffer_append(&bulk->body, from->body.data + source->offset, source->length);
    return end_item(bulk, item);
}

char *bulk_item_id(const struct bulk *bulk, size_t item)
{
    return x_strndup(bulk->ids.data + bulk->items[item].id_offset, bulk->items[item].id_length);
}

/* ---- judging ---- */

/*
 * The error types of a bulk item. The first entry that fits counts: of a type that may mean one
 * thing or another, those told apart by a part of the reason come first. Tried on OpenSearch 2.19
 * and Elasticsearch 7.10; names that only later ones have are from their sources. What is blamed
 * on the document is kept as rejected and the run goes on: a type that may as well blame the index
 * or a pipeline has no place there, or an index would be emptied without a word.
 */
static const struct {
    const char *type;
    const char *reason; /* a part of it; NULL: any */
    int status;         /* 0: any */
    enum bulk_blame blame;
} known[] = {
    /* The write alias has an upper case letter: without the alias, it is no name of an index. */
    {"invalid_index_name_exception", NULL, 400, BLAME_WRITER},

    {"illegal_argument_exception", "pipeline with id [", 400, BLAME_PIPELINE},
    {"illegal_state_exception", "non-existent pipeline", 500, BLAME_PIPELINE},
    {"graph_structure_exception", NULL, 400, BLAME_PIPELINE}, /* Elasticsearch 8: a cycle */

    {"illegal_argument_exception", "no write index is defined", 400, BLAME_INDEX},
    {"illegal_argument_exception", "documents per shard", 400, BLAME_INDEX}, /* 2,147,483,519 */
    {"index_closed_exception", NULL, 400, BLAME_INDEX},
    {"index_not_found_exception", NULL, 404, BLAME_INDEX},
    {"alias_not_found_exception", NULL, 404, BLAME_INDEX},
    {"shard_not_found_exception", NULL, 404, BLAME_INDEX},

    {"cluster_block_exception", NULL, 0, BLAME_BLOCK},
    {"index_create_block_exception", NULL, 0, BLAME_BLOCK}, /* OpenSearch */

    {"security_exception", NULL, 0, BLAME_RIGHT},
    {"authorization_exception", NULL, 0, BLAME_RIGHT},

    /* A node that goes answers 500 for what it could not do any more. */
    {"node_closed_exception", NULL, 500, BLAME_BUSY},
    {"node_disconnected_exception", NULL, 500, BLAME_BUSY},
    {"node_not_connected_exception", NULL, 500, BLAME_BUSY},
    {"receive_timeout_transport_exception", NULL, 500, BLAME_BUSY},
    {"already_closed_exception", NULL, 500, BLAME_BUSY},
    {"shard_not_in_primary_mode_exception", NULL, 500, BLAME_BUSY},
    {"timeout_exception", NULL, 500, BLAME_BUSY}, /* since Elasticsearch 8.13 it is 429 */
    {"process_cluster_event_timeout_exception", NULL, 500, BLAME_BUSY},

    /* both families */
    {"mapper_parsing_exception", NULL, 400, BLAME_DOCUMENT},
    {"strict_dynamic_mapping_exception", NULL, 400, BLAME_DOCUMENT},
    {"illegal_argument_exception", NULL, 400, BLAME_DOCUMENT}, /* field limits, long keywords */
    {"parsing_exception", NULL, 400, BLAME_DOCUMENT},
    {"parse_exception", NULL, 400, BLAME_DOCUMENT},
    {"x_content_parse_exception", NULL, 400, BLAME_DOCUMENT},
    {"json_parse_exception", NULL, 400, BLAME_DOCUMENT},
    {"json_e_o_f_exception", NULL, 400, BLAME_DOCUMENT},
    {"not_x_content_exception", NULL, 400, BLAME_DOCUMENT},
    {"input_coercion_exception", NULL, 400, BLAME_DOCUMENT},
    {"number_format_exception", NULL, 400, BLAME_DOCUMENT},
    {"date_time_parse_exception", NULL, 400, BLAME_DOCUMENT},
    {"max_bytes_length_exceeded_exception", NULL, 400, BLAME_DOCUMENT},
    {"invalid_shape_exception", NULL, 400, BLAME_DOCUMENT},
    {"routing_missing_exception", NULL, 400, BLAME_DOCUMENT},
    {"script_exception", NULL, 400, BLAME_DOCUMENT},
    {"fail_processor_exception", NULL, 500, BLAME_DOCUMENT}, /* a pipeline's own refusal */

    /* Elasticsearch 8 and later */
    {"document_parsing_exception", NULL, 400, BLAME_DOCUMENT},
    {"x_content_e_o_f_exception", NULL, 400, BLAME_DOCUMENT},

    /* OpenSearch 2.12 and later, and Elasticsearch 8.10: limits of the JSON parser */
    {"stream_constraints_exception", NULL, 400, BLAME_DOCUMENT},
};

enum bulk_blame bulk_blame(int status, const char *type, const char *reason)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if ((!known[i].status || known[i].status == status) && strcmp(known[i].type, type) == 0 &&
            (!known[i].reason || strstr(reason, known[i].reason)))
            return known[i].blame;
    switch (status) {
    case 429:
    case 502:
    case 503:
    case 504:
        return BLAME_BUSY;
    case 401:
    case 403:
        return BLAME_RIGHT;
    default:
        return BLAME_UNKNOWN;
    }
}

enum bulk_verdict bulk_judge(enum bulk_kind kind, int status, const char *type, const char *reason)
{
    if (status >= 200 && status < 300)
        return BULK_ACCEPTED;
    if (status == 409 && strcmp(type, "version_conflict_engine_exception") == 0)
        return BULK_CONFLICT;
    if (kind != BULK_INDEX && status == 404 && !*type)
        return BULK_ACCEPTED;
    switch (bulk_blame(status, type, reason)) {
    case BLAME_DOCUMENT:
        return BULK_REJECTED;
    case BLAME_WRITER:
        return BULK_REPLACED;
    case BLAME_BUSY:
        return BULK_BUSY;
    case BLAME_BLOCK:
        return status == 403 ? BULK_FATAL : BULK_BLOCKED; /* by hand; flood stage or no master */
    case BLAME_UNKNOWN:
        return status == 400 || status == 413 || status == 422 ? BULK_SUSPECT : BULK_FATAL;
    default:
        return BULK_FATAL;
    }
}

int64_t version_in_reason(const char *reason)
{
    static const char words[] = "current version [";
    const char *found = reason ? strstr(reason, words) : NULL;
    return found ? strtoll(found + sizeof(words) - 1, NULL, 10) : -1;
}

int64_t bulk_limit_in_answer(const char *answer, size_t length)
{
    /* "max_coordinating_and_primary_bytes=53687091"; newer ones: "max_coordinating_bytes=..." */
    static const char word[] = "max_coordinating";
    enum { OVERHEAD = 2 }; /* network.breaker.inflight_requests.overhead */
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(json_freep) json *parsed = json_parse(answer, length, &ignored);
    json *error = json_get(parsed, "error");
    int64_t limit = json_int(json_get(error, "bytes_limit"), -1) / OVERHEAD;
    const char *named = strstr(json_text(json_get(error, "reason"), ""), word);
    const char *number = named ? strchr(named, '=') : NULL;
    if (limit <= 0 && number)
        limit = strtoll(number + 1, NULL, 10);
    return limit > 0 ? limit : -1;
}

/* ---- reading ---- */

typedef int bulk_visit(size_t item, const struct bulk_result *result, void *data,
                       struct error *err);

static int accept_all(const struct bulk *bulk, bulk_visit *visit, void *data, struct error *err)
{
    const struct bulk_result accepted = {.verdict = BULK_ACCEPTED, .status = 200};
    for (size_t i = 0; i < bulk->count; i++)
        if (visit(i, &accepted, data, err) < 0)
            return -1;
    return 0;
}

static bool starts_with(const char *text, size_t length, const char *start)
{
    return length >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

/* The reason, and that of its innermost cause, which tells more than "failed to parse". */
static char *full_reason(json *error)
{
    json *cause = error;
    while (json_get(cause, "caused_by"))
        cause = json_get(cause, "caused_by");
    _cleanup_free_ char *reason = engine_cut_reason(json_text(json_get(error, "reason"), ""));
    if (cause == error)
        return TAKE_PTR(reason);
    _cleanup_free_ char *inner = engine_cut_reason(json_text(json_get(cause, "reason"), ""));
    return x_printf("%s: %s", reason, inner);
}

static int read_item(const struct bulk *bulk, size_t number, json *answer, bulk_visit *visit,
                     void *data, struct error *err)
{
    enum bulk_kind kind = bulk->items[number].kind;
    json *result = json_get(answer, kind == BULK_INDEX ? "index" : "delete");
    int64_t status = json_int(json_get(result, "status"), 0);
    if (status <= 0 || status > INT_MAX)
        return error_set(err, ERR_ENGINE, "engine: bulk: item %zu of the answer has no status",
                         number);
    json *error = json_get(result, "error");
    const char *type = json_text(json_get(error, "type"), "");
    _cleanup_free_ char *reason = error ? full_reason(error) : NULL;
    const char *text = reason ? reason : "";
    struct bulk_result judged = {
        .verdict = bulk_judge(kind, (int)status, type, text),
        .blame = bulk_blame((int)status, type, text),
        .status = (int)status,
        .type = type,
        .reason = reason,
    };
    if (strcmp(json_text(json_get(result, "result"), ""), "noop") == 0) {
        judged.verdict = BULK_REJECTED;
        judged.type = "dropped_by_pipeline";
        judged.reason = "an ingest pipeline of the index dropped the document";
    }
    return visit(number, &judged, data, err);
}

int bulk_read_answer(const struct bulk *bulk, const char *answer, size_t length, bulk_visit *visit,
                     void *data, struct error *err)
{
    if (starts_with(answer, length, "{\"errors\":false") &&
        !memmem(answer, length, "\"noop\"", strlen("\"noop\"")))
        return accept_all(bulk, visit, data, err);

    _cleanup_(error_release) struct error parse_error = {};
    _cleanup_(json_freep) json *parsed = json_parse(answer, length, &parse_error);
    json *items = json_get(parsed, "items");
    if (json_length(items) != bulk->count)
        return error_set(err, ERR_ENGINE,
                         "engine: bulk: the answer has %zu items for %zu documents",
                         json_length(items), bulk->count);
    for (size_t i = 0; i < bulk->count; i++)
        if (read_item(bulk, i, json_at(items, i), visit, data, err) < 0)
            return -1;
    return 0;
}
