#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/engine.h"

void alias_places_free(struct alias_place *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].index);
        free(list[i].options);
    }
    free(list);
}

/* The places of one alias in the answer, by index. */
struct places {
    const char *alias;
    struct alias_place *list;
    size_t count;
    size_t capacity;
};

static int collect_place(const char *index, json *value, void *data)
{
    struct places *places = data;
    json *options = JSON_PATH(value, "aliases", places->alias);
    if (!options)
        return 0;
    places->list = x_grow(places->list, places->count, &places->capacity, sizeof(*places->list));
    places->list[places->count++] = (struct alias_place){
        .index = x_strdup(index),
        .options = json_write(options),
    };
    return 0;
}

static int compare_places(const void *one, const void *two)
{
    return strcmp(((const struct alias_place *)one)->index,
                  ((const struct alias_place *)two)->index);
}

int engine_find_alias(struct engine *engine, const char *alias, struct alias_place **ret_list,
                      size_t *ret_count, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(alias);
    _cleanup_free_ char *path = x_printf("/_alias/%s", escaped);
    _cleanup_free_ char *doing = x_printf("look up alias \"%s\"", alias);
    struct places places = {.alias = alias};
    if (engine_call(engine, "GET", path, NULL, doing, 404, &answer, err) < 0)
        return -1;
    json_each(answer, collect_place, &places);
    if (places.count)
        qsort(places.list, places.count, sizeof(*places.list), compare_places);
    *ret_list = places.list;
    *ret_count = places.count;
    return 0;
}

int engine_alias_indexes(struct engine *engine, const char *alias, char ***ret_names,
                         size_t *ret_count, struct error *err)
{
    struct alias_place *places = NULL;
    if (engine_find_alias(engine, alias, &places, ret_count, err) < 0)
        return -1;
    *ret_names = x_calloc(*ret_count, sizeof(char *));
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_names)[i] = TAKE_PTR(places[i].index);
    alias_places_free(places, *ret_count);
    return 0;
}

/* What an action says; NULL and *err if its options are not JSON. */
static json *write_action(const struct alias_action *action, struct error *err)
{
    json *what = action->options ? json_parse(action->options, strlen(action->options), err)
                                 : json_new_object();
    if (!what)
        return NULL;
    json_put(what, "index", json_new_text(action->index));
    if (action->alias)
        json_put(what, "alias", json_new_text(action->alias));
    if (action->must_exist)
        json_put(what, "must_exist", json_new_flag(true));
    return what;
}

int engine_update_aliases(struct engine *engine, const struct alias_action *actions, size_t count,
                          struct error *err)
{
    static const char *const names[] = {
        [ALIAS_ADD] = "add",
        [ALIAS_REMOVE] = "remove",
        [ALIAS_REMOVE_INDEX] = "remove_index",
    };
    _cleanup_(json_freep) json *body = json_new_object();
    json *list = json_new_array();
    json_put(body, "actions", list);
    for (size_t i = 0; i < count; i++) {
        json *what = write_action(&actions[i], err), *action = json_new_object();
        json_put(action, names[actions[i].kind], what);
        json_push(list, action);
        if (!what)
            return -1;
    }
    _cleanup_free_ char *text = json_write(body);
    return engine_call(engine, "POST", "/_aliases", text, "update aliases", 0, NULL, err);
}
