#include "usecases/track.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql.h"
#include "usecases/owner_source.h"
#include "usecases/run.h"
#include "usecases/targets.h"

/* One --prune: what it works with. */
struct pruning {
    struct context *context;
    const struct prune_request *request;
    struct source *source;
    struct prune_report *report;
};

void prune_report_release(struct prune_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->items[i].master);
        free(report->items[i].tracker);
        free(report->items[i].table);
        free(report->items[i].pruned_up_to);
    }
    free(report->items);
    *report = (struct prune_report){};
}

static int check_keep(struct source *source, const char *keep, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (pg_query(source->pg, sql_source_check_options, PG_VALUES(NULL, keep), &rows, err) < 0) {
        if (strncmp(err->sqlstate, "22", 2) != 0)
            return -1;
        error_set(err, ERR_USAGE, "--keep: \"%s\" is not a duration", keep);
    } else if (pg_bool(rows, 0, "overlap_is_good")) {
        return 0;
    } else {
        error_set(err, ERR_USAGE, "--keep must not be negative");
    }
    return error_hint(err, "Write an interval as PostgreSQL does, for example --keep '7 days'.");
}

/* An instance that is not updated any more keeps records for ever: it is named. */
static void say_held(const struct pruning *pruning, const char *tracker,
                     const struct pg_rows *readers)
{
    _cleanup_free_ char *behind = time_rfc3339(pg_text(readers, 0, "behind"));
    log_say(pruning->context->log, LOG_WARNING,
            "%s: index \"%s\" has read changes up to %s only, so younger records stay; update it, "
            "or drop it",
            tracker, pg_text(readers, 0, "slowest"), behind);
}

static int prune_tracker(struct pruning *pruning, const struct pg_rows *trackers, size_t row,
                         struct error *err)
{
    struct context *context = pruning->context;
    struct source *source = pruning->source;
    const char *tracker = pg_text(trackers, row, "name");
    const char *master = pg_text(trackers, row, "master");
    _cleanup_(pg_rows_freep) struct pg_rows *readers = NULL, *limit = NULL, *done = NULL;
    if (history_query(context->history, sql_history_track_readers,
                      PG_VALUES(master, tracker, source->system_identifier, source->database_oid),
                      &readers, err) < 0 ||
        pg_query(source->pg, sql_source_track_limit,
                 PG_VALUES(pruning->request->keep, pg_text(readers, 0, "behind")), &limit, err) < 0)
        return -1;
    if (pg_bool(limit, 0, "held"))
        say_held(pruning, tracker, readers);
    const char *statement =
        context->settings.dry_run ? sql_source_track_count : sql_source_track_prune;
    if (pg_query(source->pg, statement, PG_VALUES(tracker, pg_text(limit, 0, "up_to")), &done,
                 err) < 0)
        return owner_source_failed(source, pg_text(trackers, row, "source_table"), err);
    struct prune_report *report = pruning->report;
    report->items = x_grow(report->items, report->count, &report->capacity, sizeof(*report->items));
    report->items[report->count++] = (struct prune_item){
        .master = x_strdup(master),
        .tracker = x_strdup(tracker),
        .table = x_strdup(pg_text(trackers, row, "source_table")),
        .readers = (int)pg_int(readers, 0, "readers"),
        .removed = pg_int(done, 0, "removed"),
        .pruned_up_to = x_strdup(pg_text(done, 0, "pruned_up_to")),
    };
    return 0;
}

static int prune_all(struct pruning *pruning, const struct pg_rows *trackers, struct error *err)
{
    for (size_t i = 0; i < pg_rows_count(trackers); i++)
        if (prune_tracker(pruning, trackers, i, err) < 0)
            return -1;
    return 0;
}

/* Under the lock of the master, so that no instance of it is made or dropped meanwhile. */
static int prune_master(struct pruning *pruning, const struct master *master, struct error *err)
{
    struct context *context = pruning->context;
    struct source *source = pruning->source;
    _cleanup_(pg_rows_freep) struct pg_rows *trackers = NULL;
    if (pg_query(source->pg, sql_source_track_list, PG_VALUES(master->name), &trackers, err) < 0)
        return owner_source_failed(source, "esmigrate_source.tracker", err);
    if (!pg_rows_count(trackers))
        return 0;
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "track",
        .name = master->name,
        .master_id = master->id,
        .locks = RUN_LOCK_MASTER,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    size_t first = pruning->report->count;
    run.outcome.result = "pruned";
    int result = prune_all(pruning, trackers, err);
    for (size_t i = first; i < pruning->report->count; i++)
        snprintf(pruning->report->items[i].id, sizeof(run.action.id), "%s", run.action.id);
    return run_end(&run, result, NULL, err);
}

/* Only masters of this history: who reads the records of others is not known here. */
static int find_masters(struct context *context, const char *name, struct masters *ret_masters,
                        struct error *err)
{
    if (!name)
        return history_all_masters(context->history, ret_masters, err);
    ret_masters->list = x_calloc(1, sizeof(*ret_masters->list));
    ret_masters->count = 1;
    if (history_find_master(context->history, name, &ret_masters->list[0], err) < 0)
        return -1;
    return ret_masters->list[0].id ? 0 : unknown_master(context, name, err);
}

static int open_source(struct context *context, const struct prune_request *request,
                       const struct masters *masters, struct source **ret_source, struct error *err)
{
    _cleanup_(master_options_release) struct master_options options = {};
    if (request->master && master_options_parse(masters->list[0].options, "options in the history",
                                                masters->list[0].name, &options, err) < 0)
        return -1;
    return owner_source_open(context, options.source, ret_source, err);
}

int track_prune(struct context *context, const struct prune_request *request,
                struct prune_report *report, struct error *err)
{
    _cleanup_(masters_release) struct masters masters = {};
    _cleanup_(source_closep) struct source *source = NULL;
    _cleanup_(pg_rows_freep) struct pg_rows *there = NULL;
    if (context_open_history(context, !context->settings.dry_run, err) < 0 ||
        find_masters(context, request->master, &masters, err) < 0 ||
        open_source(context, request, &masters, &source, err) < 0 ||
        check_keep(source, request->keep, err) < 0 ||
        pg_query(source->pg, sql_source_track_there, PG_NO_VALUES, &there, err) < 0)
        return -1;
    if (!pg_bool(there, 0, "there"))
        return 0;
    struct pruning pruning = {
        .context = context,
        .request = request,
        .source = source,
        .report = report,
    };
    for (size_t i = 0; i < masters.count; i++)
        if (prune_master(&pruning, &masters.list[i], err) < 0)
            return -1;
    return 0;
}
