#include "usecases/switch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/action.h"
#include "domain/block.h"
#include "usecases/owner.h"

/* The actions of the call; their texts belong to it. */
struct plan {
    struct alias_action *actions;
    size_t count;
    size_t capacity;
};

static void plan_release(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free((char *)plan->actions[i].index);
        free((char *)plan->actions[i].alias);
        free((char *)plan->actions[i].options);
    }
    free(plan->actions);
    *plan = (struct plan){};
}

static void plan_add(struct plan *plan, struct alias_action action)
{
    plan->actions = x_grow(plan->actions, plan->count, &plan->capacity, sizeof(*plan->actions));
    action.index = x_strdup(action.index);
    action.alias = x_strdup(action.alias);
    action.options = x_strdup(action.options);
    plan->actions[plan->count++] = action;
}

char *alias_words(char *const *indexes, size_t count)
{
    struct buffer words = BUFFER(BUFFER_TEXT_MAX);
    buffer_text(&words, count ? "points to " : "points to no index");
    for (size_t i = 0; i < count; i++)
        buffer_printf(&words, "%s\"%s\"", i ? " and " : "", indexes[i]);
    return buffer_take(&words);
}

char *alias_of_rehearsal(const char *alias)
{
    return x_printf("%s.rehearsal", alias);
}

int hint_take_alias_off(const char *alias, const char *other, struct error *err)
{
    return error_hint(err,
                      "Readers see all of them. Take it off all but one by hand, then run the same "
                      "command again: POST /_aliases {\"actions\": [{\"remove\": {\"index\": "
                      "\"%s\", \"alias\": \"%s\"}}]}",
                      other, alias);
}

/* ---- where an alias lies ---- */

static bool are_foreign(const struct alias_switch *change, const struct alias_place *places,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (instances_by_index(change->instances, places[i].index))
            return false;
    return true;
}

/* The master's own alias: exactly where the history says. */
static int check_main(const struct alias_switch *change, const struct alias_place *places,
                      size_t count, bool *ret_moved, struct error *err)
{
    const char *expected = change->from ? change->from->index_name : NULL;
    if (!expected && change->take_alias && are_foreign(change, places, count))
        return 0;
    if (expected ? count == 1 && strcmp(places[0].index, expected) == 0 : count == 0)
        return 0;
    _cleanup_free_ char **names = x_calloc(count, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        names[i] = places[i].index;
    _cleanup_free_ char *words = alias_words(names, count);
    *ret_moved = true;
    error_set(err, ERR_FAILED, "alias \"%s\" %s", change->alias, words);
    return error_detail(err, "The history has %s%s%s as active.", expected ? "\"" : "no instance",
                        expected ? expected : "", expected ? "\"" : "");
}

/* Another alias may lie on any instance of the master, but on nothing else. */
static int check_further(const struct alias_switch *change, const char *alias,
                         const struct alias_place *places, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (instances_by_index(change->instances, places[i].index))
            continue;
        error_set(err, ERR_FAILED, "alias \"%s\" points to \"%s\", which is no instance of %s",
                  alias, places[i].index, change->master);
        return error_hint(err,
                          "Nothing was switched. Take that alias out of indexes/%s/"
                          "master.json, or off that index by hand.",
                          change->master);
    }
    return 0;
}

/* ---- the plan ---- */

/* What the alias was put with, filter and routing, and that it is the write index. */
static char *as_write_index(const char *options, struct error *err)
{
    const char *text = options ? options : "{}";
    _cleanup_(json_freep) json *value = json_parse(text, strlen(text), err);
    if (!value)
        return NULL;
    json_put(value, "is_write_index", json_new_flag(true));
    return json_write(value);
}

static int plan_places(const struct alias_switch *change, const char *alias,
                       const struct alias_place *places, size_t count, struct plan *plan,
                       struct error *err)
{
    const char *to = change->to->index_name, *kept = NULL;
    bool there = false;
    for (size_t i = 0; i < count; i++) {
        kept = places[i].options;
        if (strcmp(places[i].index, to) == 0) {
            there = true;
            continue;
        }
        plan_add(plan, (struct alias_action){
                           .kind = ALIAS_REMOVE,
                           .index = places[i].index,
                           .alias = alias,
                           .must_exist = !change->context->engine->lacks_must_exist,
                       });
    }
    if (there)
        return 0;
    _cleanup_free_ char *options = as_write_index(kept, err);
    if (!options)
        return -1;
    plan_add(plan, (struct alias_action){
                       .kind = ALIAS_ADD, .index = to, .alias = alias, .options = options});
    return 0;
}

/* The aliases that move, the master's own first; names with prefix, the caller's. */
static void moving_aliases(const struct alias_switch *change, char ***ret_names, size_t *ret_count)
{
    const struct master_options *options = change->options;
    const char *prefix = change->context->settings.prefix;
    size_t further = options ? options->alias_count : 0, count = 0;
    char **names = x_calloc(further + 3, sizeof(*names));
    if (change->part != SWITCH_WRITES) {
        names[count++] = x_strdup(change->alias);
        if (options && options->read_alias)
            names[count++] = x_printf("%s%s", prefix, options->read_alias);
        for (size_t i = 0; i < further; i++)
            names[count++] = x_printf("%s%s", prefix, options->aliases[i]);
    }
    if (change->part != SWITCH_READS && options && options->write_alias)
        names[count++] = x_printf("%s%s", prefix, options->write_alias);
    *ret_names = names;
    *ret_count = count;
}

static int plan_alias(const struct alias_switch *change, const char *alias, struct plan *plan,
                      bool *ret_moved, struct error *err)
{
    struct alias_place *places = NULL;
    size_t count = 0;
    if (engine_find_alias(change->context->engine, alias, &places, &count, err) < 0)
        return -1;
    int result = strcmp(alias, change->alias) == 0
                     ? check_main(change, places, count, ret_moved, err)
                     : check_further(change, alias, places, count, err);
    if (result == 0)
        result = plan_places(change, alias, places, count, plan, err);
    alias_places_free(places, count);
    return result;
}

/* An index that bears the alias's name. */
static int plan_replaced_index(const struct alias_switch *change, struct plan *plan,
                               struct error *err)
{
    _cleanup_(engine_index_release) struct engine_index index = {};
    if (!change->replace_index || change->part == SWITCH_WRITES)
        return 0;
    if (engine_find_index(change->context->engine, change->alias, &index, err) < 0)
        return -1;
    if (index.exists)
        plan_add(plan, (struct alias_action){.kind = ALIAS_REMOVE_INDEX, .index = change->alias});
    return 0;
}

static int make_plan(const struct alias_switch *change, struct plan *plan, bool *ret_moved,
                     struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (plan_replaced_index(change, plan, err) < 0)
        return -1;
    moving_aliases(change, &names, &count);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = plan_alias(change, names[i], plan, ret_moved, err);
    texts_free(names, count);
    return result;
}

/* ---- the call ---- */

/* The engine found the alias elsewhere: it moved after it was read. */
static bool was_beaten(const struct error *err)
{
    return (err->http_code == 404 && strstr(err->message, "aliases_not_found_exception")) ||
           strstr(err->message, "more than one write index");
}

/* Which of the aliases is the name of an index, as the engine says it: "... [NAME] ...". */
static const char *misnamed(const struct alias_switch *change, const struct plan *plan,
                            const struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->actions[i].kind != ALIAS_ADD)
            continue;
        _cleanup_free_ char *quoted = x_printf("[%s]", plan->actions[i].alias);
        if (strstr(err->message, quoted))
            return plan->actions[i].alias;
    }
    return change->alias;
}

static int refuse_name(const struct alias_switch *change, const char *name, struct error *err)
{
    if (strcmp(name, change->alias) == 0)
        return owner_refuse_alias_name(change->alias, change->master, err);
    error_set(err, ERR_FAILED, "the engine has an index named \"%s\", which is to be an alias",
              name);
    return error_hint(err,
                      "Nothing was switched. If a write of the application made it, as the alias "
                      "was missing, save what it holds and delete it; else take that name out of "
                      "indexes/%s/master.json.",
                      change->master);
}

static int explain(const struct alias_switch *change, const struct plan *plan, struct error *err)
{
    if (err->http_code == 400 && strstr(err->message, "invalid_alias_name"))
        return refuse_name(change, misnamed(change, plan, err), err);
    block_explain(change->to->index_name, "The alias was not switched.", err);
    return -1;
}

enum alias_state {
    ALIAS_AS_READ, /* as it was when the plan was made */
    ALIAS_DONE,    /* as the plan would have it */
    ALIAS_ELSEWHERE,
};

static bool plan_removes(const struct plan *plan, const char *alias, const char *index)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->actions[i].kind == ALIAS_REMOVE && strcmp(plan->actions[i].alias, alias) == 0 &&
            strcmp(plan->actions[i].index, index) == 0)
            return true;
    return false;
}

static int look_again(const struct alias_switch *change, const struct plan *plan, const char *alias,
                      enum alias_state *ret_state, struct error *err)
{
    const char *to = change->to->index_name;
    struct alias_place *places = NULL;
    size_t count = 0, removed = 0, added = 0, as_read = 0, done = 0;
    if (engine_find_alias(change->context->engine, alias, &places, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < plan->count; i++) {
        const struct alias_action *action = &plan->actions[i];
        bool same = action->alias && strcmp(action->alias, alias) == 0;
        removed += same && action->kind == ALIAS_REMOVE;
        added += same && action->kind == ALIAS_ADD;
    }
    for (size_t i = 0; i < count; i++) {
        bool is_to = strcmp(places[i].index, to) == 0;
        done += is_to;
        as_read += is_to ? !added : plan_removes(plan, alias, places[i].index);
    }
    alias_places_free(places, count);
    /* What is not added was there when it was read. */
    *ret_state = as_read == removed + !added && count == as_read ? ALIAS_AS_READ
                 : count == 1 && done                            ? ALIAS_DONE
                                                                 : ALIAS_ELSEWHERE;
    return 0;
}

/* The first alias of a refused plan that is not as it was read; *ret_alias is the caller's, NULL
 * for none. */
static int find_moved(const struct alias_switch *change, const struct plan *plan, char **ret_alias,
                      enum alias_state *ret_state, struct error *err)
{
    for (size_t i = 0; i < plan->count; i++) {
        const char *alias = plan->actions[i].alias;
        if (!alias)
            continue;
        if (look_again(change, plan, alias, ret_state, err) < 0)
            return -1;
        if (*ret_state == ALIAS_AS_READ)
            continue;
        *ret_alias = x_strdup(alias);
        return 0;
    }
    return 0;
}

static int carry_out(const struct alias_switch *change, bool *ret_moved, struct error *err);

/* A call has been made: what the engine refuses after it, a look, says nothing of the call. */
static int not_certain(struct error *err)
{
    err->http_code = 0;
    return -1;
}

/*
 * By our own call, perhaps: libcurl sends it again when its answer is lost with the connection. The
 * second time the aliases have to lie on the new instance, but for those that still have to follow.
 * The master's own is the first of those that move: if it is as it was, our call was not it.
 */
static int carry_out_again(const struct alias_switch *change, const struct plan *plan,
                           bool *ret_moved, struct error *err)
{
    struct alias_switch again = *change;
    enum alias_state state = ALIAS_AS_READ;
    _cleanup_free_ char *moved = NULL;
    bool moves_main = change->part != SWITCH_WRITES && change->from != change->to;
    again.from = change->to;
    error_release(err);
    if (find_moved(change, plan, &moved, &state, err) < 0)
        return not_certain(err);
    if (moved && (moves_main ? strcmp(moved, change->alias) == 0 : state == ALIAS_DONE))
        return carry_out(&again, ret_moved, err) < 0 ? not_certain(err) : 0;
    error_set(err, ERR_FAILED, "alias \"%s\" was moved by someone else at this moment",
              moved ? moved : change->alias);
    return error_hint(err, "Nothing was switched. See who moves it, then run the same command "
                           "again.");
}

static int carry_out(const struct alias_switch *change, bool *ret_moved, struct error *err)
{
    struct engine *engine = change->context->engine;
    _cleanup_(plan_release) struct plan plan = {};
    if (make_plan(change, &plan, ret_moved, err) < 0)
        return -1;
    if (action_check(change->context->history, change->action_id, err) < 0)
        return -1;
    if (!plan.count || engine_update_aliases(engine, plan.actions, plan.count, err) == 0)
        return 0;
    if (was_beaten(err))
        return carry_out_again(change, &plan, ret_moved, err);
    /* An engine that does not know must_exist has refused all of it; the cause that it names is the
     * innermost of several, of which the message has the outer ones. */
    if (engine->lacks_must_exist || err->http_code != 400 ||
        !strstr(err->message, "x_content_parse_exception"))
        return explain(change, &plan, err);
    engine->lacks_must_exist = true;
    error_release(err);
    return carry_out(change, ret_moved, err);
}

static int check_alias(const struct alias_switch *change, const char *alias, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (engine_alias_indexes(change->context->engine, alias, &names, &count, err) < 0)
        return -1;
    int result = 0;
    if (count != 1 || strcmp(names[0], change->to->index_name) != 0) {
        _cleanup_free_ char *words = alias_words(names, count);
        error_set(err, ERR_FAILED,
                  "alias \"%s\" was put on \"%s\", and %s: someone else moved it too", alias,
                  change->to->index_name, words);
        if (count > 1)
            hint_take_alias_off(alias, names[strcmp(names[0], change->to->index_name) == 0 ? 1 : 0],
                                err);
        else
            error_hint(err, "Run the same command again.");
        result = -1;
    }
    texts_free(names, count);
    return result;
}

/* Whoever moves an alias by hand without its write flag is not refused: it then lies on two. */
static int check_result(const struct alias_switch *change, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    int result = 0;
    moving_aliases(change, &names, &count);
    for (size_t i = 0; i < count && result == 0; i++)
        result = check_alias(change, names[i], err);
    texts_free(names, count);
    return result;
}

int alias_switch(const struct alias_switch *change, bool *ret_moved, struct error *err)
{
    *ret_moved = false;
    if (carry_out(change, ret_moved, err) < 0)
        return -1;
    return check_result(change, err) < 0 ? not_certain(err) : 0;
}
