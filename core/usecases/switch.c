#include "usecases/switch.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
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

/* ---- where an alias lies ---- */

static const struct instance *instance_of(const struct instances *instances, const char *index)
{
    for (size_t i = 0; i < instances->count; i++)
        if (instance_is_live(&instances->list[i]) &&
            strcmp(instances->list[i].index_name, index) == 0)
            return &instances->list[i];
    return NULL;
}

/* The master's own alias: exactly where the history says. */
static int check_main(const struct alias_switch *change, const struct alias_place *places,
                      size_t count, bool *ret_moved, struct error *err)
{
    const char *expected = change->from ? change->from->index_name : NULL;
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
        if (instance_of(change->instances, places[i].index))
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

static int plan_alias(const struct alias_switch *change, const char *name, struct plan *plan,
                      bool *ret_moved, struct error *err)
{
    bool is_main = !name;
    struct alias_place *places = NULL;
    size_t count = 0;
    _cleanup_free_ char *alias = is_main ? x_strdup(change->alias)
                                         : x_printf("%s%s", change->context->settings.prefix, name);
    if (engine_find_alias(change->context->engine, alias, &places, &count, err) < 0)
        return -1;
    int result = is_main ? check_main(change, places, count, ret_moved, err)
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
    if (!change->replace_index)
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
    const struct master_options *options = change->options;
    if (plan_replaced_index(change, plan, err) < 0)
        return -1;
    if (change->part != SWITCH_WRITES) {
        if (plan_alias(change, NULL, plan, ret_moved, err) < 0)
            return -1;
        if (options && options->read_alias &&
            plan_alias(change, options->read_alias, plan, ret_moved, err) < 0)
            return -1;
        for (size_t i = 0; options && i < options->alias_count; i++)
            if (plan_alias(change, options->aliases[i], plan, ret_moved, err) < 0)
                return -1;
    }
    if (change->part != SWITCH_READS && options && options->write_alias)
        return plan_alias(change, options->write_alias, plan, ret_moved, err);
    return 0;
}

/* ---- the call ---- */

/* The engine found the alias elsewhere: it moved after it was read. */
static bool was_beaten(const struct error *err)
{
    return (err->http_code == 404 && strstr(err->message, "aliases_not_found_exception")) ||
           strstr(err->message, "more than one write index");
}

static int explain(const struct alias_switch *change, struct error *err)
{
    if (err->http_code == 400 && strstr(err->message, "invalid_alias_name"))
        return owner_refuse_alias_name(change->alias, change->master, err);
    block_explain(change->to->index_name, "The alias was not switched.", err);
    return -1;
}

static int carry_out(const struct alias_switch *change, bool *ret_moved, struct error *err);

/*
 * By our own call, perhaps: libcurl sends it again when its answer is lost with the connection. The
 * second time the aliases have to lie on the new instance, but for those that still have to follow.
 */
static int carry_out_again(const struct alias_switch *change, bool *ret_moved, struct error *err)
{
    struct alias_switch again = *change;
    again.from = change->to;
    if (change->from != change->to) {
        error_release(err);
        return carry_out(&again, ret_moved, err);
    }
    *ret_moved = true;
    return error_set(err, ERR_FAILED, "alias \"%s\" was moved by someone else at this moment",
                     change->alias);
}

static int carry_out(const struct alias_switch *change, bool *ret_moved, struct error *err)
{
    struct engine *engine = change->context->engine;
    _cleanup_(plan_release) struct plan plan = {};
    if (make_plan(change, &plan, ret_moved, err) < 0)
        return -1;
    if (!plan.count || engine_update_aliases(engine, plan.actions, plan.count, err) == 0)
        return 0;
    if (was_beaten(err))
        return carry_out_again(change, ret_moved, err);
    /* An engine that does not know must_exist has refused all of it; the cause that it names is the
     * innermost of several, of which the message has the outer ones. */
    if (engine->lacks_must_exist || err->http_code != 400 ||
        !strstr(err->message, "x_content_parse_exception"))
        return explain(change, err);
    engine->lacks_must_exist = true;
    error_release(err);
    return carry_out(change, ret_moved, err);
}

/* Whoever moves an alias by hand without its write flag is not refused: it then lies on two. */
static int check_result(const struct alias_switch *change, struct error *err)
{
    char **names = NULL;
    size_t count = 0;
    if (change->part == SWITCH_WRITES)
        return 0;
    if (engine_alias_indexes(change->context->engine, change->alias, &names, &count, err) < 0)
        return -1;
    int result = 0;
    if (count != 1 || strcmp(names[0], change->to->index_name) != 0) {
        _cleanup_free_ char *words = alias_words(names, count);
        error_set(err, ERR_FAILED,
                  "alias \"%s\" was put on \"%s\", and %s: someone else moved it too",
                  change->alias, change->to->index_name, words);
        result = count > 1 ? error_hint(err, "Readers see both. Take it off all but one by hand, "
                                             "then run the same command again.")
                           : error_hint(err, "Run the same command again.");
    }
    texts_free(names, count);
    return result;
}

int alias_switch(const struct alias_switch *change, bool *ret_moved, struct error *err)
{
    *ret_moved = false;
    if (carry_out(change, ret_moved, err) < 0)
        return -1;
    return check_result(change, err);
}
