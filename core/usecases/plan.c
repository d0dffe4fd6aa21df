#include "usecases/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/difference.h"
#include "domain/mapping.h"
#include "domain/names.h"
#include "usecases/create.h"
#include "usecases/owner.h"
#include "usecases/scratch.h"

/* ---- the report ---- */

const char *plan_result_name(enum plan_result result)
{
    static const char *const names[] = {
        [PLAN_CREATE] = "create",
        [PLAN_IN_PLACE] = "in_place",
        [PLAN_UNCHANGED] = "unchanged",
        [PLAN_REVERTED] = "reverted",
    };
    return names[result];
}

static void release_changes(struct plan_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        free(changes->list[i].path);
        free(changes->list[i].before);
        free(changes->list[i].after);
        free(changes->list[i].reason);
    }
    free(changes->list);
}

void plan_release(struct plan *plan)
{
    free(plan->master);
    free(plan->fix);
    release_changes(&plan->changes);
    release_changes(&plan->drift);
    free(plan->mapping);
    free(plan->settings);
    *plan = (struct plan){};
}

static struct plan_change *add_change(struct plan_changes *changes, const char *part,
                                      const char *path, const char *before, const char *after)
{
    changes->list =
        x_grow(changes->list, changes->count, &changes->capacity, sizeof(*changes->list));
    struct plan_change *change = &changes->list[changes->count++];
    *change = (struct plan_change){
        .part = part,
        .path = x_strdup(path),
        .before = x_strdup(before),
        .after = x_strdup(after),
    };
    return change;
}

/* ---- an index as the engine describes it ---- */

struct shape {
    json *answer;
    json *mapping;        /* without esmigrate's mark */
    const json *settings; /* by their flat names */
};

static void shape_release(struct shape *shape)
{
    json_free(shape->answer);
    json_free(shape->mapping);
    *shape = (struct shape){};
}

static int shape_read(struct context *context, const char *index, struct shape *ret_shape,
                      struct error *err)
{
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s?flat_settings=true", escaped);
    _cleanup_free_ char *doing = x_printf("read index \"%s\"", index);
    if (engine_ask(context->engine, path, NULL, doing, &ret_shape->answer, err) < 0)
        return -1;
    ret_shape->mapping = mapping_without_mark(JSON_PATH(ret_shape->answer, index, "mappings"));
    ret_shape->settings = JSON_PATH(ret_shape->answer, index, "settings");
    return 0;
}

/* What the engine sets itself, another in each index. */
static bool is_engines_own(const char *setting)
{
    static const char *const names[] = {"index.uuid", "index.provided_name", "index.creation_date",
                                        "index.history.uuid"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(setting, names[i]) == 0)
            return true;
    return strncmp(setting, "index.version.", strlen("index.version.")) == 0;
}

/* ---- one change after the other, tried on the scratch index ---- */

struct trial {
    struct context *context;
    struct plan *plan;
    struct scratch *scratch; /* with the recorded body */
    const struct shape *before;
    const struct shape *after;
};

/* An error of the engine that says no is the reason; any other one ends the trial. */
static int take_reason(const struct trial *trial, struct plan_change *change, struct error *err)
{
    if (!engine_refused(err))
        return -1;
    _cleanup_free_ char *text =
        err->detail ? x_printf("%s (%s)", err->message, err->detail) : x_strdup(err->message);
    change->reason = secrets_mask(&trial->context->secrets, text); /* rule R10 */
    error_release(err);
    return 0;
}

static int try_setting(const struct trial *trial, const struct difference *difference, json *to_put,
                       struct error *err)
{
    struct plan_change *change = add_change(&trial->plan->changes, "settings", difference->path,
                                            difference->before, difference->after);
    _cleanup_free_ char *body =
        x_printf("{\"%s\":%s}", difference->path, difference->after ? difference->after : "null");
    if (engine_put_settings(trial->context->engine, trial->scratch->index, body, err) < 0)
        return take_reason(trial, change, err);
    change->in_place = true;
    const char *value = difference->after;
    json_put(to_put, difference->path, value ? json_parse(value, strlen(value), err) : NULL);
    return 0;
}

static int try_settings(const struct trial *trial, struct error *err)
{
    _cleanup_(differences_release) struct differences differences = {};
    _cleanup_(json_freep) json *to_put = json_new_object();
    differences_find(trial->before->settings, trial->after->settings, &differences);
    for (size_t i = 0; i < differences.count; i++)
        if (!is_engines_own(differences.list[i].path) &&
            try_setting(trial, &differences.list[i], to_put, err) < 0)
            return -1;
    trial->plan->settings = json_write(to_put);
    return 0;
}

/* A request may be taken and change nothing, so the index is asked afterwards. */
static int try_mapping_change(const struct trial *trial, const struct mapping_change *wanted,
                              struct error *err)
{
    struct engine *engine = trial->context->engine;
    struct plan_change *change =
        add_change(&trial->plan->changes, "mappings", wanted->path, wanted->before, wanted->after);
    _cleanup_free_ char *escaped = engine_path_escape(trial->scratch->index);
    _cleanup_free_ char *path = x_printf("/%s/_mapping", escaped);
    _cleanup_(shape_release) struct shape now = {};
    if (wanted->request &&
        engine_call(engine, "PUT", path, wanted->request, "change the mapping", 0, NULL, err) < 0)
        return take_reason(trial, change, err);
    if (shape_read(trial->context, trial->scratch->index, &now, err) < 0)
        return -1;
    change->in_place = mapping_has(now.mapping, wanted);
    if (!change->in_place)
        change->reason = x_strdup(wanted->request ? "the engine takes the request, and changes "
                                                    "nothing"
                                                  : "no request takes it out of an index");
    return 0;
}

static int try_mapping(const struct trial *trial, struct error *err)
{
    struct mapping_changes changes = {};
    int result = 0;
    mapping_compare(trial->before->mapping, trial->after->mapping, &changes);
    for (size_t i = 0; i < changes.count && result == 0; i++)
        result = try_mapping_change(trial, &changes.list[i], err);
    mapping_changes_release(&changes);
    trial->plan->mapping = json_write(trial->after->mapping);
    return result;
}

/* ---- SQL ---- */

struct lines {
    const char *begin, *end;
    int first; /* their number, from 1 */
};

/* Without the last line's end. NULL: there are none. The caller's. */
static char *lines_text(const struct lines *lines)
{
    size_t length = (size_t)(lines->end - lines->begin);
    if (!length)
        return NULL;
    return x_strndup(lines->begin, lines->end[-1] == '\n' ? length - 1 : length);
}

/* Leaves out the lines that both have at the beginning and at the end. */
static void trim_common(struct lines *a, struct lines *b)
{
    for (;;) {
        size_t length = strcspn(a->begin, "\n") + 1;
        if (a->begin == a->end || b->begin == b->end || strncmp(a->begin, b->begin, length) != 0 ||
            !a->begin[length - 1])
            break;
        a->begin += length;
        b->begin += length;
        a->first++;
        b->first++;
    }
    const char *from_a = a->end, *from_b = b->end;
    while (from_a > a->begin && from_b > b->begin && from_a[-1] == from_b[-1]) {
        from_a--;
        from_b--;
        if ((from_a == a->begin || from_a[-1] == '\n') &&
            (from_b == b->begin || from_b[-1] == '\n')) {
            a->end = from_a;
            b->end = from_b;
        }
    }
}

static void compare_sql(struct plan *plan, const char *part, const char *before, const char *after,
                        const char *reason)
{
    if (!before || !after) {
        if (before || after)
            add_change(&plan->changes, part, "", before, after)->reason = x_strdup(reason);
        return;
    }
    if (strcmp(before, after) == 0)
        return;
    struct lines a = {before, before + strlen(before), 1};
    struct lines b = {after, after + strlen(after), 1};
    trim_common(&a, &b);
    _cleanup_free_ char *path = x_printf("line %d", b.first);
    _cleanup_free_ char *old = lines_text(&a), *new = lines_text(&b);
    add_change(&plan->changes, part, path, old, new)->reason = x_strdup(reason);
}

static void compare_content(struct plan *plan, const struct content *before,
                            const struct content *after)
{
    compare_sql(plan, "documents.sql", before->documents_sql, after->documents_sql,
                "the documents that are there were read by the old SQL");
    compare_sql(plan, "changed.sql", before->changed_sql, after->changed_sql,
                "an instance is updated with the SQL it was created with");
    const char *old = before->changed_at_zone, *new = after->changed_at_zone;
    if (old && new ? strcmp(old, new) != 0 : old != new)
        add_change(&plan->changes, "master.json", "changed_at_zone", old, new)->reason =
            x_strdup("changes would be looked for at other times");
}

/* ---- drift ---- */

/* What an unfinished full update has taken off is put back by the next one (rule R11). */
static bool is_on_loan(const struct instance *instance, const char *setting)
{
    return instance->settings_to_restore && (strcmp(setting, "index.refresh_interval") == 0 ||
                                             strcmp(setting, "index.number_of_replicas") == 0);
}

static int find_drift(struct context *context, const struct instance *instance,
                      const struct shape *recorded, struct plan *plan, struct error *err)
{
    _cleanup_(shape_release) struct shape live = {};
    _cleanup_(differences_release) struct differences settings = {};
    struct mapping_changes fields = {};
    if (shape_read(context, instance->index_name, &live, err) < 0) {
        if (err->http_code != 404)
            return -1;
        log_say(context->log, LOG_WARNING,
                "\"%s\" is gone from the engine: esmigrate es_create %s --engine-only",
                instance->index_name, instance->master);
        error_release(err);
        return 0;
    }
    mapping_compare(recorded->mapping, live.mapping, &fields);
    for (size_t i = 0; i < fields.count; i++)
        add_change(&plan->drift, "mappings", fields.list[i].path, fields.list[i].before,
                   fields.list[i].after);
    mapping_changes_release(&fields);
    differences_find(recorded->settings, live.settings, &settings);
    for (size_t i = 0; i < settings.count; i++) {
        const struct difference *difference = &settings.list[i];
        if (!is_engines_own(difference->path) && !is_on_loan(instance, difference->path))
            add_change(&plan->drift, "settings", difference->path, difference->before,
                       difference->after);
    }
    return 0;
}

/* ---- all ---- */

/* An index of the declaration, which shows whether the engine takes it at all. */
static int create_declared(struct context *context, const struct declaration *declaration,
                           struct scratch *scratch, struct shape *shape, struct error *err)
{
    if (scratch_create(context, declaration->name, &declaration->content, scratch, err) == 0)
        return shape_read(context, scratch->index, shape, err);
    if (err->http_code != 400)
        return -1;
    err->kind = ERR_USAGE;
    error_hint(err, "Mend the file, then run the same command again.");
    return error_prefix(err, "%s/%s/index.json", context->settings.indexes, declaration->name);
}

static int try_changes(struct context *context, const struct declaration *declaration,
                       const struct instance *newest, struct scratch *scratch,
                       const struct shape *recorded, struct plan *plan, struct error *err)
{
    _cleanup_(scratch_release) struct scratch wanted = {};
    _cleanup_(shape_release) struct shape shape = {};
    struct trial trial = {context, plan, scratch, recorded, &shape};
    if (create_declared(context, declaration, &wanted, &shape, err) < 0 ||
        try_settings(&trial, err) < 0 || try_mapping(&trial, err) < 0)
        return -1;
    compare_content(plan, &newest->content, &declaration->content);
    return 0;
}

static int compare_with_newest(struct context *context, const struct declaration *declaration,
                               const struct instance *newest, struct plan *plan, struct error *err)
{
    _cleanup_(scratch_release) struct scratch scratch = {};
    _cleanup_(shape_release) struct shape recorded = {};
    if (scratch_create(context, newest->master, &newest->content, &scratch, err) < 0)
        return error_prefix(err, "the recorded body of instance %d", newest->number);
    if (shape_read(context, scratch.index, &recorded, err) < 0 ||
        find_drift(context, newest, &recorded, plan, err) < 0)
        return -1;
    if (strcmp(newest->fingerprint, declaration->fingerprint) == 0)
        return 0;
    return try_changes(context, declaration, newest, &scratch, &recorded, plan, err);
}

static enum plan_result judge(const struct plan *plan, const struct instance *newest,
                              const struct instance *has)
{
    if (has)
        return has == newest ? PLAN_UNCHANGED : PLAN_REVERTED;
    for (size_t i = 0; i < plan->changes.count; i++)
        if (!plan->changes.list[i].in_place)
            return PLAN_CREATE;
    return newest ? PLAN_IN_PLACE : PLAN_CREATE;
}

char *plan_next_step(const struct instance *has)
{
    if (has->active)
        return NULL;
    return x_printf("esmigrate es_%s %s %d", has->filled_at ? "activate" : "update", has->master,
                    has->number);
}

int plan_declaration(struct context *context, const struct declaration *declaration,
                     const struct instances *instances, struct plan *ret_plan, struct error *err)
{
    const struct instance *newest = instances_newest(instances);
    const struct instance *has = instances_by_fingerprint(instances, declaration->fingerprint);
    _cleanup_(plan_release) struct plan plan = {.master = x_strdup(declaration->name)};
    if (context_open_engine(context, err) < 0 || scratch_sweep(context, declaration->name, err) < 0)
        return -1;
    if (newest) {
        if (compare_with_newest(context, declaration, newest, &plan, err) < 0)
            return -1;
    } else {
        _cleanup_(scratch_release) struct scratch scratch = {};
        _cleanup_(shape_release) struct shape shape = {};
        if (create_declared(context, declaration, &scratch, &shape, err) < 0)
            return -1;
    }
    if (owner_next_number(context, declaration->name, instances, &plan.next, err) < 0)
        return -1;
    plan.result = judge(&plan, newest, has);
    plan.instance = has ? has->number : newest ? newest->number : 0;
    plan.fix = has ? plan_next_step(has)
                   : x_printf("esmigrate es_create %s%s", declaration->name,
                              plan.result == PLAN_IN_PLACE ? " --in-place" : "");
    *ret_plan = TAKE(plan);
    return 0;
}

int plan_master(struct context *context, const char *name, struct plan *ret_plan, struct error *err)
{
    _cleanup_(declaration_release) struct declaration declaration = {};
    _cleanup_(master_release) struct master master = {};
    _cleanup_(instances_release) struct instances instances = {};
    _cleanup_free_ char *search_path = NULL;
    const char *deletes;
    if (name_check_master(context->settings.prefix, name, err) < 0 ||
        context_open_history(context, false, err) < 0 ||
        create_read_declaration(context, name, &declaration, &search_path, &deletes, err) < 0 ||
        history_find_master(context->history, name, &master, err) < 0 ||
        (master.id && history_find_instances(context->history, master.id, &instances, err) < 0))
        return -1;
    return plan_declaration(context, &declaration, &instances, ret_plan, err);
}
