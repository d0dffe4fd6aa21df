#include "domain/action.h"

#include <stdlib.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "base/version.h"
#include "domain/lock.h"
#include "sql.h"

void action_origin_release(struct action_origin *origin)
{
    free(origin->argv);
    free(origin->tag);
    free(origin->os_user);
    free(origin->host);
    *origin = (struct action_origin){};
}

const char *action_status_name(enum action_status status)
{
    static const char *const names[] = {
        [ACTION_COMPLETE] = "complete",
        [ACTION_PARTIAL] = "partial",
        [ACTION_FAILED] = "failed",
        [ACTION_INTERRUPTED] = "interrupted",
    };
    return names[status];
}

void action_new_id(struct action *action)
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, action->id);
}

static const char *or_null(int64_t id, struct pg_number *number)
{
    *number = pg_number(id);
    return id ? number->text : NULL;
}

int action_insert(struct history *history, const struct action_origin *origin,
                  const struct action *action, struct error *err)
{
    struct pg_number master, instance;
    return history_query(
        history, sql_history_action_insert,
        PG_VALUES(action->id, action->parent_id, or_null(action->master_id, &master),
                  or_null(action->instance_id, &instance), action->name, origin->argv, origin->tag,
                  ESMIGRATE_VERSION, origin->os_user, origin->host, pg_number(getpid()).text),
        NULL, err);
}

int action_insert_refused(struct history *history, const struct action_origin *origin,
                          const struct action *action, enum action_status status, const char *error,
                          struct error *err)
{
    struct pg_number master, instance;
    return history_query(
        history, sql_history_action_refused,
        PG_VALUES(action->id, action->parent_id, or_null(action->master_id, &master),
                  or_null(action->instance_id, &instance), action->name, origin->argv, origin->tag,
                  ESMIGRATE_VERSION, origin->os_user, origin->host, pg_number(getpid()).text,
                  action_status_name(status), error),
        NULL, err);
}

int action_set_instance(struct history *history, struct action *action, int64_t instance_id,
                        struct error *err)
{
    struct pg_number number;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_action_target,
                      PG_VALUES(action->id, or_null(instance_id, &number)), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    action->instance_id = instance_id;
    return 0;
}

int action_close(struct history *history, const struct action *action,
                 const struct action_outcome *outcome, double *ret_seconds, struct error *err)
{
    struct pg_number in_flight;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(history, sql_history_action_close,
                      PG_VALUES(action->id, action_status_name(outcome->status), outcome->result,
                                outcome->mode, pg_number(outcome->indexed).text,
                                pg_number(outcome->deleted).text, pg_number(outcome->rejected).text,
                                pg_number(outcome->superseded).text, pg_number(outcome->sent).text,
                                pg_number(outcome->retries).text, pg_number(outcome->bytes).text,
                                outcome->changed_from, outcome->changed_through, outcome->error,
                                or_null(outcome->in_flight, &in_flight)),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    if (ret_seconds)
        *ret_seconds = strtod(pg_text(rows, 0, "seconds"), NULL);
    return 0;
}

int action_check(struct history *history, const char *id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (lock_ask(history, err) < 0 ||
        history_query(history, sql_history_action_is_running, PG_VALUES(id), &rows, err) < 0)
        return -1;
    return pg_rows_count(rows) ? 0 : action_replaced(err);
}

int action_replaced(struct error *err)
{
    error_set(err, ERR_FAILED, "this run was replaced: another one took it for crashed");
    return error_hint(err, "Nothing more was written by this run. See es_history.");
}
