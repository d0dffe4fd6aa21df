#include "usecases/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/memory.h"
#include "sql.h"

enum { DEFAULT_TIMEOUT_S = 60 };

static const char *choose(const char *asked, const char *declared)
{
    const char *command = asked ? asked : declared;
    return command && *command && strcmp(command, "none") != 0 ? command : NULL;
}

static int check(const struct hooks *hooks, const struct hook_request *request,
                 const struct master_options *options, struct error *err)
{
    if (!hooks->stop && options->require_stop_indexing && !request->stop) {
        error_set(err, ERR_USAGE, "%s: master.json requires a command that stops indexing",
                  hooks->master);
        return error_hint(err, "Give it with --stop-indexing and --resume-indexing, or "
                               "--stop-indexing none to switch without.");
    }
    if (hooks->stop && !request->resume && !options->resume_indexing) {
        error_set(err, ERR_USAGE,
                  "%s: there is a command that stops indexing, and none that "
                  "resumes it",
                  hooks->master);
        return error_hint(err, "Give it with --resume-indexing, or --resume-indexing none.");
    }
    return 0;
}

int hooks_find(struct context *context, const char *master, const struct hook_request *request,
               const struct master_options *options, struct hooks *ret_hooks, struct error *err)
{
    struct hooks hooks = {
        .context = context,
        .stop = choose(request->stop, options->stop_indexing),
        .resume = choose(request->resume, options->resume_indexing),
        .resume_is_known = request->resume || options->resume_indexing,
        .master = master,
        .timeout_s = request->timeout_s ? request->timeout_s : DEFAULT_TIMEOUT_S,
    };
    if (check(&hooks, request, options, err) < 0)
        return -1;
    if (!request->timeout_s && options->hook_timeout &&
        history_interval_seconds(context->history, options->hook_timeout, "hook_timeout",
                                 &hooks.timeout_s, err) < 0)
        return -1;
    *ret_hooks = hooks;
    return 0;
}

static int call(const struct hooks *hooks, const char *what, const char *command, bool ignores_stop,
                const struct instance *from, const struct instance *to, struct error *err)
{
    _cleanup_free_ char *master = x_printf("ESMIGRATE_MASTER=%s", hooks->master);
    _cleanup_free_ char *old = x_printf("ESMIGRATE_FROM_INDEX=%s", from ? from->index_name : "");
    _cleanup_free_ char *new = x_printf("ESMIGRATE_TO_INDEX=%s", to ? to->index_name : "");
    const char *const environment[] = {master, old, new, NULL};
    const struct child_options options = {
        .command = command,
        .environment = environment,
        .timeout_s = (int)hooks->timeout_s,
        .ignores_stop = ignores_stop,
    };
    /* Its name only: a command may hold a password (rule R10). */
    log_say(hooks->context->log, LOG_NOTICE, "%s: calling %s", hooks->master, what);
    if (child_run(&options, err) == 0)
        return 0;
    return error_prefix(err, "the command for %s failed", what);
}

/* `stopped_at`: when an earlier action did; NULL: it is done now. */
static int record_stop(struct hooks *hooks, const struct run *run, const char *stopped_at,
                       struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(hooks->context->history, sql_history_action_stopped,
                      PG_VALUES(run->action.id, stopped_at), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    hooks->stopped = true;
    return 0;
}

int hooks_stop(struct hooks *hooks, struct run *run, const struct instance *from,
               const struct instance *to, struct error *err)
{
    if (!hooks->stop)
        return 0;
    if (record_stop(hooks, run, NULL, err) < 0)
        return -1;
    return call(hooks, "stop_indexing", hooks->stop, false, from, to, err);
}

int hooks_resume(struct hooks *hooks, struct run *run, const struct instance *from,
                 const struct instance *to, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (!hooks->stopped)
        return 0;
    hooks->stopped = false;
    if (hooks->resume && call(hooks, "resume_indexing", hooks->resume, true, from, to, err) < 0)
        return error_hint(err, "Indexing may still stand still. Run the command of "
                               "resume_indexing by hand.");
    if (history_query(hooks->context->history, sql_history_action_resumed,
                      PG_VALUES(run->action.id), &rows, err) < 0)
        return -1;
    if (pg_rows_count(rows))
        log_say(hooks->context->log, LOG_NOTICE, "%s: indexing stood still for %.1f seconds",
                hooks->master, strtod(pg_text(rows, 0, "seconds"), NULL));
    return 0;
}

/* The newest action that left it stopped; no row when there is none, or nothing to call: that is
 * said. */
static int find_left(const struct hooks *hooks, int64_t master_id, struct pg_rows **ret_rows,
                     struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    *ret_rows = NULL;
    if (history_query(hooks->context->history, sql_history_action_standing_still,
                      PG_VALUES(pg_number(master_id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    if (hooks->resume_is_known) {
        *ret_rows = TAKE_PTR(rows);
        return 0;
    }
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, 0, "started_at"));
    log_say(hooks->context->log, LOG_WARNING,
            "%s: the es_%s begun at %s stopped indexing, and nothing has resumed it since: "
            "give the command with --resume-indexing, or none if it was run by hand",
            hooks->master, pg_text(rows, 0, "action"), began);
    return 0;
}

int hooks_find_left(const struct hooks *hooks, int64_t master_id, int64_t *ret_instance_id,
                    struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (find_left(hooks, master_id, &rows, err) < 0)
        return -1;
    *ret_instance_id = rows ? pg_int(rows, 0, "instance_id") : 0;
    return 0;
}

int hooks_resume_left(struct hooks *hooks, struct run *run, const struct instances *instances,
                      struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (find_left(hooks, run->action.master_id, &rows, err) < 0)
        return -1;
    if (!rows)
        return 0;
    if (record_stop(hooks, run, pg_text(rows, 0, "stopped_at"), err) < 0)
        return -1;
    if (hooks_resume(hooks, run, instances_active(instances),
                     instances_by_id(instances, pg_int(rows, 0, "instance_id")), err) == 0)
        return 0;
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, 0, "started_at"));
    return error_detail(err, "The es_%s begun at %s had stopped it. Nothing was switched.",
                        pg_text(rows, 0, "action"), began);
}
