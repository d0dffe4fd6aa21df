#include "usecases/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/stop.h"
#include "domain/names.h"
#include "domain/schema.h"
#include "usecases/checking.h"
#include "usecases/plan.h"

/* ---- the report ---- */

const char *check_verdict_name(enum check_verdict verdict)
{
    static const char *const names[] = {
        [CHECK_OK] = "ok",
        [CHECK_WARNING] = "warning",
        [CHECK_PENDING] = "pending",
        [CHECK_FAILED] = "failed",
    };
    return names[verdict];
}

void check_report_release(struct check_report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        free(report->items[i].master);
        free(report->items[i].value);
        free(report->items[i].limit);
        free(report->items[i].fix);
    }
    free(report->items);
    *report = (struct check_report){};
}

size_t check_report_count(const struct check_report *report, enum check_verdict verdict)
{
    size_t count = 0;
    for (size_t i = 0; i < report->count; i++)
        count += report->items[i].verdict == verdict;
    return count;
}

int check_line(struct checking *checking, const char *check, enum check_verdict verdict,
               char *value, const char *limit, char *fix)
{
    struct check_report *report = checking->report;
    _cleanup_free_ char *unmasked = value, *unmasked_fix = fix;
    const struct secrets *secrets = &checking->context->secrets; /* rule R10 */
    report->items = x_grow(report->items, report->count, &report->capacity, sizeof(*report->items));
    report->items[report->count++] = (struct check_item){
        .master = x_strdup(checking->name),
        .check = check,
        .verdict = verdict,
        .value = secrets_mask(secrets, unmasked),
        .limit = x_strdup(limit),
        .fix = secrets_mask(secrets, unmasked_fix),
    };
    return 0;
}

int check_failed(struct checking *checking, const char *check, struct error *err)
{
    if (err->kind == ERR_STOPPED)
        return -1;
    char *value =
        err->detail ? x_printf("%s (%s)", err->message, err->detail) : x_strdup(err->message);
    const char *fix = err->hint ? err->hint
                      : err->http_code == 403
                          ? "Give the user of the engine the right that the message names."
                          : "Mend what the message names, then run the same command again.";
    char *own_fix = x_strdup(fix);
    error_release(err);
    return check_line(checking, check, CHECK_FAILED, value, NULL, own_fix);
}

int check_one_session(struct checking *checking, const char *check)
{
    static const char one[] = "one session per connection";
    return check_line(checking, check, CHECK_OK, x_strdup(one), one, NULL);
}

int check_connection_failed(struct checking *checking, const char *check, const char *pooler,
                            struct error *err)
{
    bool refused = err->kind == ERR_FAILED; /* see pg_open() */
    return check_failed(checking, refused ? pooler : check, err);
}

/* ---- declaration and history ---- */

static int check_declaration(struct checking *checking, const char *check, struct error *err)
{
    const char *indexes = checking->context->settings.indexes;
    if (declaration_read(indexes, checking->name, &checking->declaration, err) < 0)
        return -1;
    checking->met |= CHECK_NEEDS_DECLARATION;
    return check_line(checking, check, CHECK_OK, x_printf("%s/%s", indexes, checking->name), NULL,
                      NULL);
}

/* That the database can be reached is no line of its own. */
static int check_history(struct checking *checking, const char *check, struct error *err)
{
    struct context *context = checking->context;
    struct schema_upgrade upgrade;
    struct history_options options = {
        .conninfo = context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (!context->history && history_open(&options, &context->history, err) < 0)
        return check_connection_failed(checking, check, "history_pooler", err);
    checking->met |= CHECK_NEEDS_CONNECTION;
    if (schema_plan(context->history, context->settings.prefix, false, &upgrade, err) < 0)
        return -1;
    _cleanup_free_ char *limit = x_printf("version %d", upgrade.to);
    if (upgrade.from < upgrade.to)
        return check_line(checking, check, CHECK_PENDING,
                          upgrade.from ? x_printf("version %d", upgrade.from)
                                       : x_strdup("no schema"),
                          limit, x_strdup("esmigrate es_init"));
    if (schema_check(context->history, context->settings.prefix, true, NULL, NULL, err) < 0 ||
        history_find_master(context->history, checking->name, &checking->master, err) < 0 ||
        (checking->master.id && history_find_instances(context->history, checking->master.id,
                                                       &checking->instances, err) < 0))
        return -1;
    checking->active = instances_active(&checking->instances);
    checking->met |= CHECK_NEEDS_HISTORY;
    return check_line(checking, check, CHECK_OK, x_printf("version %d", upgrade.from), limit, NULL);
}

static int check_history_pooler(struct checking *checking, const char *check, struct error *err)
{
    (void)err;
    return check_one_session(checking, check);
}

static int check_active(struct checking *checking, const char *check, struct error *err)
{
    const char *fingerprint = checking->declaration.fingerprint;
    const struct instance *active = checking->active;
    (void)err;
    char *value = active ? x_printf("instance %d", active->number) : x_strdup("no instance");
    if (active && strcmp(active->fingerprint, fingerprint) == 0)
        return check_line(checking, check, CHECK_OK, value, "has the declaration", NULL);
    const struct instance *has = instances_by_fingerprint(&checking->instances, fingerprint);
    return check_line(checking, check, CHECK_PENDING, value, "has the declaration",
                      has ? plan_next_step(has)
                          : x_printf("esmigrate es_create %s", checking->name));
}

/* ---- all ---- */

static const char check_of_rights[] = "rights";

/* Without what a check needs there is nothing to say of it: why that is missing is a line. */
static const struct {
    const char *name;
    check_function *run;
    int needs;
} checks[] = {
    {"declaration", check_declaration, 0},
    {"history", check_history, 0},
    {"history_pooler", check_history_pooler, CHECK_NEEDS_CONNECTION},
    {"active", check_active, CHECK_NEEDS_DECLARATION | CHECK_NEEDS_HISTORY},
    {"engine", check_engine, 0},
    {"cluster", check_cluster, CHECK_NEEDS_ENGINE | CHECK_NEEDS_HISTORY},
    {"health", check_health, CHECK_NEEDS_ENGINE},
    {"pending_tasks", check_pending_tasks, CHECK_NEEDS_ENGINE},
    {"disk", check_disk, CHECK_NEEDS_ENGINE},
    {"shards", check_shards, CHECK_NEEDS_ENGINE | CHECK_NEEDS_DECLARATION},
    {"templates", check_templates, CHECK_NEEDS_ENGINE | CHECK_NEEDS_DECLARATION},
    {"pipeline", check_pipelines, CHECK_NEEDS_ENGINE | CHECK_NEEDS_DECLARATION},
    {"alias_name", check_alias_name, CHECK_NEEDS_ENGINE},
    {"alias", check_alias, CHECK_NEEDS_ENGINE | CHECK_NEEDS_HISTORY},
    {"further_aliases", check_further_aliases,
     CHECK_NEEDS_ENGINE | CHECK_NEEDS_HISTORY | CHECK_NEEDS_DECLARATION},
    {"rollback", check_rollback, CHECK_NEEDS_ENGINE | CHECK_NEEDS_HISTORY},
    {"hooks", check_hooks, CHECK_NEEDS_DECLARATION},
    {"indexing", check_indexing, CHECK_NEEDS_HISTORY | CHECK_NEEDS_DECLARATION},
    {"durations", check_durations, CHECK_NEEDS_CONNECTION | CHECK_NEEDS_DECLARATION},
    {"source", check_source, 0},
    {"source_pooler", check_source_pooler, CHECK_NEEDS_SOURCE},
    {"clocks", check_clocks, CHECK_NEEDS_SOURCE | CHECK_NEEDS_CONNECTION},
    {"late_commits", check_late_commits, CHECK_NEEDS_SOURCE},
    {"oldest_transaction", check_oldest_transaction, CHECK_NEEDS_SOURCE},
    {"prepared_transactions", check_prepared_transactions, CHECK_NEEDS_SOURCE},
    {"documents", check_documents, CHECK_NEEDS_SOURCE | CHECK_NEEDS_DECLARATION},
    {"changed_index", check_changed_index, CHECK_NEEDS_DOCUMENTS},
    {check_of_rights, check_rights,
     CHECK_NEEDS_ENGINE | CHECK_NEEDS_CONNECTION | CHECK_NEEDS_DECLARATION},
    {"sample", check_sample, CHECK_NEEDS_DOCUMENTS | CHECK_NEEDS_SCRATCH},
};

static int run_checks(struct checking *checking, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
        if (stop_check(err) < 0)
            return -1;
        if ((checks[i].needs & ~checking->met) == 0 &&
            checks[i].run(checking, checks[i].name, err) < 0 &&
            check_failed(checking, checks[i].name, err) < 0)
            return -1;
    }
    return 0;
}

int check_master(struct context *context, const char *name, struct check_report *report,
                 struct error *err)
{
    struct checking checking = {.context = context, .name = name, .report = report};
    if (name_check_master(context->settings.prefix, name, err) < 0)
        return -1;
    if (!declaration_exists(context->settings.indexes, name))
        return declaration_missing(context->settings.indexes, name, err);
    int result = run_checks(&checking, err);
    if (result == 0 && scratch_remove(&checking.scratch, err) < 0)
        result = check_failed(&checking, check_of_rights, err);
    scratch_release(&checking.scratch);
    declaration_release(&checking.declaration);
    master_release(&checking.master);
    instances_release(&checking.instances);
    source_close(checking.source);
    return result;
}
