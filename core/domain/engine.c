#include "domain/engine.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "base/texts.h"

static const char json_type[] = "application/json";

char *engine_path_escape(const char *name)
{
    struct buffer escaped = BUFFER(BUFFER_TEXT_MAX);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
        if (isalnum(*c) || strchr("-._~,*", *c))
            buffer_char(&escaped, (char)*c);
        else
            buffer_printf(&escaped, "%%%02X", *c);
    }
    return buffer_take(&escaped);
}

/* ---- calls ---- */

/* What the answer of an ended request says, as JSON; an error status is an error but for
 * `accepted` (0: none) if that is the engine's, which then gives NULL in *ret_answer. */
static int take_answer(const struct http_request *request, const char *doing, int accepted,
                       json **ret_answer, struct error *err)
{
    bool fails =
        request->status >= 400 && (request->status != accepted || !engine_is_answer(request));
    if (request->failure || request->redirect || fails)
        return engine_answer_error(request, doing, err);
    if (!ret_answer)
        return 0;
    *ret_answer = NULL;
    if (request->status >= 400)
        return 0;
    *ret_answer = json_parse(buffer_cstr(&request->response), request->response.length, err);
    if (*ret_answer)
        return 0;
    error_set(err, ERR_ENGINE, "engine: %s: the answer is not JSON", doing);
    return error_hint(err, "Is this URL really that of an Elasticsearch or OpenSearch?");
}

/* What a node that restarts, or a gateway before it, loses or refuses for a moment. What could not
 * even be connected to is for --wait-servers. */
static bool may_pass(const struct http_request *request)
{
    if (request->failure)
        return request->trouble < HTTP_UNREACHABLE;
    return request->status == 429 || (request->status >= 502 && request->status <= 504);
}

int engine_perform_read(struct engine *engine, struct http_request *request, struct error *err)
{
    enum { AGAIN_MS = 3000, LONGEST_MS = 1000 };
    struct retry retry = RETRY(AGAIN_MS);
    retry.longest_ms = LONGEST_MS;
    retry.began = clock_ms(); /* so that one that timed out is not waited for once more */
    while (http_perform(engine->http, request, err) == 0) {
        if (!may_pass(request) || stop_signal())
            return 0;
        int delay = retry_delay(&retry, request->retry_after * 1000);
        if (delay < 0)
            return 0;
        http_request_release(request);
        if (stop_sleep(delay, err) < 0)
            return -1;
    }
    return -1;
}

static int call(struct engine *engine, const char *method, const char *path, const char *body,
                const char *doing, bool reads, int accepted, json **ret_answer, struct error *err)
{
    struct http_request request = {
        .method = method,
        .path = path,
        .content_type = body ? json_type : NULL,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .timeout_s = 120,
    };
    int result = reads ? engine_perform_read(engine, &request, err)
                       : http_perform(engine->http, &request, err);
    if (result == 0)
        result = take_answer(&request, doing, accepted, ret_answer, err);
    http_request_release(&request);
    return result;
}

int engine_call(struct engine *engine, const char *method, const char *path, const char *body,
                const char *doing, int accepted, json **ret_answer, struct error *err)
{
    bool reads = strcmp(method, "GET") == 0;
    return call(engine, method, path, body, doing, reads, accepted, ret_answer, err);
}

int engine_ask(struct engine *engine, const char *path, const char *body, const char *doing,
               json **ret_answer, struct error *err)
{
    return call(engine, body ? "POST" : "GET", path, body, doing, true, 0, ret_answer, err);
}

/* ---- connection ---- */

/* Whose answer this is must be the same at every URL. */
static int compare_identity(struct engine *engine, json *answer, size_t place, struct error *err)
{
    const char *url = http_url(engine->http, place);
    const char *number = json_text(JSON_PATH(answer, "version", "number"), NULL);
    const char *uuid = json_text(json_get(answer, "cluster_uuid"), "");
    if (!number)
        return error_set(err, ERR_ENGINE, "engine: %s is neither Elasticsearch nor OpenSearch",
                         url);
    if (!engine->version) {
        const char *distribution = json_text(JSON_PATH(answer, "version", "distribution"), NULL);
        if (dialect_find(distribution, number, url, &engine->dialect, err) < 0)
            return -1;
        engine->version = x_strdup(number);
        engine->cluster_uuid = x_strdup(uuid);
    }
    if (strcmp(engine->cluster_uuid, uuid) == 0)
        return 0;
    error_set(err, ERR_USAGE, "%s belongs to another cluster than the engine's other URLs", url);
    error_detail(err, "Its cluster_uuid is %s, theirs is %s.", uuid, engine->cluster_uuid);
    return error_hint(err, "Name URLs of one cluster only with --engine.");
}

/* Without an answer: what to type next. Files that cannot be used are wrong use. */
static int advise_on_trouble(const struct http_request *request, const struct http_options *access,
                             const char *url, struct error *err)
{
    switch (request->trouble) {
    case HTTP_CA_FILE:
        error_set(err, ERR_USAGE, "--ca: %s: there is no certificate in it",
                  access->ca ? access->ca : "the system's file");
        return error_hint(err, "Name a file of PEM certificates with --ca FILE.");
    case HTTP_CERTIFICATE_FILE:
        error_set(err, ERR_USAGE, "--cert, --key: %s", request->words);
        return error_hint(err, "Name a PEM certificate with --cert FILE, and its PEM key, without "
                               "a pass phrase, with --key FILE or in the same file.");
    case HTTP_UNTRUSTED:
        return error_hint(err, "Name the certificate of the authority that signed the engine's "
                               "with --ca FILE.");
    case HTTP_NOT_VALID:
        return error_hint(err, "The engine needs another certificate.");
    case HTTP_OTHER_NAME:
        return error_hint(err, "Name the engine as its certificate does with --engine URL.");
    case HTTP_NO_TLS:
        return error_hint(err, "It does not speak TLS there. Name it as http://... with "
                               "--engine URL.");
    case HTTP_MAYBE_TLS:
        return error_hint(err,
                          "Is the engine running at %s? If it speaks TLS there, name it as "
                          "https://... with --engine URL.",
                          url);
    case HTTP_CERTIFICATE:
    case HTTP_MAYBE_CERTIFICATE:
        return error_hint(err, "If it %s, name %s with --cert FILE and its key with --key FILE.",
                          access->certificate ? "does not accept the client certificate"
                                              : "wants a client certificate",
                          access->certificate ? "another" : "one");
    default:
        return error_hint(err,
                          "Is the engine running at %s? Name another with --engine, OPENSEARCH_URL "
                          "or ELASTICSEARCH_URL.",
                          url);
    }
}

static int identify_at(struct engine *engine, const struct http_options *access, size_t place,
                       struct error *err)
{
    /* Where others may answer, a silent one is not waited for for long. */
    bool alone = http_url_count(engine->http) == 1;
    struct http_request request = {
        .method = "GET", .path = "/", .place = place, .timeout_s = alone ? 60 : 10};
    _cleanup_(json_freep) json *answer = NULL;
    int result = http_perform(engine->http, &request, err);
    if (result == 0)
        result = take_answer(&request, "connect", 0, &answer, err);
    if (result == 0)
        result = compare_identity(engine, answer, place, err);
    else if (request.failure)
        advise_on_trouble(&request, access, http_url(engine->http, place), err);
    http_request_release(&request);
    return result;
}

static int identify(struct engine *engine, const struct http_options *access, struct error *err)
{
    for (size_t place = 1; place <= http_url_count(engine->http); place++) {
        if (identify_at(engine, access, place, err) == 0)
            continue;
        /* 5xx is what a gateway says when its node is down. */
        if (err->kind == ERR_USAGE || (err->http_code && err->http_code < 500))
            return -1;
    }
    if (!engine->version)
        return -1;
    error_release(err); /* one that does not answer is what the others are for */
    return 0;
}

int engine_open(const struct http_options *access, struct engine **ret_engine, struct error *err)
{
    _cleanup_(engine_closep) struct engine *engine = x_calloc(1, sizeof(*engine));
    if (http_open(access, &engine->http, err) < 0 || identify(engine, access, err) < 0)
        return -1;
    *ret_engine = TAKE_PTR(engine);
    return 0;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    http_close(engine->http);
    free(engine->version);
    free(engine->cluster_uuid);
    free(engine);
}

/* ---- indexes ---- */

void engine_index_release(struct engine_index *index)
{
    free(index->uuid);
    free(index->made_by);
    texts_free(index->aliases, index->alias_count);
    *index = (struct engine_index){};
}

bool engine_index_has_alias(const struct engine_index *index, const char *alias)
{
    for (size_t i = 0; i < index->alias_count; i++)
        if (strcmp(index->aliases[i], alias) == 0)
            return true;
    return false;
}

static int collect_alias(const char *key, json *value, void *data)
{
    struct engine_index *index = data;
    (void)value;
    index->aliases = x_realloc(index->aliases, (index->alias_count + 1) * sizeof(char *));
    index->aliases[index->alias_count++] = x_strdup(key);
    return 0;
}

int engine_find_index(struct engine *engine, const char *name, struct engine_index *ret_index,
                      struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(name);
    _cleanup_free_ char *path = x_printf("/%s", escaped);
    _cleanup_free_ char *doing = x_printf("look up index \"%s\"", name);
    *ret_index = (struct engine_index){};
    if (engine_call(engine, "GET", path, NULL, doing, 404, &answer, err) < 0)
        return -1;
    json *described = json_get(answer, name); /* an alias answers under its index's name */
    if (!described)
        return 0;
    json *settings = JSON_PATH(described, "settings", "index");
    const char *durability = json_text(JSON_PATH(settings, "translog", "durability"), "");
    ret_index->exists = true;
    ret_index->uuid = x_strdup(json_text(json_get(settings, "uuid"), ""));
    ret_index->made_by =
        x_strdup(json_text(JSON_PATH(described, "mappings", "_meta", "esmigrate", "action"), NULL));
    ret_index->shards = atoi(json_text(json_get(settings, "number_of_shards"), "1"));
    ret_index->async_translog = strcasecmp(durability, "async") == 0;
    json_each(json_get(described, "aliases"), collect_alias, ret_index);
    return 0;
}

/* Whether the index is there and was made by this action: its uuid then, else NULL. */
static int find_made(struct engine *engine, const char *name, const char *action_id,
                     char **ret_uuid, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (engine_find_index(engine, name, &index, err) < 0)
        return -1;
    bool ours = index.exists && index.made_by && strcmp(index.made_by, action_id) == 0;
    *ret_uuid = ours ? TAKE_PTR(index.uuid) : NULL;
    return 0;
}

int engine_create_index(struct engine *engine, const char *name, const char *body,
                        const char *action_id, char **ret_uuid, struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(name);
    _cleanup_free_ char *path = x_printf("/%s", escaped);
    _cleanup_free_ char *doing = x_printf("create index \"%s\"", name);
    *ret_uuid = NULL;
    _cleanup_(error_release) struct error second = {};
    if (engine_call(engine, "PUT", path, body, doing, 0, NULL, err) == 0) {
        if (find_made(engine, name, action_id, ret_uuid, err) < 0) {
            err->http_code = 0; /* it is the look that was refused */
            return -1;
        }
        return *ret_uuid ? 0
                         : error_set(err, ERR_ENGINE, "engine: index \"%s\" was not created", name);
    }
    /* "Already there" may be our own: a request whose answer is lost is sent again by libcurl. */
    if (engine_refused(err) && !strstr(err->message, "resource_already_exists_exception"))
        return -1;
    if (find_made(engine, name, action_id, ret_uuid, &second) < 0)
        err->http_code = 0; /* so it is not known */
    else if (*ret_uuid)
        error_release(err);
    return *ret_uuid ? 0 : -1;
}

int engine_delete_index(struct engine *engine, const char *name, struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(name);
    _cleanup_free_ char *path = x_printf("/%s", escaped);
    _cleanup_free_ char *doing = x_printf("delete index \"%s\"", name);
    return engine_call(engine, "DELETE", path, NULL, doing, 404, NULL, err);
}

void engine_entries_free(struct engine_entry *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        free(list[i].uuid);
    }
    free(list);
}

int engine_list_indexes(struct engine *engine, const char *pattern, struct engine_entry **ret_list,
                        size_t *ret_count, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(pattern);
    _cleanup_free_ char *path =
        x_printf("/_cat/indices/%s?format=json&h=index,uuid&expand_wildcards=all", escaped);
    if (engine_call(engine, "GET", path, NULL, "list indexes", 404, &answer, err) < 0)
        return -1;
    size_t count = json_length(answer);
    *ret_list = x_calloc(count, sizeof(**ret_list));
    *ret_count = count;
    for (size_t i = 0; i < count; i++) {
        (*ret_list)[i].name = x_strdup(json_text(json_get(json_at(answer, i), "index"), ""));
        (*ret_list)[i].uuid = x_strdup(json_text(json_get(json_at(answer, i), "uuid"), ""));
    }
    return 0;
}

/* ---- settings ---- */

int engine_get_settings(struct engine *engine, const char *index, const char *const *names,
                        size_t count, char **ret_settings, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_(json_freep) json *found = json_new_object();
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_settings?flat_settings=true", escaped);
    _cleanup_free_ char *doing = x_printf("read settings of \"%s\"", index);
    if (engine_call(engine, "GET", path, NULL, doing, 0, &answer, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_text(JSON_PATH(answer, index, "settings", names[i]), NULL);
        json_put(found, names[i], text ? json_new_text(text) : NULL);
    }
    *ret_settings = json_write(found);
    return 0;
}

int engine_put_settings(struct engine *engine, const char *index, const char *settings,
                        struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_settings", escaped);
    _cleanup_free_ char *doing = x_printf("set settings of \"%s\"", index);
    return engine_call(engine, "PUT", path, settings, doing, 0, NULL, err);
}

int engine_wait_copies(struct engine *engine, const char *index, int seconds, bool *ret_done,
                       struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf(
        "/_cluster/health/%s?wait_for_no_initializing_shards=true&timeout=%ds", escaped, seconds);
    _cleanup_free_ char *doing = x_printf("wait for the copies of \"%s\"", index);
    if (engine_call(engine, "GET", path, NULL, doing, 408, &answer, err) < 0)
        return -1;
    *ret_done = answer && !json_flag(json_get(answer, "timed_out"), true);
    return 0;
}

/* ---- content ---- */

int engine_refresh(struct engine *engine, const char *index, struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_refresh", escaped);
    _cleanup_free_ char *doing = x_printf("refresh \"%s\"", index);
    return engine_call(engine, "POST", path, NULL, doing, 0, NULL, err);
}

int engine_force_merge(struct engine *engine, const char *index, struct error *err)
{
    enum { WAIT_MS = 1000, TIMEOUT_S = 7 * 24 * 60 * 60 };
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_forcemerge?max_num_segments=1", escaped);
    _cleanup_free_ char *doing = x_printf("merge \"%s\"", index);
    struct http_request request = {.method = "POST", .path = path, .timeout_s = TIMEOUT_S};
    int result = http_start(engine->http, &request, err);
    while (result == 0 && http_next_done(engine->http) != &request) {
        struct pollfd stop = {.fd = stop_fd(), .events = POLLIN};
        result = http_wait(engine->http, &stop, 1, WAIT_MS, err);
        if (result == 0)
            result = stop_check(err);
    }
    if (result == 0)
        result = take_answer(&request, doing, 0, NULL, err);
    http_abort(engine->http, &request);
    return result;
}

int engine_count(struct engine *engine, const char *index, int64_t *ret_count, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_count", escaped);
    _cleanup_free_ char *doing = x_printf("count \"%s\"", index);
    if (engine_call(engine, "GET", path, NULL, doing, 0, &answer, err) < 0)
        return -1;
    if (engine_check_shards(answer, doing, err) < 0)
        return -1;
    *ret_count = json_int(json_get(answer, "count"), -1);
    if (*ret_count < 0)
        return error_set(err, ERR_ENGINE, "engine: count \"%s\": no count in the answer", index);
    return 0;
}

struct shard_marks {
    int64_t *marks;
    size_t count;
    bool complete;
};

static int read_shard(const char *key, json *copies, void *data)
{
    struct shard_marks *shards = data;
    size_t number = (size_t)atoi(key);
    if (number >= shards->count) {
        shards->marks = x_realloc(shards->marks, (number + 1) * sizeof(int64_t));
        for (size_t i = shards->count; i <= number; i++)
            shards->marks[i] = INT64_MIN;
        shards->count = number + 1;
    }
    for (size_t i = 0; i < json_length(copies); i++) {
        json *copy = json_at(copies, i);
        if (!json_flag(JSON_PATH(copy, "routing", "primary"), false))
            continue;
        shards->marks[number] =
            json_int(JSON_PATH(copy, "seq_no", "max_seq_no"), shards->marks[number]);
    }
    return 0;
}

int engine_max_seq_no(struct engine *engine, const char *index, int64_t **ret_marks,
                      size_t *ret_shards, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index found = {};
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_stats?level=shards", escaped);
    _cleanup_free_ char *doing = x_printf("read sequence numbers of \"%s\"", index);
    if (engine_find_index(engine, index, &found, err) < 0 ||
        engine_call(engine, "GET", path, NULL, doing, 0, &answer, err) < 0)
        return -1;
    struct shard_marks shards = {};
    json_each(JSON_PATH(answer, "indices", index, "shards"), read_shard, &shards);
    /* A shard that is not assigned is left out. */
    bool complete = shards.count == (size_t)found.shards;
    for (size_t i = 0; i < shards.count; i++)
        complete = complete && shards.marks[i] != INT64_MIN;
    if (!complete) {
        free(shards.marks);
        return engine_shards_missing(doing, err);
    }
    *ret_marks = shards.marks;
    *ret_shards = shards.count;
    return 0;
}
