#include "usecases/settle.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/lock.h"
#include "sql.h"
#include "usecases/alteration.h"
#include "usecases/owner.h"
#include "usecases/switch.h"

/* ---- creates ---- */

/*
 * An instance whose engine index an action was making: the index is there and bears the action's
 * id, or it was never made. `ret_found` is the caller's, for the action's row.
 */
static int settle_pending(struct context *context, const struct instance *instance,
                          char **ret_found, struct error *err)
{
    const char *action_id = instance->pending_action_id;
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (index.exists && index.made_by && strcmp(index.made_by, action_id) == 0) {
        *ret_found = x_printf("index \"%s\" was made and is kept, empty", instance->index_name);
        return history_query(context->history, sql_history_instance_made,
                             PG_VALUES(action_id, index.uuid), NULL, err);
    }
    *ret_found = x_printf("index \"%s\" was not made", instance->index_name);
    return history_query(context->history, sql_history_instance_unmade, PG_VALUES(action_id), NULL,
                         err);
}

/* All of them: also those whose action could say that it failed, but not what the engine did. */
static int settle_all_pending(struct context *context, int64_t master_id, struct error *err)
{
    _cleanup_(instances_release) struct instances instances = {};
    if (history_find_instances(context->history, master_id, &instances, err) < 0)
        return -1;
    for (size_t i = 0; i < instances.count; i++) {
        const struct instance *instance = &instances.list[i];
        _cleanup_free_ char *found = NULL;
        if (!instance->pending_action_id)
            continue;
        if (settle_pending(context, instance, &found, err) < 0)
            return -1;
        log_say(context->log, LOG_NOTICE, "an es_create had not come to its end: %s", found);
        _cleanup_free_ char *text = x_printf("the run ended without saying how: %s", found);
        if (history_query(context->history, sql_history_action_interrupt,
                          PG_VALUES(instance->pending_action_id, text), NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- drops and switches ---- */

static int settle_drop(struct context *context, const struct instance *instance, char **ret_found,
                       struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (index.exists) {
        *ret_found = x_printf("index \"%s\" is still there", instance->index_name);
        return 0;
    }
    *ret_found = x_printf("index \"%s\" was deleted", instance->index_name);
    return history_drop_instance(context->history, instance->id, err);
}

/* What readers need least: never what the history has as active, rather an empty one than a full
 * one. */
static const char *least_needed(char *const *names, size_t count, const struct instances *instances)
{
    const char *found = names[0];
    int least = INT_MAX;
    for (size_t i = 0; i < count; i++) {
        const struct instance *instance = instances_by_index(instances, names[i]);
        int need = instance->active ? 2 : instance->filled_at != NULL;
        if (need >= least)
            continue;
        least = need;
        found = names[i];
    }
    return found;
}

/* Where the alias points, if that is what esmigrate can work with: one instance, or nowhere. */
static int judge_alias(struct context *context, const char *master, char *const *names,
                       size_t count, const struct instances *instances, int64_t *ret_active,
                       struct error *err)
{
    *ret_active = 0;
    for (size_t i = 0; i < count; i++) {
        const struct instance *pointed = instances_by_index(instances, names[i]);
        if (!pointed)
            return owner_refuse_alias(context, master, names[i], err);
        *ret_active = pointed->id;
    }
    if (count < 2)
        return 0;
    _cleanup_free_ char *words = alias_words(names, count);
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    error_set(err, ERR_FAILED, "alias \"%s\" %s", alias, words);
    return hint_take_alias_off(alias, least_needed(names, count, instances), err);
}

int settle_look_at_alias(struct context *context, const char *master, int64_t master_id,
                         int64_t *ret_active, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_(instances_release) struct instances instances = {};
    _cleanup_free_ char *alias = x_printf("%s%s", context->settings.prefix, master);
    if (context_open_engine(context, err) < 0 ||
        history_find_instances(context->history, master_id, &instances, err) < 0 ||
        engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    int result = judge_alias(context, master, names, count, &instances, ret_active, err);
    texts_free(names, count);
    return result;
}

/* What es_create or an earlier version has stored unseen must not be in the way of the truth: what
 * is no interval keeps nothing. */
static int find_keep(struct context *context, const char *master, int64_t master_id,
                     char **ret_keep, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(error_release) struct error unusable = {};
    int64_t seconds;
    *ret_keep = NULL;
    if (history_query(context->history, sql_history_master_keep,
                      PG_VALUES(pg_number(master_id).text), &rows, err) < 0)
        return -1;
    const char *keep = pg_text(rows, 0, "keep");
    if (!keep)
        return 0;
    if (history_interval_seconds(context->history, keep, "keep", &seconds, &unusable) == 0) {
        *ret_keep = x_strdup(keep);
        return 0;
    }
    if (unusable.kind != ERR_USAGE) {
        error_move(err, &unusable);
        return -1;
    }
    log_say(context->log, LOG_WARNING, "%s: what was active before is not kept: %s", master,
            unusable.message);
    return 0;
}

int settle_alias(struct context *context, const char *master, int64_t master_id,
                 const char *action_id, struct error *err)
{
    _cleanup_free_ char *keep = NULL;
    int64_t active;
    if (settle_look_at_alias(context, master, master_id, &active, err) < 0 ||
        find_keep(context, master, master_id, &keep, err) < 0)
        return -1;
    struct pg_number number = pg_number(active);
    return history_query(
        context->history, sql_history_master_active,
        PG_VALUES(pg_number(master_id).text, active ? number.text : NULL, keep, action_id), NULL,
        err);
}

static int take_off(struct context *context, const struct instances *instances, char *const *names,
                    size_t count, const char *alias, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        const struct alias_action off = {.kind = ALIAS_REMOVE, .index = names[i], .alias = alias};
        if (instances_by_index(instances, names[i]))
            result = engine_update_aliases(context->engine, &off, 1, err);
    }
    return result;
}

/* The alias that a rehearsal was put on (es_rollback --rehearse). */
static int settle_rehearsal(struct context *context, const struct instances *instances,
                            struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_free_ char *readers =
        x_printf("%s%s", context->settings.prefix, instances->list[0].master);
    _cleanup_free_ char *alias = alias_of_rehearsal(readers);
    if (context_open_engine(context, err) < 0 ||
        engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    int result = take_off(context, instances, names, count, alias, err);
    texts_free(names, count);
    return result;
}

/* The master's alias is on no instance at all, so that a switch to one has not happened. */
static int is_elsewhere(struct context *context, const struct instances *instances,
                        bool *ret_elsewhere, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    _cleanup_free_ char *alias =
        x_printf("%s%s", context->settings.prefix, instances->list[0].master);
    if (engine_alias_indexes(context->engine, alias, &names, &count, err) < 0)
        return -1;
    *ret_elsewhere = true;
    for (size_t i = 0; i < count; i++)
        *ret_elsewhere = *ret_elsewhere && !instances_by_index(instances, names[i]);
    texts_free(names, count);
    return 0;
}

static int settle_activate(struct context *context, const struct instances *instances,
                           int64_t master_id, char **ret_found, struct error *err)
{
    _cleanup_(instances_release) struct instances now = {};
    bool none_was = !instances_active(instances);
    if (settle_alias(context, instances->list[0].master, master_id, NULL, err) < 0) {
        _cleanup_(error_release) struct error second = {};
        if (err->kind != ERR_FAILED ||
            (!none_was && (is_elsewhere(context, instances, &none_was, &second) < 0 || !none_was)))
            return -1;
        /* Where it was before (es_activate --take-alias): nothing was switched. */
        *ret_found = x_strdup(err->message);
        error_release(err);
        return 0;
    }
    if (settle_rehearsal(context, instances, err) < 0 ||
        history_find_instances(context->history, master_id, &now, err) < 0)
        return -1;
    const struct instance *active = instances_active(&now);
    *ret_found = active ? x_printf("the alias points to \"%s\"", active->index_name)
                        : x_strdup("the alias points to no index");
    return 0;
}

static void say_crashed(struct context *context, const char *master, const struct pg_rows *rows,
                        size_t row, const char *found)
{
    const char *action = pg_text(rows, row, "action");
    log_say(context->log, LOG_NOTICE, "%s%san es_%s had crashed%s%s", master ? master : "",
            master ? ": " : "", action, found ? ": " : "", found ? found : "");
    if (!pg_bool(rows, row, "stands_still"))
        return;
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, row, "started_at"));
    log_say(context->log, LOG_WARNING,
            "%s: the es_%s begun at %s had called its stop_indexing hook, and not the one that "
            "resumes it: is indexing still stopped? The next es_%s calls it: esmigrate es_%s %s",
            master, action, began, action, action, master);
}

static int settle_action(struct context *context, int64_t master_id, const struct pg_rows *rows,
                         size_t row, struct error *err)
{
    const char *id = pg_text(rows, row, "id");
    const char *action = pg_text(rows, row, "action");
    _cleanup_free_ char *found = NULL;
    _cleanup_(instances_release) struct instances instances = {};
    if (history_find_instances(context->history, master_id, &instances, err) < 0)
        return -1;
    const struct instance *instance = instances_by_id(&instances, pg_int(rows, row, "instance_id"));

    int result = 0;
    bool drops = strcmp(action, "drop") == 0 || strcmp(action, "prune") == 0;
    if (strcmp(action, "create") == 0)
        result = alteration_settle(context, id, &found, err);
    else if (drops && instance && !instance->dropped_at)
        result = settle_drop(context, instance, &found, err);
    else if ((strcmp(action, "activate") == 0 || strcmp(action, "rollback") == 0) &&
             instances.count)
        result = settle_activate(context, &instances, master_id, &found, err);
    if (result < 0)
        return -1;
    _cleanup_free_ char *text =
        x_printf("the run ended without saying how%s%s", found ? ": " : "", found ? found : "");
    say_crashed(context, instances.count ? instances.list[0].master : NULL, rows, row, found);
    return history_query(context->history, sql_history_action_interrupt, PG_VALUES(id, text), NULL,
                         err);
}

/* ---- the outside ---- */

int settle_master(struct context *context, int64_t master_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (settle_all_pending(context, master_id, err) < 0)
        return -1;
    if (history_query(context->history, sql_history_action_running_of_master,
                      PG_VALUES(pg_number(master_id).text), &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        if (settle_action(context, master_id, rows, i, err) < 0)
            return -1;
    return 0;
}

int settle_master_if_free(struct context *context, int64_t master_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_action_running_of_master,
                      PG_VALUES(pg_number(master_id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return 0;
    bool taken = false;
    if (lock_try(context->history, LOCK_MASTER, master_id, &taken, err) < 0)
        return -1;
    if (!taken)
        return 0;
    int result = settle_master(context, master_id, err);
    lock_release(context->history, LOCK_MASTER, master_id);
    return result;
}

int settle_instance(struct context *context, int64_t instance_id, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_action_interrupt_of_instance,
                      PG_VALUES(pg_number(instance_id).text, "the run ended without saying how"),
                      &rows, err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        _cleanup_free_ char *began = time_rfc3339(pg_text(rows, i, "started_at"));
        log_say(context->log, LOG_NOTICE,
                "the es_%s begun at %s had crashed; its writer is locked out, this run takes over",
                pg_text(rows, i, "action"), began);
    }
    return 0;
}

int settle_verify(struct context *context, int64_t instance_id, struct error *err)
{
    return history_query(context->history, sql_history_action_interrupt_verify,
                         PG_VALUES(pg_number(instance_id).text, "the run ended without saying how"),
                         NULL, err);
}

int settle_verify_if_free(struct context *context, int64_t instance_id, const char *parent_id,
                          struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    bool taken = false;
    if (history_query(context->history, sql_history_verify_running,
                      PG_VALUES(pg_number(instance_id).text, parent_id), &rows, err) < 0)
        return -1;
    if (!pg_bool(rows, 0, "others"))
        return 0;
    if (lock_try(context->history, LOCK_VERIFY, instance_id, &taken, err) < 0)
        return -1;
    if (!taken)
        return 0;
    int result = settle_verify(context, instance_id, err);
    lock_release(context->history, LOCK_VERIFY, instance_id);
    return result;
}

int settle_parents(struct context *context, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_action_parents_running, PG_NO_VALUES, &rows,
                      err) < 0)
        return -1;
    for (size_t i = 0; i < pg_rows_count(rows); i++) {
        const char *id = pg_text(rows, i, "id");
        int64_t object = pg_int(rows, i, "object");
        bool taken = false;
        /* A session that holds a lock gets it once more: this run would take itself for crashed. */
        if (context->parent_id && strcmp(id, context->parent_id) == 0)
            continue;
        if (lock_try(context->history, LOCK_PARENT, object, &taken, err) < 0)
            return -1;
        if (!taken)
            continue;
        int result = history_query(context->history, sql_history_action_interrupt,
                                   PG_VALUES(id, "the run ended without saying how"), NULL, err);
        lock_release(context->history, LOCK_PARENT, object);
        if (result < 0)
            return -1;
    }
    return 0;
}
