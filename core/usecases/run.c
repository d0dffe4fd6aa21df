#include "usecases/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/stop.h"
#include "domain/lock.h"
#include "sql.h"
#include "usecases/settle.h"

static int take_locks(struct run *run, const struct run_spec *spec, struct error *err)
{
    struct context *context = run->context;
    int wait = context->settings.wait_lock_s;
    if (spec->locks & RUN_LOCK_MASTER) {
        if (lock_take(context->history, LOCK_MASTER, spec->master_id, wait, err) < 0)
            return -1;
        run->locks |= RUN_LOCK_MASTER;
    }
    if (spec->locks & RUN_LOCK_INSTANCE) {
        if (lock_take(context->history, LOCK_INSTANCE, spec->instance_id, wait, err) < 0)
            return -1;
        run->locks |= RUN_LOCK_INSTANCE;
        run->locked_instance = spec->instance_id;
    }
    return 0;
}

static void release_locks(struct run *run)
{
    if (run->locks & RUN_LOCK_INSTANCE)
        lock_release(run->context->history, LOCK_INSTANCE, run->locked_instance);
    if (run->locks & RUN_LOCK_MASTER)
        lock_release(run->context->history, LOCK_MASTER, run->action.master_id);
    run->locks = 0;
}

static int insert_row(struct run *run, struct error *err)
{
    struct context *context = run->context;
    if (action_insert(context->history, &context->origin, &run->action, err) < 0)
        return -1;
    run->open = true;
    return 0;
}

/* What could not even begin leaves one closed row too. */
static int refused_with_row(struct run *run, struct error *err)
{
    _cleanup_(error_release) struct error row_error = {};
    if (insert_row(run, &row_error) < 0)
        log_say(run->context->log, LOG_WARNING, "the refusal is not in the history: %s",
                row_error.message);
    return run_end(run, -1, NULL, err);
}

static int refused_by_lock(struct run *run, const struct run_spec *spec, bool *ret_skipped,
                           struct error *err)
{
    struct context *context = run->context;
    release_locks(run);
    if (err->kind == ERR_BUSY && context->settings.skip_if_busy) {
        log_say(context->log, LOG_NOTICE, "%s: another run holds the lock, skipped", spec->name);
        error_release(err);
        *ret_skipped = true;
        return 0;
    }
    error_prefix(err, "%s", spec->name);
    return err->kind == ERR_BUSY ? refused_with_row(run, err) : -1;
}

static int settle_crashed(struct run *run, const struct run_spec *spec, struct error *err)
{
    struct context *context = run->context;
    if ((spec->locks & RUN_LOCK_MASTER) && settle_master(context, spec->master_id, err) < 0)
        return -1;
    if ((spec->locks & RUN_LOCK_INSTANCE) && settle_instance(context, spec->instance_id, err) < 0)
        return -1;
    return 0;
}

int run_begin(struct context *context, const struct run_spec *spec, struct run *ret_run,
              bool *ret_skipped, struct error *err)
{
    *ret_skipped = false;
    *ret_run = (struct run){
        .context = context,
        .action =
            {
                .parent_id = spec->parent_id,
                .master_id = spec->master_id,
                .instance_id = spec->instance_id,
                .name = spec->action,
            },
    };
    action_new_id(&ret_run->action);
    if (take_locks(ret_run, spec, err) < 0)
        return refused_by_lock(ret_run, spec, ret_skipped, err);
    int settled = settle_crashed(ret_run, spec, err);
    if (settled == 0 && insert_row(ret_run, err) == 0)
        return 0;
    return settled < 0 ? refused_with_row(ret_run, err) : run_end(ret_run, -1, NULL, err);
}

/* "MESSAGE DETAIL" with secrets masked: what the row says. The caller's. */
static char *row_error(const struct context *context, const struct error *err)
{
    _cleanup_free_ char *text =
        err->detail ? x_printf("%s (%s)", err->message, err->detail) : x_strdup(err->message);
    return secrets_mask(&context->secrets, text);
}

static int close_row(struct run *run, int result, struct report_item *item, struct error *err)
{
    struct context *context = run->context;
    _cleanup_free_ char *text = result < 0 ? row_error(context, err) : NULL;
    if (result < 0) {
        run->outcome.status = err->kind == ERR_STOPPED ? ACTION_INTERRUPTED : ACTION_FAILED;
        run->outcome.result = NULL;
        run->outcome.error = text;
    }
    _cleanup_(error_release) struct error close_error = {};
    double seconds = 0;
    if (action_close(context->history, &run->action, &run->outcome, &seconds, &close_error) < 0) {
        if (result == 0) {
            error_move(err, &close_error);
            return -1;
        }
        log_say(context->log, LOG_WARNING, "the failure is not in the history: %s",
                close_error.message);
    }
    if (item) {
        item->status = action_status_name(run->outcome.status);
        item->result = run->outcome.result;
        item->seconds = seconds;
    }
    return result;
}

int run_end(struct run *run, int result, struct report_item *item, struct error *err)
{
    if (item)
        snprintf(item->id, sizeof(item->id), "%s", run->action.id);
    if (run->open)
        result = close_row(run, result, item, err);
    run->open = false;
    release_locks(run);
    return result;
}

int run_end_in_transaction(struct run *run, struct report_item *item, struct error *err)
{
    struct history *history = run->context->history;
    int result = close_row(run, 0, item, err);
    if (result == 0)
        result = history_commit(history, err);
    if (result < 0) {
        history_rollback(history);
        return run_end(run, -1, item, err);
    }
    run->open = false;
    return run_end(run, 0, item, err);
}

int run_refused(struct context *context, const char *action, int64_t master_id, struct error *err)
{
    struct run run = {
        .context = context,
        .action = {.master_id = master_id, .name = action},
    };
    if (context->settings.dry_run || !master_id)
        return -1;
    action_new_id(&run.action);
    return refused_with_row(&run, err);
}

/* ---- parents ---- */

static int parent_lock_number(struct parent *parent, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(parent->context->history, sql_history_lock_hash, PG_VALUES(parent->action.id),
                      &rows, err) < 0)
        return -1;
    parent->lock = pg_int(rows, 0, "object");
    return 0;
}

int parent_begin(struct context *context, const char *action, size_t parts, struct parent *ret,
                 struct error *err)
{
    *ret = (struct parent){.context = context, .action = {.name = action}};
    if (settle_parents(context, err) < 0)
        return -1;
    if (parts < 2)
        return 0;
    action_new_id(&ret->action);
    if (parent_lock_number(ret, err) < 0 ||
        lock_take(context->history, LOCK_PARENT, ret->lock, 0, err) < 0 ||
        action_insert(context->history, &context->origin, &ret->action, err) < 0)
        return -1;
    ret->open = true;
    return 0;
}

int parent_end(struct parent *parent, int result, struct error *err)
{
    if (!parent->open)
        return result;
    struct run run = {.context = parent->context, .action = parent->action, .open = true};
    result = run_end(&run, result, NULL, err);
    lock_release(parent->context->history, LOCK_PARENT, parent->lock);
    parent->open = false;
    return result;
}

const char *parent_id(const struct parent *parent)
{
    return parent->open ? parent->action.id : NULL;
}
