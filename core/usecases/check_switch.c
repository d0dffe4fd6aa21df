/* What es_check finds that a switch, hours after the new instance was begun, would be refused for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "sql.h"
#include "usecases/checking.h"
#include "usecases/owner.h"
#include "usecases/settle.h"
#include "usecases/targets.h"

/* ---- the master's own alias ---- */

int check_alias_name(struct checking *checking, const char *check, struct error *err)
{
    if (owner_check_alias_name(checking->context, checking->name, err) < 0)
        return -1;
    return check_line(checking, check, CHECK_OK,
                      x_printf("%s%s", checking->context->settings.prefix, checking->name),
                      "no index bears it", NULL);
}

/* It cannot lie on an instance of a master that has none yet. */
static int look_at_alias(struct checking *checking, char *const *names, size_t count,
                         int64_t *ret_active, struct error *err)
{
    struct context *context = checking->context;
    *ret_active = 0;
    if (checking->master.id)
        return settle_look_at_alias(context, checking->name, checking->master.id, ret_active, err);
    return count ? owner_refuse_alias(context, checking->name, names[0], err) : 0;
}

static int report_alias(struct checking *checking, const char *check, char *const *names,
                        size_t count, struct error *err)
{
    const struct instance *active = checking->active;
    int64_t found;
    if (look_at_alias(checking, names, count, &found, err) < 0)
        return -1;
    bool good = found == (active ? active->id : 0);
    return check_line(
        checking, check, good ? CHECK_OK : CHECK_WARNING, x_strdup(count ? names[0] : "no index"),
        active ? active->index_name : "no index",
        good ? NULL
             : x_printf("Someone has moved the alias: see esmigrate es_list %s", checking->name));
}

/* Where the history says it is, or on another instance, which the next command settles. */
int check_alias(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_free_ char *alias =
        x_printf("%s%s", checking->context->settings.prefix, checking->name);
    char **names = NULL;
    size_t count = 0;
    if (engine_alias_indexes(checking->context->engine, alias, &names, &count, err) < 0)
        return -1;
    int result = report_alias(checking, check, names, count, err);
    texts_free(names, count);
    return result;
}

/* ---- further aliases ---- */

/* It must be free, or lie on instances of the master: nothing else is taken from anyone. Also,
 * where it lies if not on the active one. */
static int find_user(struct checking *checking, const char *alias, char **ret_why, char **ret_other,
                     struct error *err)
{
    struct engine *engine = checking->context->engine;
    _cleanup_(engine_index_release) struct engine_index index = {};
    char **names = NULL;
    size_t count = 0;
    if (engine_find_index(engine, alias, &index, err) < 0)
        return -1;
    if (index.exists) {
        *ret_why = x_strdup("is an index");
        return 0;
    }
    if (engine_alias_indexes(engine, alias, &names, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count && !*ret_why; i++) {
        const struct instance *on = instances_by_index(&checking->instances, names[i]);
        if (!on)
            *ret_why =
                x_printf("points to \"%s\", which is no instance of %s", names[i], checking->name);
        else if (!on->active && !*ret_other)
            *ret_other = x_printf("\"%s\"", names[i]);
    }
    if (!count)
        *ret_other = x_strdup("no index");
    texts_free(names, count);
    return 0;
}

static int check_further_alias(struct checking *checking, const char *check,
                               const struct masters *masters, const struct named_alias *alias,
                               struct error *err)
{
    _cleanup_free_ char *full = x_printf("%s%s", checking->context->settings.prefix, alias->name);
    _cleanup_free_ char *why = NULL, *other = NULL;
    if (find_user(checking, full, &why, &other, err) < 0)
        return -1;
    for (size_t i = 0; i < masters->count && !why; i++)
        if (strcmp(masters->list[i].name, alias->name) == 0)
            why = x_strdup("is the alias of another master");
    if (!why && other && checking->active)
        return check_line(checking, check, CHECK_WARNING,
                          x_printf("%s: \"%s\" points to %s", alias->key, full, other),
                          "on the active instance",
                          x_printf("esmigrate es_activate %s %d puts it on \"%s\"", checking->name,
                                   checking->active->number, checking->active->index_name));
    if (!why)
        return 0;
    return check_line(checking, check, CHECK_FAILED,
                      x_printf("%s: \"%s\" %s", alias->key, full, why), "free, or on our instances",
                      x_printf("Each switch would be refused. Give it another name than \"%s\" in "
                               "master.json; or delete an index that a write of the application "
                               "made as the alias was missing.",
                               alias->name));
}

int check_further_aliases(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(masters_release) struct masters masters = {};
    size_t count, lines = checking->report->count;
    _cleanup_free_ struct named_alias *aliases =
        master_options_aliases(&checking->declaration.options, &count);
    if (history_all_masters(checking->context->history, &masters, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (check_further_alias(checking, check, &masters, &aliases[i], err) < 0)
            return -1;
    if (checking->report->count > lines)
        return 0;
    return check_line(checking, check, CHECK_OK,
                      count ? x_printf("%zu in master.json", count) : x_strdup("none"),
                      "free, or on our instances", NULL);
}

/* ---- the way back ---- */

static int check_kept(struct checking *checking, const char *check, const struct instance *instance,
                      struct error *err)
{
    _cleanup_(error_release) struct error why = {};
    _cleanup_free_ char *until = time_rfc3339(instance->kept_until);
    static const char limit[] = "its index is there";
    if (check_ours(checking->context, instance, NULL, &why) == 0)
        return check_line(checking, check, CHECK_OK,
                          x_printf("\"%s\", kept until %s", instance->index_name, until), limit,
                          NULL);
    if (why.kind != ERR_FAILED) {
        error_move(err, &why);
        return -1;
    }
    return check_line(checking, check, CHECK_WARNING,
                      x_printf("kept until %s: %s", until, why.message), limit, TAKE_PTR(why.hint));
}

int check_rollback(struct checking *checking, const char *check, struct error *err)
{
    size_t lines = checking->report->count;
    for (size_t i = 0; i < checking->instances.count; i++) {
        const struct instance *instance = &checking->instances.list[i];
        if (instance->kept && instance_is_live(instance) &&
            check_kept(checking, check, instance, err) < 0)
            return -1;
    }
    if (checking->report->count > lines)
        return 0;
    return check_line(checking, check, CHECK_OK, x_strdup("no instance is kept for it"), NULL,
                      NULL);
}

/* ---- the hooks, and durations of master.json ---- */

/* What the command line gives is not known here. */
int check_hooks(struct checking *checking, const char *check, struct error *err)
{
    const struct master_options *options = &checking->declaration.options;
    bool stops = options->stop_indexing && strcmp(options->stop_indexing, "none") != 0;
    (void)err;
    if (stops && !options->resume_indexing)
        return check_line(checking, check, CHECK_WARNING,
                          x_strdup("stop_indexing without resume_indexing"), "both, or none",
                          x_strdup("es_activate and es_deploy refuse: put \"resume_indexing\" into "
                                   "master.json, or give --resume-indexing each time."));
    if (options->require_stop_indexing && !stops)
        return check_line(checking, check, CHECK_WARNING,
                          x_strdup("require_stop_indexing without stop_indexing"), "both, or none",
                          x_strdup("es_activate and es_deploy refuse: put \"stop_indexing\" and "
                                   "\"resume_indexing\" into master.json, or give "
                                   "--stop-indexing and --resume-indexing each time."));
    return check_line(checking, check, CHECK_OK, x_strdup(stops ? "both" : "none"), "both, or none",
                      NULL);
}

/* What to type so that the command that resumes is called, and the history has it. */
static char *how_to_resume(const struct checking *checking)
{
    const struct instance *active = checking->active;
    _cleanup_free_ char *number = active ? x_printf(" %d", active->number) : x_strdup("");
    if (checking->declaration.options.resume_indexing)
        return x_printf("esmigrate es_activate %s%s calls the command that resumes it",
                        checking->name, number);
    return x_printf("esmigrate es_activate %s%s --resume-indexing COMMAND calls the command that "
                    "resumes it; none instead of COMMAND, if it was run by hand",
                    checking->name, number);
}

int check_indexing(struct checking *checking, const char *check, struct error *err)
{
    _cleanup_(pg_rows_freep) struct pg_rows *rows = NULL;
    static const char limit[] = "no switch has left it stopped";
    if (history_query(checking->context->history, sql_history_action_standing_still,
                      PG_VALUES(pg_number(checking->master.id).text), &rows, err) < 0)
        return -1;
    if (!pg_rows_count(rows))
        return check_line(checking, check, CHECK_OK, x_strdup("not stopped"), limit, NULL);
    _cleanup_free_ char *began = time_rfc3339(pg_text(rows, 0, "started_at"));
    _cleanup_free_ char *stopped = time_rfc3339(pg_text(rows, 0, "stopped_at"));
    return check_line(checking, check, CHECK_PENDING,
                      x_printf("stopped at %s by the es_%s begun at %s, and not resumed since",
                               stopped, pg_text(rows, 0, "action"), began),
                      limit, how_to_resume(checking));
}

int check_durations(struct checking *checking, const char *check, struct error *err)
{
    size_t count, lines = checking->report->count;
    _cleanup_free_ struct named_duration *durations =
        master_options_durations(&checking->declaration.options, &count);
    for (size_t i = 0; i < count; i++) {
        int64_t seconds;
        _cleanup_free_ char *what = x_printf("\"%s\" in master.json", durations[i].key);
        if (history_interval_seconds(checking->context->history, durations[i].text, what, &seconds,
                                     err) < 0 &&
            (err->kind != ERR_USAGE || check_failed(checking, check, err) < 0))
            return -1;
    }
    if (checking->report->count > lines)
        return 0;
    return check_line(checking, check, CHECK_OK,
                      count ? x_printf("%zu in master.json", count) : x_strdup("none"),
                      "intervals of PostgreSQL", NULL);
}
