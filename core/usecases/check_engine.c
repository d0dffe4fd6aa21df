/* What es_check asks the engine about itself and about what a new index would meet there. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "sql.h"
#include "usecases/checking.h"

/* ---- who it is ---- */

int check_engine(struct checking *checking, const char *check, struct error *err)
{
    struct context *context = checking->context;
    if (context_open_engine(context, err) < 0)
        return -1;
    checking->met |= CHECK_NEEDS_ENGINE;
    const struct dialect *dialect = context->engine->dialect;
    _cleanup_free_ char *limit =
        x_printf("%d.%d or newer", dialect->oldest_major, dialect->oldest_minor);
    return check_line(checking, check, CHECK_OK,
                      x_printf("%s %s", dialect->title, context->engine->version), limit, NULL);
}

int check_cluster(struct checking *checking, const char *check, struct error *err)
{
    struct context *context = checking->context;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_cluster_recorded, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    const char *recorded = pg_text(rows, 0, "cluster_uuid");
    const char *found = context->engine->cluster_uuid;
    bool same = !recorded || strcmp(recorded, found) == 0;
    return check_line(checking, check, same ? CHECK_OK : CHECK_FAILED, x_strdup(found), recorded,
                      same ? NULL
                           : x_strdup("Check --engine and its environment. If the indexes have "
                                      "moved here for good: esmigrate es_init --adopt"));
}

int check_health(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    if (engine_ask(checking->context->engine, "/_cluster/health", NULL, "ask for the health",
                   &answer, err) < 0)
        return -1;
    const char *status = json_text(json_get(answer, "status"), "unknown");
    int64_t unassigned = json_int(json_get(answer, "unassigned_shards"), 0);
    if (strcmp(status, "green") == 0)
        return check_line(checking, check, CHECK_OK, x_strdup(status), "green", NULL);
    return check_line(checking, check, strcmp(status, "yellow") == 0 ? CHECK_WARNING : CHECK_FAILED,
                      x_printf("%s, unassigned shards: %" PRId64, status, unassigned), "green",
                      x_strdup("The engine says why: GET _cluster/allocation/explain"));
}

int check_pending_tasks(struct checking *checking, const char *check, struct error *err)
{
    enum { LONGEST_MS = 5000 };
    _cleanup_(json_freep) json *answer = NULL;
    if (engine_ask(checking->context->engine, "/_cluster/pending_tasks", NULL, "list pending tasks",
                   &answer, err) < 0)
        return -1;
    json *tasks = json_get(answer, "tasks");
    int64_t longest = 0;
    for (size_t i = 0; i < json_length(tasks); i++) {
        int64_t waited = json_int(json_get(json_at(tasks, i), "time_in_queue_millis"), 0);
        longest = waited > longest ? waited : longest;
    }
    bool stuck = longest > LONGEST_MS;
    return check_line(checking, check, stuck ? CHECK_WARNING : CHECK_OK,
                      x_printf("%zu, the oldest for %" PRId64 " ms", json_length(tasks), longest),
                      "none for more than 5000 ms",
                      stuck ? x_strdup("The engine has no time for new indexes and switches: wait, "
                                       "and see GET _cluster/pending_tasks")
                            : NULL);
}

/* ---- room ---- */

/* A setting of the cluster, wherever it is set; NULL if nowhere. */
static const char *cluster_setting(const json *settings, const char *const *path, size_t count)
{
    static const char *const places[] = {"transient", "persistent", "defaults"};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        const char *value = json_text(json_path(json_get(settings, places[i]), path, count), NULL);
        if (value)
            return value;
    }
    return NULL;
}
#define CLUSTER_SETTING(settings, ...)                                                             \
    cluster_setting((settings), (const char *const[]){__VA_ARGS__},                                \
                    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static int ask_cluster_settings(struct checking *checking, json **ret_settings, struct error *err)
{
    return engine_ask(checking->context->engine,
                      "/_cluster/settings?include_defaults=true&filter_path="
                      "*.cluster.routing.allocation.disk,*.cluster.max_shards_per_node",
                      NULL, "read the cluster's settings", ret_settings, err);
}

/* The bytes that must stay free below the low watermark: "85%", "0.85", or bytes with a unit. */
static double kept_free(const char *watermark, double total)
{
    char *unit;
    double number = strtod(watermark, &unit);
    if (strcmp(unit, "%") == 0)
        return total * (1 - number / 100);
    if (!*unit && number <= 1)
        return total * (1 - number);
    static const char units[] = "kmgtp";
    const char *place = *unit ? strchr(units, *unit) : NULL;
    for (const char *u = units; place && u <= place; u++)
        number *= 1024;
    return number;
}

static bool holds_data(json *roles)
{
    for (size_t i = 0; i < json_length(roles); i++)
        if (strncmp(json_text(json_at(roles, i), ""), "data", 4) == 0)
            return true;
    return false;
}

struct room {
    const char *watermark; /* NULL: the engine does not look at it */
    int nodes;             /* that hold data */
    double sum, largest;   /* bytes a new index may take, of all and of one node */
};

static int add_node(const char *id, json *node, void *data)
{
    struct room *room = data;
    json *total = JSON_PATH(node, "fs", "total");
    (void)id;
    if (!holds_data(json_get(node, "roles")))
        return 0;
    double bytes = (double)json_int(json_get(total, "available_in_bytes"), 0);
    if (room->watermark)
        bytes -= kept_free(room->watermark, (double)json_int(json_get(total, "total_in_bytes"), 0));
    bytes = bytes > 0 ? bytes : 0;
    room->nodes++;
    room->sum += bytes;
    room->largest = bytes > room->largest ? bytes : room->largest;
    return 0;
}

static int find_room(struct checking *checking, struct room *room, struct error *err)
{
    _cleanup_(json_freep) json *settings = NULL;
    _cleanup_(json_freep) json *nodes = NULL;
    if (ask_cluster_settings(checking, &settings, err) < 0 ||
        engine_ask(checking->context->engine,
                   "/_nodes/stats/fs?filter_path=nodes.*.roles,nodes.*.fs.total", NULL,
                   "ask for free disk space", &nodes, err) < 0)
        return -1;
    const char *enabled =
        CLUSTER_SETTING(settings, "cluster", "routing", "allocation", "disk", "threshold_enabled");
    if (!enabled || strcmp(enabled, "false") != 0)
        room->watermark = CLUSTER_SETTING(settings, "cluster", "routing", "allocation", "disk",
                                          "watermark", "low");
    json_each(json_get(nodes, "nodes"), add_node, room);
    room->watermark = NULL;
    return 0;
}

struct shard_sizes {
    double sum, largest; /* bytes */
};

static int add_shard(const char *number, json *copies, void *data)
{
    struct shard_sizes *sizes = data;
    (void)number;
    for (size_t i = 0; i < json_length(copies); i++) {
        double bytes = (double)json_int(JSON_PATH(json_at(copies, i), "store", "size_in_bytes"), 0);
        sizes->sum += bytes;
        sizes->largest = bytes > sizes->largest ? bytes : sizes->largest;
    }
    return 0;
}

static int find_sizes(struct checking *checking, struct shard_sizes *sizes, struct error *err)
{
    _cleanup_(json_freep) json *stats = NULL;
    if (!checking->active)
        return 0;
    const char *index = checking->active->index_name;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/_stats/store?level=shards", escaped);
    if (engine_ask(checking->context->engine, path, NULL, "ask for the size of the active index",
                   &stats, err) < 0)
        return -1;
    json_each(JSON_PATH(stats, "indices", index, "shards"), add_shard, sizes);
    return 0;
}

/* The engine merges while an index is filled, and the old one stays for the way back. */
int check_disk(struct checking *checking, const char *check, struct error *err)
{
    enum { TIMES = 3 };
    const double mb = 1000 * 1000;
    struct room room = {};
    struct shard_sizes sizes = {};
    if (find_room(checking, &room, err) < 0 || find_sizes(checking, &sizes, err) < 0)
        return -1;
    _cleanup_free_ char *limit =
        sizes.sum > 0 ? x_printf("%d times the active index, %.1f MB", TIMES, sizes.sum / mb)
                      : x_strdup("some");
    bool enough =
        room.largest > 0 && room.sum >= TIMES * sizes.sum && room.largest >= TIMES * sizes.largest;
    return check_line(checking, check, enough ? CHECK_OK : CHECK_FAILED,
                      x_printf("%.1f MB below the low watermark, %d data node%s", room.sum / mb,
                               room.nodes, room.nodes == 1 ? "" : "s"),
                      limit,
                      enough ? NULL
                             : x_printf("Add disk or nodes, or drop what is retired and not kept: "
                                        "esmigrate es_prune %s --older-than 0",
                                        checking->name));
}

static int declared_number(struct checking *checking, const char *setting, int fallback,
                           int *ret_number, struct error *err)
{
    _cleanup_free_ char *text = content_setting(&checking->declaration.content, setting, err);
    if (!text && error_is_set(err))
        return -1;
    *ret_number = text && strcmp(text, "null") != 0 ? atoi(text) : fallback;
    return 0;
}

int check_shards(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(json_freep) json *settings = NULL;
    _cleanup_(json_freep) json *health = NULL;
    int shards, replicas;
    if (declared_number(checking, "number_of_shards", 1, &shards, err) < 0 ||
        declared_number(checking, "number_of_replicas", 1, &replicas, err) < 0 ||
        ask_cluster_settings(checking, &settings, err) < 0 ||
        engine_ask(checking->context->engine, "/_cluster/health", NULL, "count shards", &health,
                   err) < 0)
        return -1;
    const char *most = CLUSTER_SETTING(settings, "cluster", "max_shards_per_node");
    int64_t limit = most ? atoll(most) * json_int(json_get(health, "number_of_data_nodes"), 1) : -1;
    int64_t used = json_int(json_get(health, "active_shards"), 0) +
                   json_int(json_get(health, "initializing_shards"), 0) +
                   json_int(json_get(health, "unassigned_shards"), 0);
    int64_t needed = (int64_t)shards * (1 + replicas);
    bool fits = limit < 0 || used + needed <= limit;
    _cleanup_free_ char *limit_text = limit < 0 ? NULL : x_printf("%" PRId64, limit);
    return check_line(checking, check, fits ? CHECK_OK : CHECK_FAILED,
                      x_printf("%" PRId64 " and %" PRId64 " new", used, needed), limit_text,
                      fits ? NULL
                           : x_strdup("Drop indexes that nobody needs, declare fewer shards, or "
                                      "raise cluster.max_shards_per_node."));
}

/* ---- what the index would meet ---- */

static int check_pipeline(struct checking *checking, const char *check, const char *setting,
                          struct error *err)
{
    _cleanup_free_ char *name = content_pipeline(&checking->declaration.content, setting, err);
    if (!name)
        return error_is_set(err) ? -1 : 0;
    _cleanup_free_ char *escaped = engine_path_escape(name);
    _cleanup_free_ char *path = x_printf("/_ingest/pipeline/%s", escaped);
    if (engine_ask(checking->context->engine, path, NULL, "look up the pipeline", NULL, err) == 0)
        return check_line(checking, check, CHECK_OK, x_printf("%s %s", setting, name), "exists",
                          NULL);
    if (err->http_code != 404)
        return -1;
    error_release(err);
    return check_line(
        checking, check, CHECK_FAILED, x_printf("%s %s: there is no such pipeline", setting, name),
        "exists",
        x_printf("Make it: PUT _ingest/pipeline/%s; or take %s out of index.json.", name, setting));
}

int check_pipelines(struct checking *checking, const char *check, struct error *err)
{
    if (check_pipeline(checking, check, "default_pipeline", err) < 0)
        return -1;
    return check_pipeline(checking, check, "final_pipeline", err);
}
