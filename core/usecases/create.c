#include "usecases/create.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/names.h"
#include "sql.h"
#include "usecases/in_place.h"
#include "usecases/owner.h"
#include "usecases/run.h"

/* ---- the declaration ---- */

/* A mistake in them is not to be met first when something is switched. */
static int check_durations(struct context *context, const struct master_options *options,
                           const char *place, struct error *err)
{
    size_t count;
    _cleanup_free_ struct named_duration *durations = master_options_durations(options, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t seconds;
        _cleanup_free_ char *what = x_printf("\"%s\" in %s/master.json", durations[i].key, place);
        if (history_interval_seconds(context->history, durations[i].text, what, &seconds, err) < 0)
            return -1;
    }
    return 0;
}

int create_read_declaration(struct context *context, const char *name,
                            struct declaration *ret_declaration, char **ret_search_path,
                            const char **ret_deletes, struct error *err)
{
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(source_closep) struct source *source = NULL;
    _cleanup_free_ char *place = x_printf("%s/%s", context->settings.indexes, name);
    if (declaration_read(context->settings.indexes, name, &declaration, err) < 0 ||
        context_open_source(context, declaration.options.source, NULL, &source, err) < 0 ||
        source_check_options(source, declaration.content.changed_at_zone,
                             declaration.options.overlap, place, err) < 0 ||
        check_durations(context, &declaration.options, place, err) < 0 ||
        source_use(source, &declaration.content, 0, place, err) < 0)
        return -1;

    *ret_deletes = declaration.content.changed_sql ? "tracked" : "full only";
    *ret_search_path = x_strdup(source->search_path);
    *ret_declaration = TAKE(declaration);
    return 0;
}

/* ---- the engine index ---- */

/* The index is there: recorded together with the closed row. */
static int record_made(struct run *run, const char *uuid, struct error *err)
{
    struct history *history = run->context->history;
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (run_begin_results(run, err) < 0 ||
        history_query(history, sql_history_instance_made, PG_VALUES(run->action.id, uuid), &rows,
                      err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    return action_set_instance(history, &run->action, pg_int(rows, 0, "id"), err);
}

/*
 * Makes the engine index of an instance whose row is pending for this action. When the engine did
 * not refuse but did not answer either, the row stays pending and the next command finds out.
 */
static int make_index(struct run *run, const struct content *content, const char *index_name,
                      int epoch, struct error *err)
{
    struct context *context = run->context;
    _cleanup_free_ char *write_alias = name_of_write_alias(index_name, epoch);
    _cleanup_free_ char *body = content_create_body(content, write_alias, run->action.id, err);
    _cleanup_free_ char *uuid = NULL;
    if (body &&
        engine_create_index(context->engine, index_name, body, run->action.id, &uuid, err) == 0)
        return record_made(run, uuid, err);
    if (body && !engine_refused(err))
        return error_hint(err, "Whether the index was made is not known; the next es_create of "
                               "this master finds out.");
    _cleanup_(error_release) struct error ignored = {};
    history_query(context->history, sql_history_instance_unmade, PG_VALUES(run->action.id), NULL,
                  &ignored);
    if (err->http_code == 400)
        err->kind = ERR_USAGE;
    return -1;
}

static int create_new(struct run *run, const struct declaration *declaration,
                      const struct instances *instances, const char *search_path,
                      const char *deletes, struct report_item *item, struct error *err)
{
    struct context *context = run->context;
    const struct content *content = &declaration->content;
    int number;
    if (context_open_engine(context, err) < 0 ||
        owner_next_number(context, declaration->name, instances, &number, err) < 0)
        return -1;
    _cleanup_free_ char *index_name =
        name_of_index(context->settings.prefix, declaration->name, number);
    if (owner_check_index(context, index_name, err) < 0 ||
        owner_warn_alias_name(context, declaration->name, err) < 0 ||
        owner_check_alias(context, declaration->name, err) < 0)
        return -1;
    item->number = number;
    item->index = x_strdup(index_name);
    run->outcome.result = "created";
    if (context->settings.dry_run)
        return 0;

    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    if (history_query(context->history, sql_history_instance_insert,
                      PG_VALUES(run->action.id, pg_number(number).text, index_name, content->body,
                                content->documents_sql, content->changed_sql,
                                content->changed_at_zone, search_path, declaration->fingerprint,
                                deletes, context->settings.tag),
                      &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    if (make_index(run, content, index_name, 1, err) == 0) {
        if (!content->changed_sql)
            log_say(context->log, LOG_NOTICE,
                    "%s has no changed.sql: rows that are gone are found by es_update --full only",
                    declaration->name);
        return 0;
    }
    item->number = 0;
    free(TAKE_PTR(item->index));
    if (err->kind != ERR_USAGE)
        return -1;
    error_hint(err, "Mend the file, then run the same command again. No index was made, and the "
                    "number is not used up.");
    return error_prefix(err, "%s/%s/index.json", context->settings.indexes, declaration->name);
}

/* ---- one master ---- */

/* An instance has the declaration: nothing to do, if its engine index is really there. */
static int confirm_unchanged(struct run *run, const struct instance *has, struct report_item *item,
                             struct error *err)
{
    struct context *context = run->context;
    report_set_instance(item, has);
    run->outcome.result = "unchanged";
    if (!context->settings.dry_run &&
        action_set_instance(context->history, &run->action, has->id, err) < 0)
        return -1;
    if (check_ours(context, has, NULL, err) < 0)
        return -1;
    log_say(context->log, LOG_NOTICE, "%s: instance %d has this declaration; nothing is to be done",
            has->master, has->number);
    return 0;
}

/* "NAME N" asserts that instance N has the declaration. */
static int check_assertion(const struct instances *instances, const struct target *target,
                           const struct declaration *declaration, struct error *err)
{
    const struct instance *has = instances_by_fingerprint(instances, declaration->fingerprint);
    const struct instance *named = instances_by_number(instances, target->number);
    if (!target->number)
        return 0;
    if (named && strcmp(named->fingerprint, declaration->fingerprint) == 0)
        return 0;
    error_set(err, ERR_FAILED,
              named ? "%s: instance %d has another declaration"
                    : "%s: there is no live instance %d",
              target->name, target->number);
    return has ? error_hint(err, "Instance %d has this declaration: esmigrate es_create %s %d",
                            has->number, target->name, has->number)
               : error_hint(err, "No instance has this declaration: esmigrate es_create %s",
                            target->name);
}

static int create_in_run(struct run *run, const struct create_request *request,
                         const struct target *target, struct report_item *item, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(instances_release) struct instances instances = {};
    _cleanup_free_ char *search_path = NULL;
    const char *deletes = NULL;
    if (create_read_declaration(context, target->name, &declaration, &search_path, &deletes, err) <
            0 ||
        (run->action.master_id &&
         history_find_instances(context->history, run->action.master_id, &instances, err) < 0) ||
        check_assertion(&instances, target, &declaration, err) < 0)
        return -1;
    if (!context->settings.dry_run &&
        history_set_master_options(context->history, run->action.master_id,
                                   declaration.options_json, err) < 0)
        return -1;
    const struct instance *has =
        target->number ? instances_by_number(&instances, target->number)
                       : instances_by_fingerprint(&instances, declaration.fingerprint);
    if (has && !request->force)
        return confirm_unchanged(run, has, item, err);
    return create_new(run, &declaration, &instances, search_path, deletes, item, err);
}

/* Of what is declared the master has a row from now on; a dry run makes none. */
static int find_master(struct context *context, const char *name, struct master *ret_master,
                       struct error *err)
{
    if (!context->settings.dry_run && history_ensure_master(context->history, name, err) < 0)
        return -1;
    return history_find_master(context->history, name, ret_master, err);
}

static int refuse_undeclared(struct context *context, const struct target *target,
                             const char *parent, struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    _cleanup_free_ char *typed = x_printf("%s-%d", target->name, target->number);
    /* "course-2" was read as instance 2 of course, but a folder of that name is what was meant. */
    if (target->number && declaration_exists(context->settings.indexes, typed))
        return name_check_master(context->settings.prefix, typed, err);
    if (history_find_master(context->history, target->name, &master, err) < 0)
        return -1;
    declaration_missing(context->settings.indexes, target->name, err);
    return run_refused(context, "create", parent, master.id, err);
}

/* All that can be told of a declaration before the engine has seen it. */
static int check_one(struct context *context, const struct create_request *request,
                     const struct target *target, const char *parent, struct report *report,
                     struct error *err)
{
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(master_release) struct master master = {};
    _cleanup_(error_release) struct error second = {};
    _cleanup_free_ char *search_path = NULL;
    const char *deletes;
    (void)request;
    (void)report;
    if (name_check_master(context->settings.prefix, target->name, err) < 0)
        return -1;
    if (!declaration_exists(context->settings.indexes, target->name))
        return refuse_undeclared(context, target, parent, err);
    if (create_read_declaration(context, target->name, &declaration, &search_path, &deletes, err) ==
        0)
        return 0;
    if (find_master(context, target->name, &master, &second) == 0)
        run_refused(context, "create", parent, master.id, err);
    return -1;
}

static int create_one(struct context *context, const struct create_request *request,
                      const struct target *target, const char *parent, struct report *report,
                      struct error *err)
{
    _cleanup_(master_release) struct master master = {};
    struct run run;
    bool skipped;
    if (name_check_master(context->settings.prefix, target->name, err) < 0)
        return -1;
    if (!declaration_exists(context->settings.indexes, target->name))
        return refuse_undeclared(context, target, parent, err);
    if (request->in_place)
        return in_place_master(context, target->name, parent, report, err);
    if (find_master(context, target->name, &master, err) < 0)
        return -1;
    struct run_spec spec = {
        .action = "create",
        .parent_id = parent,
        .name = target->name,
        .master_id = master.id,
        .locks = RUN_LOCK_MASTER,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "create", target->name);
    int result = create_in_run(&run, request, target, item, err);
    return run_end(&run, result, item, err);
}

/* ---- --engine-only ---- */

static int recreate_in_run(struct run *run, const struct instance *planned, struct error *err)
{
    struct context *context = run->context;
    _cleanup_(instances_release) struct instances now = {};
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    _cleanup_(engine_index_release) struct engine_index index = {};
    const struct instance *instance;
    if (instance_again(context, planned, &now, &instance, err) < 0 ||
        context_open_engine(context, err) < 0 ||
        engine_find_index(context->engine, instance->index_name, &index, err) < 0)
        return -1;
    if (index.exists) {
        run->outcome.result = "unchanged";
        return check_ours(context, instance, NULL, err);
    }
    run->outcome.result = "recreated";
    if (context->settings.dry_run)
        return 0;
    if (history_query(context->history, sql_history_instance_pend,
                      PG_VALUES(run->action.id, pg_number(instance->id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return action_replaced(err);
    return make_index(run, &instance->content, instance->index_name, instance->writer_epoch, err);
}

static int recreate_instance(struct context *context, const struct instance *instance,
                             const char *parent, struct report *report, struct error *err)
{
    struct run run;
    bool skipped;
    struct run_spec spec = {
        .action = "create",
        .parent_id = parent,
        .name = instance->index_name,
        .master_id = instance->master_id,
        .instance_id = instance->id,
        .locks = RUN_LOCK_MASTER | RUN_LOCK_INSTANCE,
    };
    if (run_begin(context, &spec, &run, &skipped, err) < 0)
        return -1;
    if (skipped)
        return 0;
    struct report_item *item = report_add(report, "create", instance->master);
    report_set_instance(item, instance);
    int result = recreate_in_run(&run, instance, err);
    return run_end(&run, result, item, err);
}

/* The instances of a master whose index is gone, or the one that was named. */
static int recreate_master(struct context *context, const struct target *target, const char *parent,
                           struct report *report, struct error *err)
{
    _cleanup_(choice_release) struct choice choice = {};
    if (choice_open(context, target->name, &choice, err) < 0)
        return -1;
    if (target->number && choice_add_number(&choice, target->number, err) < 0)
        return run_refused(context, "create", parent, choice.master.id, err);
    for (size_t i = 0; i < choice.instances.count; i++) {
        const struct instance *instance = &choice.instances.list[i];
        bool wanted = target->number ? instance->number == target->number : true;
        if (wanted && instance_is_live(instance) &&
            recreate_instance(context, instance, parent, report, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- all ---- */

static int nothing_to_create(struct context *context, struct error *err)
{
    error_set(err, ERR_USAGE, "there is nothing to create");
    return error_hint(err, "Name a master, or give --all with declarations in %s/.",
                      context->settings.indexes);
}

typedef int target_work(struct context *context, const struct create_request *request,
                        const struct target *target, const char *parent, struct report *report,
                        struct error *err);

/* Of several, one whose declaration is wrong is said and counted, and the next one has its turn:
 * whoever has three files to mend wants three messages at once. */
static int each_target(struct context *context, const struct create_request *request,
                       const struct targets *targets, target_work *work, const char *parent,
                       struct report *report, size_t *ret_wrong, struct error *err)
{
    *ret_wrong = 0;
    for (size_t i = 0; i < targets->count; i++) {
        _cleanup_(error_release) struct error one = {};
        if (work(context, request, &targets->list[i], parent, report, &one) == 0)
            continue;
        if (targets->count == 1 || one.kind != ERR_USAGE) {
            error_move(err, &one);
            return -1;
        }
        log_error(context->log, &one);
        ++*ret_wrong;
    }
    return 0;
}

/*
 * Of several declarations all are checked before the first instance is made: a release with a
 * wrong one creates nothing. What only the engine can tell, a mapping that it refuses, shows later;
 * then the others have their instances, which nobody reads yet.
 */
static int create_targets(struct context *context, const struct create_request *request,
                          const struct targets *targets, const char *parent, struct report *report,
                          struct error *err)
{
    size_t wrong = 0;
    if (targets->count > 1 &&
        each_target(context, request, targets, check_one, parent, report, &wrong, err) < 0)
        return -1;
    if (wrong) {
        error_set(err, ERR_USAGE, "%zu of %zu declarations are wrong; nothing was created", wrong,
                  targets->count);
        return error_hint(err, "Mend what the warnings name, then run the same command again.");
    }
    if (each_target(context, request, targets, create_one, parent, report, &wrong, err) < 0)
        return -1;
    if (!wrong)
        return 0;
    error_set(err, ERR_USAGE, "the engine refused %zu of %zu declarations; the others are created",
              wrong, targets->count);
    return error_hint(err, "Mend what the warnings name, then run the same command again.");
}

static int recreate_targets(struct context *context, const struct targets *targets,
                            const char *parent, struct report *report, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < targets->count && result == 0; i++)
        result = recreate_master(context, &targets->list[i], parent, report, err);
    return result;
}

int create_instances(struct context *context, const struct create_request *request,
                     struct report *report, struct error *err)
{
    _cleanup_(targets_release) struct targets all = {};
    const struct targets *targets = request->all ? &all : &request->targets;
    struct parent parent = {};
    if (request->all && targets_declared(context, &all, err) < 0)
        return -1;
    if (!targets->count)
        return nothing_to_create(context, err);
    if (context_open_history(context, true, err) < 0 ||
        parent_begin(context, "create", targets->count, &parent, err) < 0)
        return -1;
    int result = request->engine_only
                     ? recreate_targets(context, targets, parent_id(&parent), report, err)
                     : create_targets(context, request, targets, parent_id(&parent), report, err);
    return parent_end(&parent, result, err);
}
