#include "domain/history.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"

/* A time so long after or before now is one that PostgreSQL knows. */
static const int64_t longest_interval_s = INT64_C(100) * 366 * 24 * 60 * 60;

int session_mark(struct pg *pg, struct error *err)
{
    if (pg_is_pooled(pg))
        return 0;
    return pg_query(pg, sql_source_mark_session, PG_NO_VALUES, NULL, err);
}

int history_open(const struct history_options *options, struct history **ret_history,
                 struct error *err)
{
    _cleanup_(history_closep) struct history *history = x_calloc(1, sizeof(*history));
    history->conninfo = x_strdup(options->conninfo);
    history->lock_timeout_s = options->lock_timeout_s;
    struct pg_options pg_options = {
        .conninfo = options->conninfo,
        .name = "history",
        .lock_timeout_s = options->lock_timeout_s,
        .search_path = "pg_catalog",
    };
    if (pg_open(&pg_options, &history->pg, err) < 0)
        return -1;
    /* When the history lives in the source, its own statements must not hold the horizon back. */
    if (session_mark(history->pg, err) < 0)
        return -1;
    *ret_history = TAKE_PTR(history);
    return 0;
}

void history_close(struct history *history)
{
    if (!history)
        return;
    pg_close(history->pg);
    pg_close(history->locks);
    free(history->conninfo);
    free(history);
}

int history_query(struct history *history, const char *sql, const char *const *values, size_t count,
                  struct pg_rows **ret_rows, struct error *err)
{
    return pg_query(history->pg, sql, values, count, ret_rows, err);
}

int history_begin(struct history *history, struct error *err)
{
    return pg_run(history->pg, "BEGIN", err);
}

int history_commit(struct history *history, struct error *err)
{
    return pg_run(history->pg, "COMMIT", err);
}

void history_rollback(struct history *history)
{
    _cleanup_(error_release) struct error ignored = {};
    pg_run(history->pg, "ROLLBACK", &ignored);
}

/* ---- masters ---- */

void master_release(struct master *master)
{
    free(master->name);
    free(master->options);
    free(master->created_at);
    *master = (struct master){};
}

void masters_release(struct masters *masters)
{
    for (size_t i = 0; i < masters->count; i++)
        master_release(&masters->list[i]);
    free(masters->list);
    *masters = (struct masters){};
}

static int find_masters(struct history *history, const char *name, struct masters *ret_masters,
                        struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_master_find, PG_VALUES(name), &rows, err) < 0)
        return -1;
    struct masters masters = {.count = pg_rows_count(rows)};
    masters.list = x_calloc(masters.count, sizeof(*masters.list));
    for (size_t i = 0; i < masters.count; i++) {
        masters.list[i] = (struct master){
            .id = pg_int(rows, i, "id"),
            .name = x_strdup(pg_text(rows, i, "name")),
            .active_instance_id = pg_int(rows, i, "active_instance_id"),
            .options = x_strdup(pg_text(rows, i, "options")),
            .created_at = x_strdup(pg_text(rows, i, "created_at")),
        };
    }
    *ret_masters = masters;
    return 0;
}

int history_find_master(struct history *history, const char *name, struct master *ret_master,
                        struct error *err)
{
    _cleanup_(masters_release) struct masters masters = {};
    if (find_masters(history, name, &masters, err) < 0)
        return -1;
    *ret_master = masters.count ? TAKE(masters.list[0]) : (struct master){};
    return 0;
}

int history_all_masters(struct history *history, struct masters *ret_masters, struct error *err)
{
    return find_masters(history, NULL, ret_masters, err);
}

int history_ensure_master(struct history *history, const char *name, struct error *err)
{
    return history_query(history, sql_history_master_ensure, PG_VALUES(name), NULL, err);
}

int history_set_master_options(struct history *history, int64_t master_id, const char *json,
                               struct error *err)
{
    return history_query(history, sql_history_master_options,
                         PG_VALUES(pg_number(master_id).text, json), NULL, err);
}

/* ---- instances ---- */

static void instance_release(struct instance *instance)
{
    char *texts[] = {
        instance->master,
        instance->index_name,
        instance->index_uuid,
        instance->search_path,
        instance->fingerprint,
        instance->pending_action_id,
        instance->deletes,
        instance->tag,
        instance->state,
        instance->created_at,
        instance->filled_at,
        instance->changed_through,
        instance->dropped_at,
        instance->deactivated_at,
        instance->kept_until,
        instance->settings_to_restore,
        instance->activated_at,
        instance->source_system_identifier,
        instance->source_database_oid,
        instance->source_lsn,
        instance->source_timeline,
        instance->source_clock,
        instance->source_clock_boot,
        instance->source_clock_uptime,
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        free(texts[i]);
    content_release(&instance->content);
}

void instances_release(struct instances *instances)
{
    for (size_t i = 0; i < instances->count; i++)
        instance_release(&instances->list[i]);
    free(instances->list);
    *instances = (struct instances){};
}

static char *copy_text(const struct pg_rows *rows, size_t row, const char *column)
{
    return x_strdup(pg_text(rows, row, column));
}

static struct instance read_instance(const struct pg_rows *rows, size_t row)
{
    return (struct instance){
        .id = pg_int(rows, row, "id"),
        .master_id = pg_int(rows, row, "master_id"),
        .master = copy_text(rows, row, "master"),
        .number = (int)pg_int(rows, row, "number"),
        .index_name = copy_text(rows, row, "index_name"),
        .index_uuid = copy_text(rows, row, "index_uuid"),
        .pending_action_id = copy_text(rows, row, "pending_action_id"),
        .content =
            {
                .body = copy_text(rows, row, "body"),
                .documents_sql = copy_text(rows, row, "documents_sql"),
                .changed_sql = copy_text(rows, row, "changed_sql"),
                .changed_at_zone = copy_text(rows, row, "changed_at_zone"),
            },
        .search_path = copy_text(rows, row, "search_path"),
        .fingerprint = copy_text(rows, row, "fingerprint"),
        .deletes = copy_text(rows, row, "deletes"),
        .tag = copy_text(rows, row, "tag"),
        .state = copy_text(rows, row, "state"),
        .changed_through = copy_text(rows, row, "changed_through"),
        .read_version = pg_int(rows, row, "read_version"),
        .writer_epoch = (int)pg_int(rows, row, "writer_epoch"),
        .source_system_identifier = copy_text(rows, row, "source_system_identifier"),
        .source_database_oid = copy_text(rows, row, "source_database_oid"),
        .source_lsn = copy_text(rows, row, "source_lsn"),
        .source_timeline = copy_text(rows, row, "source_timeline"),
        .source_clock = copy_text(rows, row, "source_clock"),
        .source_clock_boot = copy_text(rows, row, "source_clock_boot"),
        .source_clock_uptime = copy_text(rows, row, "source_clock_uptime"),
        .created_at = copy_text(rows, row, "created_at"),
        .filled_at = copy_text(rows, row, "filled_at"),
        .activated_at = copy_text(rows, row, "activated_at"),
        .dropped_at = copy_text(rows, row, "dropped_at"),
        .deactivated_at = copy_text(rows, row, "deactivated_at"),
        .kept = pg_bool(rows, row, "kept"),
        .kept_until = copy_text(rows, row, "kept_until"),
        .settings_to_restore = copy_text(rows, row, "settings_to_restore"),
        .active = pg_bool(rows, row, "active"),
    };
}

int history_find_instances(struct history *history, int64_t master_id,
                           struct instances *ret_instances, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_instance_find,
                      PG_VALUES(master_id ? pg_number(master_id).text : NULL), &rows, err) < 0)
        return -1;
    struct instances instances = {.count = pg_rows_count(rows)};
    instances.list = x_calloc(instances.count, sizeof(*instances.list));
    for (size_t i = 0; i < instances.count; i++)
        instances.list[i] = read_instance(rows, i);
    *ret_instances = instances;
    return 0;
}

bool instance_is_live(const struct instance *instance)
{
    return !instance->dropped_at && instance->index_uuid;
}

const struct instance *instances_by_id(const struct instances *instances, int64_t id)
{
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].id == id)
            return &instances->list[i];
    return NULL;
}

const struct instance *instances_by_number(const struct instances *instances, int number)
{
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].number == number && instance_is_live(&instances->list[i]))
            return &instances->list[i];
    return NULL;
}

const struct instance *instances_by_index(const struct instances *instances, const char *index)
{
    for (size_t i = 0; i < instances->count; i++)
        if (instance_is_live(&instances->list[i]) &&
            strcmp(instances->list[i].index_name, index) == 0)
            return &instances->list[i];
    return NULL;
}

const struct instance *instances_newest(const struct instances *instances)
{
    const struct instance *newest = NULL;
    for (size_t i = 0; i < instances->count; i++)
        if (instance_is_live(&instances->list[i]) &&
            (!newest || instances->list[i].number > newest->number))
            newest = &instances->list[i];
    return newest;
}

const struct instance *instances_by_fingerprint(const struct instances *instances,
                                                const char *fingerprint)
{
    const struct instance *found = NULL;
    for (size_t i = 0; i < instances->count; i++)
        if (instance_is_live(&instances->list[i]) &&
            strcmp(instances->list[i].fingerprint, fingerprint) == 0)
            found = &instances->list[i];
    return found;
}

const struct instance *instances_active(const struct instances *instances)
{
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].active)
            return &instances->list[i];
    return NULL;
}

int instances_next_number(const struct instances *instances)
{
    int highest = 0;
    for (size_t i = 0; i < instances->count; i++)
        if (instances->list[i].number > highest)
            highest = instances->list[i].number;
    return highest + 1;
}

int history_drop_instance(struct history *history, int64_t instance_id, struct error *err)
{
    const struct pg_number id = pg_number(instance_id);
    if (history_query(history, sql_history_instance_deactivate, PG_VALUES(id.text), NULL, err) <
            0 ||
        history_query(history, sql_history_rejected_clear, PG_VALUES(id.text), NULL, err) < 0)
        return -1;
    return history_query(history, sql_history_instance_dropped, PG_VALUES(id.text), NULL, err);
}

/* ---- times ---- */

/* PostgreSQL would read a text without zone in the session's; the design wants it said. */
static bool names_a_zone(const char *text)
{
    size_t length = strlen(text);
    if (!length)
        return false;
    if (text[length - 1] == 'Z' || text[length - 1] == 'z')
        return true;
    const char *clock = strpbrk(text, "T ");
    return clock && (strpbrk(clock, "+-") || strstr(clock, "UTC") || strchr(clock, '/'));
}

int history_parse_time(struct history *history, const char *text, char **ret_time,
                       struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!names_a_zone(text)) {
        error_set(err, ERR_USAGE, "the time \"%s\" has no time zone", text);
        return error_hint(err, "Write it as RFC 3339, for example 2026-01-31T08:00:00Z.");
    }
    if (history_query(history, sql_history_parse_time, PG_VALUES(text), &rows, err) < 0) {
        if (strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_set(err, ERR_USAGE, "\"%s\" is not a time", text);
        return error_hint(err, "Write it as RFC 3339, for example 2026-01-31T08:00:00Z.");
    }
    *ret_time = x_strdup(pg_text(rows, 0, "moment"));
    return 0;
}

int history_interval_seconds(struct history *history, const char *text, const char *what,
                             int64_t *ret_seconds, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    int result = history_query(history, sql_history_interval_seconds, PG_VALUES(text), &rows, err);
    if (result < 0 && strncmp(err->sqlstate, "22", 2) != 0)
        return -1;
    *ret_seconds = result == 0 ? pg_int(rows, 0, "seconds") : -1;
    if (*ret_seconds >= 0 && *ret_seconds <= longest_interval_s)
        return 0;
    if (*ret_seconds > 0)
        error_set(err, ERR_USAGE, "%s: \"%s\" is longer than a hundred years", what, text);
    else
        error_set(err, ERR_USAGE, "%s: \"%s\" is not an interval", what, text);
    return error_hint(err, "Write it as PostgreSQL does, for example \"72 hours\".");
}

char *time_rfc3339(const char *text)
{
    if (!text)
        return NULL;
    size_t length = strlen(text);
    if (length < 3 || strcmp(text + length - 3, "+00") != 0 || !isdigit((unsigned char)*text))
        return x_strdup(text); /* infinity, or a year before Christ */
    char *copy = x_strndup(text, length - 2);
    copy[length - 3] = 'Z';
    char *space = strchr(copy, ' ');
    if (space)
        *space = 'T';
    return copy;
}
