#include "usecases/since.h"

#include <string.h>

#include "base/memory.h"
#include "domain/survey.h"
#include "sql.h"

int since_check_identity(const struct instance *instance, const struct source *source,
                         struct error *err)
{
    if (!instance->source_system_identifier ||
        (strcmp(instance->source_system_identifier, source->system_identifier) == 0 &&
         strcmp(instance->source_database_oid, source->database_oid) == 0))
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" was filled from another source database",
              instance->index_name);
    return error_hint(err, "If this one has taken its place: esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

static int is_after(struct history *history, const char *sql, const char *one, const char *other,
                    bool *ret_after, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql, PG_VALUES(one, other), &rows, err) < 0)
        return -1;
    *ret_after = pg_bool(rows, 0, "after");
    return 0;
}

/*
 * The same database, but of an earlier time: what it lost in between is still in the index. A
 * write-ahead log that is shorter than it was proves that. Another timeline may mean it (a restore
 * to a point in time, a failover that lost commits) or not (a promotion that lost nothing, after
 * which updates have to go on): it is named at each update until a full one.
 */
static int check_past(struct context *context, const struct instance *instance,
                      const struct source *source, struct error *err)
{
    bool set_back = false;
    if (instance->source_lsn && source->lsn &&
        is_after(context->history, sql_history_lsn_after, instance->source_lsn, source->lsn,
                 &set_back, err) < 0)
        return -1;
    if (set_back) {
        error_set(err, ERR_FAILED,
                  "index \"%s\": the source was set back to an earlier state: its write-ahead log "
                  "ends at %s, and was at %s already",
                  instance->index_name, source->lsn, instance->source_lsn);
        return error_hint(
            err,
            "What it lost is still in the index. This removes it: esmigrate es_update "
            "%s-%d --full",
            instance->master, instance->number);
    }
    if (instance->source_timeline && strcmp(instance->source_timeline, source->timeline) != 0)
        log_say(context->log, LOG_WARNING,
                "%s: the source is on timeline %s, it was on %s at the last full update: what it "
                "lost in a restore or a failover is still in the index until es_update %s-%d "
                "--full",
                instance->index_name, source->timeline, instance->source_timeline, instance->master,
                instance->number);
    return 0;
}

int since_choose(struct context *context, const struct instance *instance,
                 const struct source *source, const char *asked, bool again, char **ret_since,
                 struct error *err)
{
    const struct log *log = context->log;
    if (!instance->filled_at) {
        log_say(log, LOG_NOTICE, "%s: it is not filled yet, so this update is a full one",
                instance->index_name);
        return 0;
    }
    if (since_check_identity(instance, source, err) < 0)
        return -1;
    if (!source_tells_changes(source)) {
        log_say(log, LOG_WARNING,
                "%s: documents.sql has no _changed_at, so every update is a full one",
                instance->index_name);
        return 0;
    }
    if (check_past(context, instance, source, err) < 0)
        return -1;
    if (asked) {
        *ret_since = x_strdup(asked);
        return 0;
    }
    if (!instance->changed_through) {
        log_say(log, LOG_NOTICE, "%s: no changed-since time is known yet, so the update is full",
                instance->index_name);
        return 0;
    }
    *ret_since = x_strdup(instance->changed_through);
    if (!source->changed && !again)
        log_say(log, LOG_NOTICE,
                "%s has no changed.sql: rows that are gone are found by --full only",
                instance->index_name);
    return 0;
}

/* By the clock of this machine since the last update, if it was the one that looked then too. */
static int check_elapsed(struct context *context, const struct instance *instance,
                         const struct horizon *horizon, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!instance->source_clock || !instance->source_clock_boot || !horizon->boot ||
        strcmp(instance->source_clock_boot, horizon->boot) != 0)
        return 0;
    if (history_query(context->history, sql_history_clock_lost,
                      PG_VALUES(instance->source_clock, instance->source_clock_uptime,
                                horizon->taken_at, pg_number(horizon->uptime_before_us).text),
                      &rows, err) < 0)
        return -1;
    if (pg_bool(rows, 0, "went_back"))
        log_say(context->log, LOG_WARNING,
                "%s: the source's clock was set back by about %s since the last update: changes "
                "stamped before that time again may be missed until es_update %s-%d --full",
                instance->index_name, pg_text(rows, 0, "lost"), instance->master, instance->number);
    return 0;
}

int since_check_clock(struct context *context, const struct instance *instance,
                      const struct horizon *horizon, struct error *err)
{
    bool went_back = false;
    if (!instance->changed_through || !horizon->taken_at)
        return 0;
    if (is_after(context->history, sql_history_time_after, instance->changed_through,
                 horizon->taken_at, &went_back, err) < 0)
        return -1;
    if (!went_back)
        return check_elapsed(context, instance, horizon, err);
    _cleanup_free_ char *mark = time_rfc3339(instance->changed_through);
    error_set(err, ERR_FAILED, "index \"%s\": the source's clock went back behind %s",
              instance->index_name, mark);
    return error_hint(err,
                      "Changes stamped meanwhile would be missed. Set the clock right, then: "
                      "esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

int since_find_behind(const struct instance *instance, const struct source *source,
                      const char *overlap, char **ret_behind, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!instance->changed_through || source->lsn)
        return 0;
    if (pg_query(source->pg, sql_source_standby_behind,
                 PG_VALUES(instance->changed_through, overlap ? overlap : horizon_default_overlap),
                 &rows, err) < 0)
        return -1;
    if (!pg_bool(rows, 0, "behind"))
        return 0;
    _cleanup_free_ char *mark = time_rfc3339(instance->changed_through);
    _cleanup_free_ char *replayed = time_rfc3339(pg_text(rows, 0, "replayed"));
    *ret_behind = x_printf("the source is a standby that %s%s, before changed_through, %s",
                           replayed ? "has the changes up to " : "has replayed no commit yet",
                           replayed ? replayed : "", mark);
    return 0;
}

int since_refuse_behind(const struct instance *instance, const char *behind, struct error *err)
{
    error_set(err, ERR_FAILED, "index \"%s\": %s", instance->index_name, behind);
    error_detail(err, "What it lacks would be taken for gone.");
    return error_hint(err, "Name the primary with --source, or wait until the standby has replayed "
                           "a later commit; then run the same command again.");
}

int since_leaves_gap(struct context *context, const struct instance *instance, const char *since,
                     bool *ret_gap, struct error *err)
{
    const char *mark = instance->changed_through;
    *ret_gap = !mark;
    return mark ? is_after(context->history, sql_history_time_after, since, mark, ret_gap, err) : 0;
}
