#include "usecases/activation.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/texts.h"
#include "sql.h"
#include "usecases/bulk_settings.h"
#include "usecases/catch_up.h"
#include "usecases/feed.h"
#include "usecases/owner.h"
#include "usecases/rejected.h"
#include "usecases/settle.h"
#include "usecases/targets.h"
#include "usecases/verify.h"
#include "usecases/warm_up.h"

struct activation {
    struct run *run;
    struct context *context;
    const struct activation_request *request;
    struct instances instances;  /* of the master, as they are now */
    const struct instance *from; /* NULL: none is active */
    const struct instance *to;
    struct master master;
    struct master_options options;
    struct hooks hooks;
    char *alias;       /* the master's */
    bool moves_writes; /* to the active one: the application still writes to another */
};

static void activation_release(struct activation *a)
{
    instances_release(&a->instances);
    master_release(&a->master);
    master_options_release(&a->options);
    free(a->alias);
}

/* ---- before anything is changed ---- */

static int check_filled(const struct activation *a, struct error *err)
{
    if (a->to->filled_at || a->request->force)
        return 0;
    error_set(err, ERR_FAILED, "index \"%s\" is not filled: it has completed no full update%s",
              a->to->index_name,
              strcmp(a->to->state, "cleared") == 0 ? " since it was cleared" : "");
    return error_hint(err, "Fill it: esmigrate es_update %s %d", a->to->master, a->to->number);
}

static int check_part(const struct activation *a, struct error *err)
{
    if (a->request->part != SWITCH_WRITES || a->options.write_alias)
        return 0;
    error_set(err, ERR_USAGE, "%s has no \"write_alias\" in master.json", a->to->master);
    return error_hint(err, "Without --writes-only the alias that readers use is switched.");
}

/* The options of the files at hand are those that count from now on, for `keep` too. */
static int store_options(const struct activation *a, struct error *err)
{
    const struct context *context = a->context;
    _cleanup_(declaration_release) struct declaration declared = {};
    _cleanup_(error_release) struct error ignored = {};
    int64_t seconds;
    if (a->options.keep && history_interval_seconds(context->history, a->options.keep,
                                                    "master.json: keep", &seconds, err) < 0)
        return -1;
    if (!declaration_exists(context->settings.indexes, a->master.name) ||
        declaration_read(context->settings.indexes, a->master.name, &declared, &ignored) < 0)
        return 0;
    return history_set_master_options(context->history, a->master.id, declared.options_json, err);
}

static int find(struct activation *a, const struct instance *planned, struct error *err)
{
    static const struct send_limits none = {};
    struct context *context = a->context;
    a->alias = x_printf("%s%s", context->settings.prefix, planned->master);
    if (instance_again(context, planned, &a->instances, &a->to, err) < 0 ||
        history_find_master(context->history, planned->master, &a->master, err) < 0 ||
        feed_options(context, &a->master, &none, &a->options, err) < 0 || check_part(a, err) < 0 ||
        hooks_find(context, planned->master, &a->request->hooks, &a->options, &a->hooks, err) < 0)
        return -1;
    a->from = instances_active(&a->instances);
    return 0;
}

/* First what must not wait for the rest, nor for its success. */
static int check_target(struct activation *a, struct error *err)
{
    if (!a->context->settings.dry_run && !a->request->rehearse &&
        hooks_resume_left(&a->hooks, a->run, &a->instances, err) < 0)
        return -1;
    return check_filled(a, err) < 0 || check_ours(a->context, a->to, NULL, err) < 0 ? -1 : 0;
}

/* ---- where the alias is ---- */

static int moved_by_hand(const struct activation *a, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    const char *expected = a->from ? a->from->index_name : NULL;
    _cleanup_free_ char *quoted = expected ? x_printf("\"%s\"", expected) : x_strdup("no index");
    if (engine_alias_indexes(a->context->engine, a->alias, &names, &count, err) < 0 ||
        settle_alias(a->context, a->master.name, a->master.id, a->run->action.id, err) < 0) {
        texts_free(names, count);
        return -1;
    }
    _cleanup_free_ char *words = alias_words(names, count);
    texts_free(names, count);
    error_set(err, ERR_FAILED,
              "alias \"%s\" %s, not to %s as the history had it: someone else "
              "moved it",
              a->alias, words, quoted);
    error_detail(err, "Nothing was switched. The history has it as it is now.");
    /* An index in the alias's place is still there: without the option it would be in the way. */
    return error_hint(err, "If \"%s\" is to be the active one: esmigrate es_activate %s %d%s",
                      a->to->index_name, a->to->master, a->to->number,
                      a->request->replace_index ? " --replace-index" : "");
}

/* For a dry run: what the engine would refuse, and where the alias is, with nothing written. */
static int look_at_alias(struct activation *a, struct error *err)
{
    int64_t active;
    bool foreign = false;
    if (a->request->take_alias &&
        owner_find_foreign_alias(a->context, a->master.name, &foreign, err) < 0)
        return -1;
    if (foreign) {
        a->from = NULL; /* whatever the history has: readers are elsewhere */
        return 0;
    }
    if (!a->request->replace_index && owner_check_alias_name(a->context, a->master.name, err) < 0)
        return -1;
    if (settle_look_at_alias(a->context, a->master.name, a->master.id, &active, err) < 0)
        return -1;
    if ((a->from ? a->from->id : 0) == active)
        return 0;
    if (!a->context->settings.dry_run)
        return moved_by_hand(a, err);
    log_say(a->context->log, LOG_WARNING, "alias \"%s\" had been moved by someone else", a->alias);
    a->from = instances_by_id(&a->instances, active);
    return 0;
}

/* After --reads-only the readers are where they are to be, and the application writes to the other
 * instance yet. */
static int look_at_write_alias(struct activation *a, struct error *err)
{
    if (a->from != a->to || !a->options.write_alias || a->request->part == SWITCH_READS)
        return 0;
    _cleanup_free_ char *alias =
        x_printf("%s%s", a->context->settings.prefix, a->options.write_alias);
    char **names = NULL;
    size_t count = 0;
    if (engine_alias_indexes(a->context->engine, alias, &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        a->moves_writes = a->moves_writes || strcmp(names[i], a->to->index_name) != 0;
    texts_free(names, count);
    return 0;
}

/* ---- getting it ready ---- */

/* Behind what could be done about it first. */
static int hint_as_it_is(const struct activation *a, struct error *err)
{
    const char *master = a->to->master;
    bool rolls_back = strcmp(a->run->action.name, "rollback") == 0;
    _cleanup_free_ char *command =
        rolls_back ? x_printf("es_rollback %s%s --allow-stale", master,
                              a->request->rehearse ? " --rehearse" : "")
                   : x_printf("es_activate %s %d --no-update --no-verify", master, a->to->number);
    const char *what = a->request->rehearse ? "rehearse with" : "switch to";
    if (!err->hint)
        return error_hint(err, "To %s it as it is: esmigrate %s", what, command);
    _cleanup_free_ char *first = x_strdup(err->hint);
    if (first[strlen(first) - 1] == '.')
        return error_hint(err, "%s To %s it as it is: esmigrate %s", first, what, command);
    return error_hint(err, "%s; or, to %s it as it is: esmigrate %s", first, what, command);
}

static int not_fresh(const struct activation *a, struct error *err)
{
    if (err->kind == ERR_STOPPED)
        return -1;
    if (a->request->allow_stale) {
        log_error(a->context->log, err);
        error_release(err);
        _cleanup_free_ char *mark = time_rfc3339(a->to->changed_through);
        log_say(a->context->log, LOG_WARNING,
                "index \"%s\" is not up to date: it has what changed up to %s", a->to->index_name,
                mark ? mark : "a time that is not known");
        return 0;
    }
    error_prefix(err, "nothing was switched, since the last update failed");
    return hint_as_it_is(a, err);
}

static int too_many_rejected(struct error *err)
{
    err->kind = ERR_FAILED;
    return error_prefix(err, "nothing was switched");
}

/* What is read next begins at the mark that this update has set. */
static int read_instances_again(struct activation *a, struct error *err)
{
    _cleanup_(instances_release) struct instances now = {};
    const struct instance *to;
    if (instance_again(a->context, a->to, &now, &to, err) < 0)
        return -1;
    a->from = a->from ? instances_by_id(&now, a->from->id) : NULL;
    a->to = to;
    instances_release(&a->instances);
    a->instances = TAKE(now);
    return 0;
}

static int freshen(struct activation *a, bool again, struct error *err)
{
    if (a->request->no_update || !a->to->filled_at)
        return 0;
    if (catch_up(a->run, &a->master, a->to, a->request->allowed_rejected, again, err) == 0)
        return read_instances_again(a, err);
    return err->kind == ERR_REJECTED ? too_many_rejected(err) : not_fresh(a, err);
}

/* With --no-update: what its last update has left. */
static int check_rejected(const struct activation *a, struct error *err)
{
    _cleanup_(report_release) struct report report = {};
    if (!a->request->no_update)
        return 0;
    struct report_item *item = report_add(&report, "update", a->to->master);
    report_set_instance(item, a->to);
    if (rejected_count(a->context, a->to->id, &item->rejected_open, err) < 0)
        return -1;
    if (rejected_judge(a->context, a->request->allowed_rejected, &report, err) < 0)
        return too_many_rejected(err);
    return 0;
}

/* So that the history tells a switch that was proved from one that was not. */
static int record_unverified(const struct activation *a, struct verification *found,
                             struct error *err)
{
    verification_begin_attempt(found);
    struct check *check = check_begin(found, "all", CHECK_CRITICAL);
    check_skip(check, "not verified");
    return check_end(a->run, found, check, err);
}

/* The proof before the switch; the queries of the application, run a hundred times each, warm the
 * caches as well. */
static int verify(const struct activation *a, struct error *err)
{
    const struct verify_request request = {
        .sample = VERIFY_SAMPLE,
        .query_runs = VERIFY_QUERY_RUNS,
        .max_rejected = a->request->allowed_rejected,
    };
    _cleanup_(verification_release) struct verification found = {};
    if (!a->to->filled_at)
        return record_unverified(a, &found, err);
    if (a->request->no_verify) {
        if (record_unverified(a, &found, err) < 0)
            return -1;
        return a->request->no_warm_up ? 0 : warm_up(a->context, a->to, err);
    }
    if (verify_within(a->run, &request, &a->master, a->to, &found, err) == 0)
        return 0;
    return error_prefix(err, "nothing was switched");
}

/* Readers must see what is written, and find replicas (rule R11). */
static int get_ready(struct activation *a, struct error *err)
{
    if (check_rejected(a, err) < 0 || freshen(a, false, err) < 0 ||
        bulk_settings_end(a->context, a->to, a->run->action.id, err) < 0)
        return -1;
    return verify(a, err);
}

/* ---- the switch ---- */

static int record(const struct activation *a, struct error *err)
{
    return history_query(a->context->history, sql_history_master_active,
                         PG_VALUES(pg_number(a->to->master_id).text, pg_number(a->to->id).text,
                                   a->options.keep, a->run->action.id),
                         NULL, err);
}

/* When the engine neither refused nor answered, the alias tells what it did; when that cannot be
 * read either, the row stays open for the next command. */
static int find_out(const struct activation *a, struct error *err)
{
    _cleanup_(error_release) struct error second = {};
    int64_t active = 0;
    if (engine_refused(err))
        return -1;
    if (settle_look_at_alias(a->context, a->master.name, a->master.id, &active, &second) < 0) {
        run_leave_open(a->run);
        return error_hint(err, "Where the alias points now is not known; the next command finds "
                               "out.");
    }
    if (active != a->to->id)
        return -1;
    error_release(err);
    return 0;
}

/* The master's own alias may have moved although another one did not come to its end. */
static int keep_truth(const struct activation *a)
{
    _cleanup_(error_release) struct error ignored = {};
    settle_alias(a->context, a->master.name, a->master.id, a->run->action.id, &ignored);
    return -1;
}

/* The intent is the running row (rule R7). */
static int switch_over(const struct activation *a, struct error *err)
{
    const struct alias_switch change = {
        .context = a->context,
        .action_id = a->run->action.id,
        .master = a->master.name,
        .alias = a->alias,
        .instances = &a->instances,
        .from = a->from,
        .to = a->to,
        .options = &a->options,
        .part = a->request->part,
        .replace_index = a->request->replace_index,
        .take_alias = a->request->take_alias,
    };
    bool moved;
    if (alias_switch(&change, &moved, err) < 0) {
        if (moved)
            return moved_by_hand(a, err);
        if (err->kind == ERR_FAILED)
            return keep_truth(a);
        if (find_out(a, err) < 0)
            return -1;
    }
    if (a->request->part == SWITCH_WRITES || a->from == a->to)
        return 0;
    if (record(a, err) == 0)
        return 0;
    run_leave_open(a->run);
    return error_hint(err, "The alias was switched, the history does not have it yet; the next "
                           "command records it.");
}

/* The proof takes its time, in which readers of the other instance saw what is new. */
static int switch_while_stopped(struct activation *a, struct error *err)
{
    if (hooks_stop(&a->hooks, a->run, a->from, a->to, err) < 0)
        return error_detail(err, "Nothing was switched.");
    if ((a->hooks.stopped || !a->request->no_verify) && freshen(a, true, err) < 0)
        return -1;
    return switch_over(a, err);
}

static int switch_between_hooks(struct activation *a, struct error *err)
{
    _cleanup_(error_release) struct error second = {};
    int result = switch_while_stopped(a, err);
    if (hooks_resume(&a->hooks, a->run, a->from, a->to, &second) == 0)
        return result;
    if (result < 0) {
        log_error(a->context->log, &second);
        return -1;
    }
    run_keep_result(a->run);
    error_move(err, &second);
    return error_detail(err, "The alias was switched all the same.");
}

/* ---- a rehearsal ---- */

/* Whatever becomes of it, the alias is taken off: a call whose answer was lost may have put it. */
static int rehearse_switch(const struct activation *a, const char *alias, int64_t *ret_ms,
                           struct error *err)
{
    struct engine *engine = a->context->engine;
    /* Off the other one first: a rehearsal that was killed may have left it there. */
    const struct alias_action begin[] = {
        {.kind = ALIAS_REMOVE, .index = a->to->index_name, .alias = alias},
        {.kind = ALIAS_ADD, .index = a->from->index_name, .alias = alias},
    };
    const struct alias_action ends[] = {
        {.kind = ALIAS_REMOVE, .index = a->from->index_name, .alias = alias},
        {.kind = ALIAS_REMOVE, .index = a->to->index_name, .alias = alias},
    };
    const struct alias_switch change = {
        .context = a->context,
        .action_id = a->run->action.id,
        .master = a->master.name,
        .alias = alias,
        .instances = &a->instances,
        .from = a->from,
        .to = a->to,
    };
    _cleanup_(error_release) struct error ignored = {};
    bool moved;
    int result = engine_update_aliases(engine, begin, ARRAY_SIZE(begin), err);
    int64_t began = clock_ms();
    if (result == 0)
        result = alias_switch(&change, &moved, err);
    *ret_ms = clock_ms() - began;
    if (engine_update_aliases(engine, ends, ARRAY_SIZE(ends), result == 0 ? err : &ignored) < 0) {
        run_leave_open(a->run); /* the next command takes it off */
        result = -1;
    }
    return result;
}

static int not_ended(const struct activation *a, struct error *err)
{
    error_set(err, ERR_FAILED, "the es_rollback to \"%s\" has not come to its end yet",
              a->to->index_name);
    return error_hint(err, "Run it again: esmigrate es_rollback %s", a->master.name);
}

/* The same on an alias that nobody reads, so that it is known how long it takes. */
static int rehearse(struct activation *a, struct error *err)
{
    _cleanup_free_ char *alias = alias_of_rehearsal(a->alias);
    int64_t switch_ms;
    if (!a->from)
        return error_set(err, ERR_FAILED, "%s has no active instance", a->master.name);
    if (a->from == a->to)
        return not_ended(a, err);
    int64_t began = clock_ms();
    if (freshen(a, false, err) < 0)
        return -1;
    int64_t update_ms = clock_ms() - began;
    if (rehearse_switch(a, alias, &switch_ms, err) < 0)
        return -1;
    log_say(a->context->log, LOG_NOTICE,
            "%s: rehearsed from \"%s\" to \"%s\": %.1f s to catch up, %.3f s to switch; the alias "
            "that readers use stayed where it is",
            a->master.name, a->from->index_name, a->to->index_name, (double)update_ms / 1000,
            (double)switch_ms / 1000);
    return 0;
}

/* ---- the outside ---- */

static const char *result_of(const struct activation *a)
{
    if (a->request->rehearse)
        return "rehearsed";
    if (a->request->part == SWITCH_WRITES || a->moves_writes)
        return "writes_switched";
    return a->from == a->to ? "already_active" : "activated";
}

int activation_in_run(struct run *run, const struct activation_request *request,
                      const struct instance *planned, struct report_item *item, struct error *err)
{
    _cleanup_(activation_release) struct activation a = {
        .run = run,
        .context = run->context,
        .request = request,
    };
    report_set_instance(item, planned);
    if (find(&a, planned, err) < 0 || check_target(&a, err) < 0 || look_at_alias(&a, err) < 0 ||
        look_at_write_alias(&a, err) < 0)
        return -1;
    run->outcome.result = result_of(&a);
    if (run->context->settings.dry_run)
        return 0;
    if (store_options(&a, err) < 0)
        return -1;
    if (request->rehearse)
        return rehearse(&a, err);
    if (a.from == a.to) {
        if (bulk_settings_end(run->context, a.to, run->action.id, err) < 0)
            return -1;
        if (!a.moves_writes)
            return switch_over(&a, err);
        return freshen(&a, false, err) < 0 ? -1 : switch_between_hooks(&a, err);
    }
    if (get_ready(&a, err) < 0)
        return -1;
    return switch_between_hooks(&a, err);
}
