#include "usecases/rollback.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/mapping_fields.h"
#include "sql.h"

/* The live one that the alias left last; NULL: there is none. Times are texts of one form. */
static const struct instance *previous(const struct instances *instances)
{
    const struct instance *found = NULL;
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *instance = &instances->list[i];
        if (instance_is_live(instance) && !instance->active && instance->deactivated_at &&
            (!found || strcmp(instance->deactivated_at, found->deactivated_at) > 0))
            found = instance;
    }
    return found;
}

/* Searches on fields that only the newer mapping has find nothing from now on. */
static int say_fields(struct context *context, const struct instance *from,
                      const struct instance *to, struct error *err)
{
    _cleanup_free_ char *fields = NULL;
    if (mapping_fields_only_in(from->content.body, to->content.body, &fields, err) < 0)
        return -1;
    if (fields)
        log_say(context->log, LOG_WARNING,
                "%s: fields that \"%s\" does not have, and searches no longer find: %s",
                from->master, to->index_name, fields);
    return 0;
}

/*
 * A rollback that ended badly when the alias had moved is not to be taken back by the same command
 * again: then the active instance is the one to roll back to.
 */
static int find_incomplete(struct context *context, const struct choice *choice, bool *ret_done,
                           struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    const struct instance *active = instances_active(&choice->instances);
    if (history_query(context->history, sql_history_rollback_incomplete,
                      PG_VALUES(pg_number(choice->master.id).text), &rows, err) < 0)
        return -1;
    *ret_done = active && pg_rows_count(rows) && pg_int(rows, 0, "instance_id") == active->id;
    return 0;
}

/* Whoever moved the alias by hand did so to leave the other one: it is not gone back to unasked. */
static int check_by_hand(struct context *context, const struct instance *active,
                         const struct instance *before, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_active_by_hand,
                      PG_VALUES(pg_number(active->master_id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    _cleanup_free_ char *noticed = time_rfc3339(pg_text(rows, 0, "noticed_at"));
    error_set(err, ERR_FAILED, "someone has moved the alias of %s to \"%s\" by hand already",
              active->master, active->index_name);
    error_detail(err,
                 "That was noticed at %s. Nothing was switched: es_rollback would go to \"%s\", "
                 "which the alias was taken off.",
                 noticed, before->index_name);
    return error_hint(err,
                      "If readers are to stay on \"%s\", there is nothing to do. If \"%s\" is to "
                      "be the active one: esmigrate es_activate %s %d",
                      active->index_name, before->index_name, before->master, before->number);
}

static int choose(struct context *context, const struct target *target, struct choice *choice,
                  struct error *err)
{
    bool done;
    const struct instance *active = instances_active(&choice->instances);
    const struct instance *before = previous(&choice->instances);
    if (target->number)
        return error_set(err, ERR_USAGE,
                         "es_rollback takes the name of a master, not an instance: "
                         "es_activate switches to any");
    if (!active) {
        error_set(err, ERR_FAILED, "%s has no active instance", target->name);
        return error_hint(err,
                          "To switch to one of its instances: esmigrate es_activate %s N. See what "
                          "there is: esmigrate es_list %s",
                          target->name, target->name);
    }
    if (find_incomplete(context, choice, &done, err) < 0)
        return -1;
    if (done) {
        choice_add(choice, active);
        return 0;
    }
    if (!before) {
        error_set(err, ERR_FAILED, "%s has no instance that was active before \"%s\"", target->name,
                  active->index_name);
        return error_hint(err, "See what there is: esmigrate es_list %s", target->name);
    }
    if (check_by_hand(context, active, before, err) < 0 ||
        say_fields(context, active, before, err) < 0)
        return -1;
    choice_add(choice, before);
    return 0;
}

int rollback_instances(struct context *context, const struct activate_request *request,
                       struct report *report, struct error *err)
{
    return activate_chosen(context, "rollback", request, choose, report, err);
}
