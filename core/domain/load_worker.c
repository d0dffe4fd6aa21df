#include "domain/load_worker.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "domain/action.h"
#include "domain/lock.h"
#include "sql.h"

/* As long as a server may make a worker wait for one statement, and some. */
static const char lease[] = "30 seconds";
enum { RENEW_MS = 5000 };

int load_worker_begin(struct load_worker *worker, bool joins, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(worker->history, sql_history_load_worker_begin,
                      PG_VALUES(worker->action_id, pg_number(worker->load_id).text,
                                joins ? "true" : "false", lease),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    worker->epoch = (int)pg_int(rows, 0, "writer_epoch");
    worker->renewed = clock_ms();
    return 0;
}

int load_worker_check(struct load_worker *worker, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(worker->history, sql_history_load_worker_renew,
                      PG_VALUES(worker->action_id, lease), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    worker->renewed = clock_ms();
    worker->others = pg_int(rows, 0, "documents_of_others");
    return 0;
}

int load_worker_renew(struct load_worker *worker, struct error *err)
{
    return clock_ms() - worker->renewed < RENEW_MS ? 0 : load_worker_check(worker, err);
}

/* ---- ranges ---- */

void load_range_release(struct load_range *range)
{
    free(range->first);
    free(range->end);
    *range = (struct load_range){};
}

int load_worker_take(struct load_worker *worker, struct load_range *ret_range, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    *ret_range = (struct load_range){};
    if (history_query(worker->history, sql_history_load_range_take,
                      PG_VALUES(worker->action_id, pg_number(worker->load_id).text), &rows,
                      err) < 0)
        return -1;
    if (pg_rows_count(rows))
        *ret_range = (struct load_range){
            .number = (int)pg_int(rows, 0, "number"),
            .first = x_strdup(pg_text(rows, 0, "first_id")),
            .end = x_strdup(pg_text(rows, 0, "end_id")),
        };
    return 0;
}

int load_worker_finish(struct load_worker *worker, int number, const struct range_outcome *outcome,
                       struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(worker->history, sql_history_load_range_finish,
                      PG_VALUES(worker->action_id, pg_number(worker->load_id).text,
                                pg_number(number).text, pg_number(outcome->indexed).text,
                                pg_number(outcome->deleted).text, pg_number(outcome->rejected).text,
                                pg_number(outcome->superseded).text),
                      &rows, err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

int load_worker_look(struct load_worker *worker, struct load_work *ret_work, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(worker->history, sql_history_load_work,
                      PG_VALUES(worker->action_id, pg_number(worker->load_id).text), &rows,
                      err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    *ret_work = (struct load_work){
        .ended = pg_bool(rows, 0, "ended"),
        .left = (size_t)pg_int(rows, 0, "unfinished"),
        .indexed = pg_int(rows, 0, "indexed"),
        .has_earlier = pg_int(rows, 0, "earlier") > 0,
        .is_shared = pg_int(rows, 0, "others") > 0,
        .cut_short = pg_int(rows, 0, "cut_short") > 0,
    };
    return 0;
}

/* ---- the others ---- */

void dead_workers_free(struct dead_worker *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].action_id);
        free(list[i].who);
        free(list[i].why);
    }
    free(list);
}

int load_worker_find_dead(struct load_worker *worker, struct dead_worker **ret_list,
                          size_t *ret_count, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(worker->history, sql_history_load_worker_dead,
                      PG_VALUES(pg_number(worker->load_id).text, worker->action_id,
                                pg_number(LOCK_WORKER).text),
                      &rows, err) < 0)
        return -1;
    *ret_count = pg_rows_count(rows);
    *ret_list = x_calloc(*ret_count, sizeof(**ret_list));
    for (size_t i = 0; i < *ret_count; i++) {
        _cleanup_free_ char *until = time_rfc3339(pg_text(rows, i, "leased_until"));
        (*ret_list)[i] = (struct dead_worker){
            .action_id = x_strdup(pg_text(rows, i, "action_id")),
            .who = x_printf("pid %s on %s", pg_text(rows, i, "pid"), pg_text(rows, i, "host")),
            .why = pg_bool(rows, i, "held") ? x_printf("its lease was over at %s", until)
                                            : x_strdup("its session is gone"),
            .epoch = (int)pg_int(rows, i, "writer_epoch"),
        };
    }
    return 0;
}

int load_worker_replace(struct load_worker *worker, const struct dead_worker *dead,
                        bool *ret_replaced, struct error *err)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_free_ char *text =
        x_printf("the run ended without saying how: %s; another worker of the full update has "
                 "replaced it",
                 dead->why);
    if (history_query(worker->history, sql_history_load_worker_replace,
                      PG_VALUES(dead->action_id, text, worker->action_id), &rows, err) < 0)
        return -1;
    *ret_replaced = pg_rows_count(rows) > 0;
    if (*ret_replaced)
        history_query(worker->history, sql_history_load_worker_disconnect,
                      PG_VALUES(dead->action_id, pg_number(LOCK_WORKER).text), NULL, &ignored);
    return 0;
}

int load_worker_any(struct history *history, int64_t instance_id, bool *ret_any, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_full_load_running,
                      PG_VALUES(pg_number(instance_id).text, pg_number(LOCK_WORKER).text), &rows,
                      err) < 0)
        return -1;
    *ret_any = pg_bool(rows, 0, "running");
    return 0;
}
