#include "domain/queries.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/memory.h"
#include "domain/canonical.h"

void queries_release(struct queries *queries)
{
    for (size_t i = 0; i < queries->count; i++) {
        free(queries->list[i].name);
        free(queries->list[i].body);
    }
    free(queries->list);
    *queries = (struct queries){};
}

struct query_reading {
    struct query query;
    struct error *err;
};

static int read_limit(const char *key, const json *value, double *ret_limit, struct error *err)
{
    char *end;
    _cleanup_free_ char *text = json_write(value);
    *ret_limit = strtod(text, &end);
    if (end == text || *end || *ret_limit < 0)
        return error_set(err, ERR_USAGE, "\"%s\" must be a number of 0 or more", key);
    return 0;
}

static int read_key(const char *key, json *value, void *data)
{
    struct query_reading *reading = data;
    struct query *query = &reading->query;
    if (strcmp(key, "name") == 0 && json_is_string(value)) {
        query->name = x_strdup(json_text(value, ""));
        return 0;
    }
    if (strcmp(key, "body") == 0 && json_is_object(value)) {
        query->body = json_write(value);
        return 0;
    }
    if (strcmp(key, "max_total_divergence") == 0)
        return read_limit(key, value, &query->max_total_divergence, reading->err);
    if (strcmp(key, "min_overlap") == 0)
        return read_limit(key, value, &query->min_overlap, reading->err);
    if (strcmp(key, "max_latency_growth") == 0)
        return read_limit(key, value, &query->max_latency_growth, reading->err);
    if (strcmp(key, "name") == 0 || strcmp(key, "body") == 0)
        return error_set(reading->err, ERR_USAGE, "\"%s\" must be %s", key,
                         *key == 'n' ? "a text" : "an object");
    error_set(reading->err, ERR_USAGE, "unknown key \"%s\"", key);
    return error_hint(reading->err, "There are name, body, max_total_divergence, min_overlap and "
                                    "max_latency_growth.");
}

static int read_line(const char *line, struct query *ret_query, struct error *err)
{
    struct query_reading reading = {{NULL, NULL, -1, -1, -1}, err};
    _cleanup_free_ char *canonical = canonical_json(line, err);
    _cleanup_(json_freep) json *object =
        canonical ? json_parse(canonical, strlen(canonical), err) : NULL;
    int result = object ? 0 : -1;
    if (object && !json_is_object(object))
        result = error_set(err, ERR_USAGE, "it must be an object");
    if (result == 0)
        result = json_each(object, read_key, &reading);
    if (result == 0 && (!reading.query.name || !reading.query.body))
        result = error_set(err, ERR_USAGE, "\"name\" and \"body\" are needed");
    *ret_query = reading.query;
    return result;
}

int queries_read(const char *directory, const char *master, struct queries *ret_queries,
                 struct error *err)
{
    _cleanup_free_ char *path = x_printf("%s/%s/queries.ndjson", directory, master);
    _cleanup_free_ char *text = NULL;
    size_t capacity = 0, number = 0;
    *ret_queries = (struct queries){};
    if (read_text_file(path, false, &text, err) < 0)
        return -1;
    for (char *rest = text, *line; rest && (line = strsep(&rest, "\n"));) {
        number++;
        if (!line[strspn(line, " \t\r")])
            continue;
        ret_queries->list =
            x_grow(ret_queries->list, ret_queries->count, &capacity, sizeof(*ret_queries->list));
        if (read_line(line, &ret_queries->list[ret_queries->count++], err) < 0) {
            queries_release(ret_queries);
            return error_prefix(err, "%s: line %zu", path, number);
        }
    }
    return 0;
}

int query_ask(struct engine *engine, const struct query *query, const char *index,
              json **ret_answer, struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path =
        x_printf("/%s/_search?track_total_hits=true&request_cache=false", escaped);
    _cleanup_free_ char *doing = x_printf("query \"%s\" on \"%s\"", query->name, index);
    if (engine_ask(engine, path, query->body, doing, ret_answer, err) < 0)
        return -1;
    return engine_check_shards(*ret_answer, doing, err);
}
