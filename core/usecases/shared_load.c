#include "usecases/shared_load.h"

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "load/ranges.h"
#include "usecases/fence.h"

enum { POLL_MS = 200 };

/* ---- dead workers ---- */

/* First the engine is closed to it, then its ranges are free. */
static int take_over(const struct shared_load *shared, const struct dead_worker *dead,
                     struct error *err)
{
    const char *name = shared->instance->index_name;
    bool replaced;
    if (fence_remove(shared->context, shared->instance, dead->epoch, err) < 0 ||
        load_worker_replace(shared->load->worker, dead, &replaced, err) < 0)
        return -1;
    if (replaced)
        log_say(shared->context->log, LOG_NOTICE,
                "%s: the worker with %s is dead: %s; it is locked out, its ranges are taken over",
                name, dead->who, dead->why);
    return 0;
}

static int take_over_dead(const struct shared_load *shared, bool *ret_any, struct error *err)
{
    struct dead_worker *list = NULL;
    size_t count = 0;
    if (load_worker_find_dead(shared->load->worker, &list, &count, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = take_over(shared, &list[i], err);
    dead_workers_free(list, count);
    *ret_any = count > 0;
    return result;
}

/* ---- the outside ---- */

static int given_up(const struct shared_load *shared, struct error *err)
{
    error_set(err, ERR_FAILED,
              "index \"%s\": its full update was given up by the run that began it",
              shared->instance->index_name);
    return error_hint(err, "Why: esmigrate es_history %s --status failed",
                      shared->instance->master);
}

/* Those who began later leave, one after another. */
static int own_instance(const struct shared_load *shared, struct error *err)
{
    bool taken = false, any;
    for (bool said = false; !taken; said = true) {
        if (run_own_instance(shared->run, &taken, err) < 0)
            return -1;
        if (taken)
            break;
        if (!said)
            log_say(shared->context->log, LOG_DETAIL, "%s: waiting for the other workers to leave",
                    shared->instance->index_name);
        if (take_over_dead(shared, &any, err) < 0 || load_wait(shared->load, -1, POLL_MS, err) < 0)
            return -1;
    }
    return 0;
}

int shared_load_work(const struct shared_load *shared, struct load_work *ret_work,
                     bool *ret_finishes, struct error *err)
{
    struct load *load = shared->load;
    for (bool said = false;;) {
        bool any;
        if (load_ranges(load, err) < 0 || take_over_dead(shared, &any, err) < 0 ||
            load_worker_look(load->worker, ret_work, err) < 0)
            return -1;
        if (ret_work->ended)
            return given_up(shared, err);
        if (!ret_work->left)
            break;
        if (!said)
            log_say(shared->context->log, LOG_DETAIL,
                    "%s: other workers have the %zu range%s that %s left",
                    shared->instance->index_name, ret_work->left, ret_work->left == 1 ? "" : "s",
                    ret_work->left == 1 ? "is" : "are");
        said = true;
        if (load_wait(load, -1, any ? 0 : POLL_MS, err) < 0)
            return -1;
    }
    *ret_finishes = !ret_work->has_earlier;
    return *ret_finishes ? own_instance(shared, err) : 0;
}

int shared_load_wait(struct context *context, const struct instance *instance, struct error *err)
{
    int wait_s = context->settings.wait_lock_s;
    int64_t until = clock_ms() + (int64_t)wait_s * 1000;
    for (;;) {
        bool any;
        if (load_worker_any(context->history, instance->id, &any, err) < 0)
            return -1;
        if (any || (wait_s >= 0 && clock_ms() >= until))
            return 0;
        if (stop_sleep(POLL_MS, err) < 0)
            return -1;
    }
}
