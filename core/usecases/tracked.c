#include "usecases/tracked.h"

#include <string.h>

#include "base/memory.h"
#include "sql.h"

static int hint_full(const struct instance *instance, struct error *err)
{
    return error_hint(err, "Read everything again: esmigrate es_update %s-%d --full",
                      instance->master, instance->number);
}

/* What is named quotes itself, so that the hint can be pasted. */
static char *quoted_for_shell(const char *text)
{
    struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    buffer_char(&out, '\'');
    for (const char *c = text; *c; c++)
        if (*c == '\'')
            buffer_text(&out, "'\\''");
        else
            buffer_char(&out, *c);
    buffer_char(&out, '\'');
    return buffer_take(&out);
}

static int broken(const struct instance *instance, const struct pg_rows *rows, size_t row,
                  struct error *err)
{
    _cleanup_free_ char *table = quoted_for_shell(pg_text(rows, row, "source_table"));
    _cleanup_free_ char *expression = quoted_for_shell(pg_text(rows, row, "id_expression"));
    error_set(err, ERR_FAILED,
              "index \"%s\": the triggers of %s that changed.sql relies on are gone, or were "
              "switched off",
              instance->index_name, pg_text(rows, row, "source_table"));
    error_detail(err, "Since then its changes are not recorded by tracker %s.",
                 pg_text(rows, row, "name"));
    return error_hint(err,
                      "Make them again: esmigrate es_track %s --table %s --id %s --apply. Then "
                      "read everything: esmigrate es_update %s-%d --full",
                      pg_text(rows, row, "master"), table, expression, instance->master,
                      instance->number);
}

static int subscribed(const struct instance *instance, const struct pg_rows *rows, size_t row,
                      struct error *err)
{
    error_set(err, ERR_FAILED,
              "index \"%s\": %s is filled by a subscription, and replication fires no triggers of "
              "statements",
              instance->index_name, pg_text(rows, row, "source_table"));
    error_detail(err, "changed.sql relies on tracker %s, which misses what is replicated.",
                 pg_text(rows, row, "name"));
    return error_hint(err,
                      "Let changed.sql find what changed without it, then: esmigrate es_create %s. "
                      "Or read everything each time: esmigrate es_update %s-%d --full",
                      instance->master, instance->master, instance->number);
}

static int pruned(const struct instance *instance, const struct pg_rows *rows, size_t row,
                  const char *since, struct error *err)
{
    _cleanup_free_ char *up_to = time_rfc3339(pg_text(rows, row, "pruned_up_to"));
    _cleanup_free_ char *from = time_rfc3339(since);
    error_set(err, ERR_FAILED,
              "index \"%s\": changes of %s before %s are no longer recorded in the source",
              instance->index_name, pg_text(rows, row, "source_table"), up_to);
    error_detail(err, "They were pruned; this update would have to begin at %s.", from);
    return hint_full(instance, err);
}

static int late(const struct instance *instance, const struct pg_rows *rows, size_t row,
                struct error *err)
{
    _cleanup_free_ char *moment = time_rfc3339(pg_text(rows, row, "began_at"));
    error_set(
        err, ERR_FAILED,
        "index \"%s\": changes of %s are recorded only since %s, which is after the index was "
        "filled",
        instance->index_name, pg_text(rows, row, "source_table"), moment);
    return hint_full(instance, err);
}

/* Of a full update that did not note what it saw the clock has to tell: triggers that are younger
 * than changed_through's start may still be older than the load itself, as the mark stays behind
 * the moment of reading. */
static int check_late(struct context *context, const struct instance *instance,
                      const struct pg_rows *rows, size_t row, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *full = NULL;
    if (history_query(context->history, sql_history_full_began,
                      PG_VALUES(pg_number(instance->id).text, pg_text(rows, row, "seen_as"),
                                pg_text(rows, row, "began_at")),
                      &full, err) < 0)
        return -1;
    bool filled = pg_rows_count(full) > 0, saw;
    if (filled && pg_text(full, 0, "saw_tracker"))
        saw = pg_bool(full, 0, "saw_tracker");
    else
        saw = !pg_bool(rows, row, "late") || (filled && !pg_bool(full, 0, "before_tracker"));
    return saw ? 0 : late(instance, rows, row, err);
}

static int unreadable(const struct instance *instance, const char *reader, struct error *err)
{
    error_set(err, ERR_POSTGRES,
              "index \"%s\": this role may not read all of schema esmigrate_source in the source",
              instance->index_name);
    return error_hint(err,
                      "GRANT USAGE ON SCHEMA esmigrate_source TO %s; GRANT SELECT ON "
                      "esmigrate_source.change, esmigrate_source.tracker TO %s;",
                      reader, reader);
}

int tracked_check(struct context *context, const struct instance *instance,
                  const struct source *source, const char *since, struct error *err)
{
    const char *changed_sql = instance->content.changed_sql;
    _cleanup_(pg_rows_freep) struct pg_rows *there = NULL, *rows = NULL;
    if (!since || !source->changed)
        return 0;
    if (pg_query(source->pg, sql_source_track_there, PG_NO_VALUES, &there, err) < 0)
        return -1;
    if (!pg_bool(there, 0, "there"))
        return 0;
    if (!pg_bool(there, 0, "readable"))
        return strstr(changed_sql, "esmigrate_source")
                   ? unreadable(instance, pg_text(there, 0, "reader"), err)
                   : 0;
    if (pg_query(source->pg, sql_source_track_state, PG_VALUES(changed_sql, since), &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        if (pg_bool(rows, i, "broken"))
            return broken(instance, rows, i, err);
        if (pg_bool(rows, i, "subscribed"))
            return subscribed(instance, rows, i, err);
        if (pg_bool(rows, i, "pruned"))
            return pruned(instance, rows, i, since, err);
        if (check_late(context, instance, rows, i, err) < 0)
            return -1;
    }
    return 0;
}

int tracked_seen(const struct source *source, char **ret_trackers, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *there = NULL, *rows = NULL;
    *ret_trackers = NULL;
    if (!source->changed)
        return 0;
    if (pg_query(source->pg, sql_source_track_there, PG_NO_VALUES, &there, err) < 0)
        return -1;
    /* What it may not look at it has not seen: rights may come with the very transaction that the
     * triggers do. */
    if (!pg_bool(there, 0, "there") || !pg_bool(there, 0, "readable")) {
        *ret_trackers = x_strdup("{}");
        return 0;
    }
    if (pg_query(source->pg, sql_source_track_seen, PG_NO_VALUES, &rows, err) < 0)
        return -1;
    *ret_trackers = x_strdup(pg_text(rows, 0, "trackers"));
    return 0;
}
