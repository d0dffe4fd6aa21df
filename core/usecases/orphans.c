#include "usecases/orphans.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/names.h"
#include "sql.h"
#include "usecases/owner.h"
#include "usecases/remove.h"
#include "usecases/run.h"
#include "usecases/scratch.h"

/* What is known of an index that no live instance has. */
struct orphan {
    bool is_ours;        /* an action of this history made it, under this name */
    bool is_other;       /* another history of esmigrate did */
    bool is_foreign;     /* nothing says that esmigrate made it, or it is a copy of what it made */
    char *master;        /* of its maker; NULL unless it is ours */
    int64_t master_id;   /* the same */
    int64_t instance_id; /* that it was made for; 0: the history has none of that name */
    int number;
    char *alias; /* through which someone may search it, or NULL */
};

static void orphan_release(struct orphan *orphan)
{
    free(orphan->master);
    free(orphan->alias);
    *orphan = (struct orphan){};
}

/* Its name is in use also while the index is being made. */
static bool has_live_instance(const struct instances *instances, const char *index_name)
{
    for (size_t i = 0; i < instances->count; i++)
        if (!instances->list[i].dropped_at &&
            strcmp(instances->list[i].index_name, index_name) == 0)
            return true;
    return false;
}

/* Whose index of this name it is. Clones and copies bear the mark of what they were made from, but
 * not its name. */
static int read_maker(struct context *context, const struct instances *instances, const char *name,
                      const struct engine_index *index, struct orphan *orphan, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_index_maker, PG_VALUES(index->made_by), &rows,
                      err) < 0)
        return -1;
    orphan->is_other = !pg_rows_count(rows);
    if (orphan->is_other)
        return 0;
    const char *master = pg_text(rows, 0, "master");
    _cleanup_free_ char *wanted = name_of_index(context->settings.prefix, master, orphan->number);
    orphan->is_foreign = !orphan->number || strcmp(wanted, name) != 0;
    if (orphan->is_foreign)
        return 0;
    const struct instance *made = instances_by_id(instances, pg_int(rows, 0, "instance_id"));
    orphan->is_ours = true;
    orphan->master = x_strdup(master);
    orphan->master_id = pg_int(rows, 0, "master_id");
    orphan->instance_id = made && strcmp(made->index_name, name) == 0 ? made->id : 0;
    orphan->alias = x_strdup(owner_reading_alias(index));
    return 0;
}

/* Without a prefix every index of the engine has it: only names of our masters' instances count. */
static bool is_named_as_ours(const struct context *context, const struct instances *instances,
                             const char *name)
{
    int number;
    size_t length = name_split_instance(name, &number);
    if (*context->settings.prefix)
        return true;
    for (size_t i = 0; i < instances->count; i++)
        if (length == strlen(instances->list[i].master) &&
            strncmp(name, instances->list[i].master, length) == 0)
            return true;
    return false;
}

/* Nothing of these: a live instance has it, it is a scratch index, or it may not be looked at. */
static int look_at(struct context *context, const struct instances *instances, const char *name,
                   struct orphan *ret_orphan, struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    _cleanup_(orphan_release) struct orphan orphan = {};
    if (has_live_instance(instances, name))
        return 0;
    if (!name_split_instance(name, &orphan.number))
        orphan.number = 0;
    if (engine_find_index(context->engine, name, &index, err) < 0) {
        /* Someone else's index, which this user may not look at. */
        if (err->http_code != 403)
            return -1;
        error_release(err);
        return 0;
    }
    if (!index.exists || scratch_is(&index))
        return 0;
    if (!owner_is_esmigrate(&index))
        orphan.is_foreign = is_named_as_ours(context, instances, name);
    else if (read_maker(context, instances, name, &index, &orphan, err) < 0)
        return -1;
    *ret_orphan = TAKE(orphan);
    return 0;
}

/* ---- what there is ---- */

static int report_index(struct context *context, const struct instances *instances,
                        const char *name, struct report *report, struct error *err)
{
    _cleanup_(orphan_release) struct orphan orphan = {};
    if (look_at(context, instances, name, &orphan, err) < 0)
        return -1;
    if (!orphan.is_ours && !orphan.is_other && !orphan.is_foreign)
        return 0;
    struct report_item *item = report_add(report, "prune", orphan.master);
    item->index = x_strdup(name);
    item->number = orphan.is_ours ? orphan.number : 0;
    item->result = orphan.alias      ? "orphan_in_use"
                   : orphan.is_ours  ? "orphan"
                   : orphan.is_other ? "other_history"
                                     : "foreign";
    if (orphan.alias)
        log_say(context->log, LOG_WARNING,
                "index \"%s\" is an orphan, but alias \"%s\" points to it", name, orphan.alias);
    return 0;
}

/* Readers, or es_rollback, need it; or the name is in use, so that the row tells whose it is not.
 */
static bool is_needed(const struct instance *instance, const struct engine_entry *entries,
                      size_t count)
{
    for (size_t e = 0; e < count; e++)
        if (strcmp(entries[e].name, instance->index_name) == 0)
            return true;
    return instance->active || instance->kept;
}

static void report_missing(const struct instances *instances, const struct engine_entry *entries,
                           size_t count, struct report *report)
{
    for (size_t i = 0; i < instances->count; i++) {
        const struct instance *instance = &instances->list[i];
        bool there = false;
        for (size_t e = 0; e < count && instance_is_live(instance); e++)
            there = there || strcmp(entries[e].uuid, instance->index_uuid) == 0;
        if (there || !instance_is_live(instance))
            continue;
        struct report_item *item = report_add(report, "prune", instance->master);
        report_set_instance(item, instance);
        item->result = is_needed(instance, entries, count) ? "missing_in_use" : "missing";
    }
}

int orphans_find(struct context *context, struct report *report, struct error *err)
{
    _cleanup_(instances_release) struct instances instances = {};
    _cleanup_free_ char *pattern = NULL;
    struct engine_entry *entries = NULL;
    size_t count = 0;
    if (context_open_history(context, true, err) < 0 || context_open_engine(context, err) < 0)
        return -1;
    pattern = x_printf("%s*", context->settings.prefix);
    /* The engine first: an index that is made after that is not looked at, and the instance of one
     * that is made before is in the history. */
    if (engine_list_indexes(context->engine, pattern, &entries, &count, err) < 0 ||
        history_find_instances(context->history, 0, &instances, err) < 0) {
        engine_entries_free(entries, count);
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = report_index(context, &instances, entries[i].name, report, err);
    if (result == 0)
        report_missing(&instances, entries, count, report);
    engine_entries_free(entries, count);
    return result;
}

/* ---- dropping one ---- */

static int look_again(struct context *context, const char *name, struct orphan *ret_orphan,
                      struct error *err)
{
    _cleanup_(instances_release) struct instances instances = {};
    if (history_find_instances(context->history, 0, &instances, err) < 0 ||
        look_at(context, &instances, name, ret_orphan, err) < 0)
        return -1;
    if (!ret_orphan->is_ours) {
        error_set(err, ERR_FAILED, "index \"%s\" is no orphan of this history", name);
        return error_hint(err, "It stays. See what there is: esmigrate es_prune --all --dry-run");
    }
    if (!ret_orphan->alias)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" is an orphan, but alias \"%s\" points to it", name,
              ret_orphan->alias);
    return error_hint(err, "It stays. When nobody searches through that alias any more, take it "
                           "off the index by hand and run the same command again.");
}

static int drop_in_run(struct run *run, const char *name, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(orphan_release) struct orphan orphan = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (look_again(context, name, &orphan, err) < 0)
        return -1;
    run->outcome.result = "dropped";
    if (context->settings.dry_run)
        return 0;
    if (history_query(context->history, sql_history_action_about_index,
                      PG_VALUES(run->action.id, name), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    return engine_delete_index(context->engine, name, err);
}

int orphans_drop(struct context *context, const char *index_name, struct report *report,
                 struct error *err)
{
    _cleanup_(orphan_release) struct orphan orphan = {};
    struct run run;
    bool skipped;
    if (context_open_history(context, true, err) < 0 || context_open_engine(context, err) < 0 ||
        look_again(context, index_name, &orphan, err) < 0)
        return -1;
    struct run_spec spec = {
        .action = "prune",
        .name = index_name,
        .master_id = orphan.master_id,
        .instance_id = orphan.instance_id,
        .locks = RUN_LOCK_MASTER,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "prune", orphan.master);
    item->index = x_strdup(index_name);
    item->number = orphan.number;
    int result = drop_in_run(&run, index_name, err);
    return run_end(&run, result, item, err);
}

int orphans_drop_row(struct context *context, const char *master, int number, struct report *report,
                     struct error *err)
{
    struct target target = {.name = (char *)master, .number = number};
    const struct remove_request request = {
        .targets = {.list = &target, .count = 1},
        .choice = REMOVE_NAMED,
    };
    return prune_instances(context, &request, report, err);
}
