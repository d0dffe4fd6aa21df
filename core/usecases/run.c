#include "usecases/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "domain/lock.h"
#include "sql.h"
#include "usecases/settle.h"

/* ---- locks ---- */

typedef int lock_function(struct history *history, enum lock_class class, int64_t object,
                          int wait_s, struct error *err);

/* A silent wait would look like a hang: who is waited for is said, once. */
static int take_lock(struct context *context, const char *name, lock_function *take,
                     enum lock_class class, int64_t object, struct error *err)
{
    int wait = context->settings.wait_lock_s;
    if (take(context->history, class, object, 0, err) == 0)
        return 0;
    if (err->kind != ERR_BUSY || !wait)
        return -1;
    const char *who = err->detail ? err->detail : "another run holds it.";
    log_say(context->log, LOG_NOTICE, "%s: waiting for the lock: %.*s", name, (int)strlen(who) - 1,
            who);
    error_release(err);
    return take(context->history, class, object, wait, err);
}

static int take_locks(struct run *run, const struct run_spec *spec, struct error *err)
{
    struct context *context = run->context;
    if (spec->locks & RUN_LOCK_MASTER) {
        if (take_lock(context, spec->name, lock_take, LOCK_MASTER, spec->master_id, err) < 0)
            return -1;
        run->locks |= RUN_LOCK_MASTER;
    }
    int instance = spec->locks & (RUN_LOCK_INSTANCE | RUN_LOCK_SHARED);
    if (instance) {
        if (take_lock(context, spec->name,
                      instance == RUN_LOCK_SHARED ? lock_take_shared : lock_take, LOCK_INSTANCE,
                      spec->instance_id, err) < 0)
            return -1;
        run->locks |= instance;
        run->locked_instance = spec->instance_id;
    }
    if (spec->locks & RUN_LOCK_VERIFY) {
        if (take_lock(context, spec->name, lock_take, LOCK_VERIFY, spec->instance_id, err) < 0)
            return -1;
        run->locks |= RUN_LOCK_VERIFY;
        run->locked_instance = spec->instance_id;
    }
    return 0;
}

static void release_locks(struct run *run)
{
    if (run->locks & RUN_LOCK_VERIFY)
        lock_release(run->context->history, LOCK_VERIFY, run->locked_instance);
    if (run->locks & RUN_LOCK_INSTANCE)
        lock_release(run->context->history, LOCK_INSTANCE, run->locked_instance);
    if (run->locks & RUN_LOCK_SHARED)
        lock_release_shared(run->context->history, LOCK_INSTANCE, run->locked_instance);
    if (run->locks & RUN_LOCK_MASTER)
        lock_release(run->context->history, LOCK_MASTER, run->action.master_id);
    if (run->locks & RUN_LOCK_WORKER)
        lock_release(run->context->history, LOCK_WORKER, run->locked_worker);
    run->locks = 0;
}

/* ---- rows ---- */

/* "MESSAGE (DETAIL)" with secrets masked: what the row says. The caller's. */
static char *row_error(const struct context *context, const struct error *err)
{
    _cleanup_free_ char *text =
        err->detail ? x_printf("%s (%s)", err->message, err->detail) : x_strdup(err->message);
    _cleanup_free_ char *clean = utf8_clean(text);
    return secrets_mask(&context->secrets, clean);
}

static enum action_status status_of(const struct error *err)
{
    return err->kind == ERR_STOPPED ? ACTION_INTERRUPTED : ACTION_FAILED;
}

/* The row of what could not begin; releases the locks that were taken. Returns -1. */
static int refuse(struct run *run, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(error_release) struct error row = {};
    _cleanup_free_ char *text = row_error(context, err);
    if (action_insert_refused(context->history, &context->origin, &run->action, status_of(err),
                              text, &row) < 0)
        log_say(context->log, LOG_WARNING, "the refusal is not in the history: %s", row.message);
    release_locks(run);
    return -1;
}

static int refused_by_lock(struct run *run, const struct run_spec *spec, bool *ret_skipped,
                           struct error *err)
{
    struct context *context = run->context;
    if (err->kind == ERR_BUSY && context->settings.skip_if_busy) {
        release_locks(run);
        log_say(context->log, LOG_NOTICE, "%s: another run holds the lock, skipped", spec->name);
        error_release(err);
        *ret_skipped = context->skipped = true;
        return 0;
    }
    error_prefix(err, "%s", spec->name);
    return refuse(run, err);
}

static int settle_crashed(struct run *run, const struct run_spec *spec, struct error *err)
{
    struct context *context = run->context;
    if ((spec->locks & RUN_LOCK_MASTER) && settle_master(context, spec->master_id, err) < 0)
        return -1;
    if ((spec->locks & RUN_LOCK_INSTANCE) &&
        (settle_instance(context, spec->instance_id, err) < 0 ||
         settle_verify_if_free(context, spec->instance_id, run->action.parent_id, err) < 0))
        return -1;
    if ((spec->locks & RUN_LOCK_VERIFY) && settle_verify(context, spec->instance_id, err) < 0)
        return -1;
    return 0;
}

int run_begin(struct context *context, const struct run_spec *spec, struct run *ret_run,
              bool *ret_skipped, struct error *err)
{
    *ret_skipped = false;
    *ret_run = (struct run){
        .context = context,
        .name = spec->name,
        .action =
            {
                .parent_id = spec->parent_id ? spec->parent_id : context->parent_id,
                .master_id = spec->master_id,
                .instance_id = spec->instance_id,
                .name = spec->action,
            },
    };
    if (context->settings.dry_run)
        return 0;
    action_new_id(&ret_run->action);
    if (take_locks(ret_run, spec, err) < 0)
        return refused_by_lock(ret_run, spec, ret_skipped, err);
    if (settle_crashed(ret_run, spec, err) < 0)
        return refuse(ret_run, err);
    if (action_insert(context->history, &context->origin, &ret_run->action, err) < 0) {
        release_locks(ret_run);
        return -1;
    }
    ret_run->open = true;
    return 0;
}

int run_share_instance(struct run *run, struct error *err)
{
    struct history *history = run->context->history;
    if (lock_take_shared(history, LOCK_INSTANCE, run->locked_instance, 0, err) < 0)
        return -1;
    lock_release(history, LOCK_INSTANCE, run->locked_instance);
    run->locks = (run->locks & ~RUN_LOCK_INSTANCE) | RUN_LOCK_SHARED;
    return 0;
}

int run_own_instance(struct run *run, bool *ret_taken, struct error *err)
{
    if (lock_try(run->context->history, LOCK_INSTANCE, run->locked_instance, ret_taken, err) < 0)
        return -1;
    if (*ret_taken)
        run->locks |= RUN_LOCK_INSTANCE;
    return 0;
}

int run_work(struct run *run, struct error *err)
{
    struct history *history = run->context->history;
    if (lock_number(history, run->action.id, &run->locked_worker, err) < 0 ||
        lock_take(history, LOCK_WORKER, run->locked_worker, 0, err) < 0)
        return -1;
    run->locks |= RUN_LOCK_WORKER;
    return 0;
}

int run_begin_results(struct run *run, struct error *err)
{
    if (history_begin(run->context->history, err) < 0)
        return -1;
    run->in_transaction = true;
    return 0;
}

void run_leave_open(struct run *run)
{
    run->unsettled = true;
}

void run_keep_result(struct run *run)
{
    run->done = true;
}

/* ---- the end ---- */

static int close_row(struct run *run, struct report_item *item, struct error *err)
{
    double seconds = 0;
    if (action_close(run->context->history, &run->action, &run->outcome, &seconds, err) < 0)
        return -1;
    if (item) {
        item->status = action_status_name(run->outcome.status);
        item->seconds = seconds;
    }
    return 0;
}

static int close_success(struct run *run, struct report_item *item, struct error *err)
{
    struct history *history = run->context->history;
    if (close_row(run, item, err) < 0)
        return -1;
    if (run->in_transaction && history_commit(history, err) < 0)
        return -1;
    run->in_transaction = false;
    return 0;
}

static void close_failure(struct run *run, struct report_item *item, const struct error *err)
{
    struct context *context = run->context;
    _cleanup_(error_release) struct error close_error = {};
    _cleanup_free_ char *text = row_error(context, err);
    run->outcome.status = status_of(err);
    run->outcome.error = text;
    if (close_row(run, item, &close_error) < 0)
        log_say(context->log, LOG_WARNING, "the failure is not in the history: %s",
                close_error.message);
    run->outcome.error = NULL;
}

int run_end(struct run *run, int result, struct report_item *item, struct error *err)
{
    if (run->open && result == 0)
        result = close_success(run, item, err);
    /* "engine: bulk: ..." may come from any floor: of several masters the user must know which.
     * What is wrong with an option or a file says so itself. */
    if (result < 0 && err->kind != ERR_USAGE && run->name && !strstr(err->message, run->name))
        error_prefix(err, "%s", run->name);
    if (run->open && result < 0) {
        if (run->in_transaction)
            history_rollback(run->context->history);
        run->in_transaction = false;
        run->outcome.changed_through = NULL;
        if (!run->done)
            run->outcome.result = NULL;
        if (!run->unsettled)
            close_failure(run, item, err);
    }
    if (item) {
        snprintf(item->id, sizeof(item->id), "%s", run->action.id);
        item->result = run->outcome.result;
    }
    run->open = false;
    release_locks(run);
    return result;
}

int run_refused(struct context *context, const char *action, const char *parent, int64_t master_id,
                struct error *err)
{
    struct run run = {
        .context = context,
        .action = {.parent_id = parent, .master_id = master_id, .name = action},
    };
    if (context->settings.dry_run || !master_id)
        return -1;
    action_new_id(&run.action);
    return refuse(&run, err);
}

/* ---- parents ---- */

int parent_begin(struct context *context, const char *action, size_t parts, struct parent *ret,
                 struct error *err)
{
    *ret = (struct parent){.context = context, .action = {.name = action}};
    if (context->settings.dry_run)
        return 0;
    if (settle_parents(context, err) < 0)
        return -1;
    if (parts < 2)
        return 0;
    action_new_id(&ret->action);
    if (lock_number(context->history, ret->action.id, &ret->lock, err) < 0 ||
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
    struct run run = {
        .context = parent->context,
        .action = parent->action,
        .outcome = parent->outcome,
        .open = true,
    };
    result = run_end(&run, result, NULL, err);
    lock_release(parent->context->history, LOCK_PARENT, parent->lock);
    parent->open = false;
    return result;
}

const char *parent_id(const struct parent *parent)
{
    return parent->open ? parent->action.id : NULL;
}
