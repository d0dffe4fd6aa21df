#include <string.h>

#include "base/memory.h"
#include "domain/engine.h"

/* Names in an answer. */
struct names {
    char **list;
    size_t count;
    size_t capacity;
};

static int collect_name(const char *key, __attribute__((unused)) json *value, void *data)
{
    struct names *names = data;
    names->list = x_grow(names->list, names->count, &names->capacity, sizeof(*names->list));
    names->list[names->count++] = x_strdup(key);
    return 0;
}

int engine_alias_indexes(struct engine *engine, const char *alias, char ***ret_names,
                         size_t *ret_count, struct error *err)
{
    _cleanup_(json_freep) json *answer = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(alias);
    _cleanup_free_ char *path = x_printf("/_alias/%s", escaped);
    _cleanup_free_ char *doing = x_printf("look up alias \"%s\"", alias);
    struct names names = {};
    if (engine_call(engine, "GET", path, NULL, doing, 404, &answer, err) < 0)
        return -1;
    json_each(answer, collect_name, &names);
    *ret_names = names.list;
    *ret_count = names.count;
    return 0;
}

int engine_update_aliases(struct engine *engine, const struct alias_action *actions, size_t count,
                          struct error *err)
{
    _cleanup_(json_freep) json *body = json_new_object();
    json *list = json_new_array();
    json_put(body, "actions", list);
    for (size_t i = 0; i < count; i++) {
        json *what = json_new_object(), *action = json_new_object();
        json_put(what, "index", json_new_text(actions[i].index));
        json_put(what, "alias", json_new_text(actions[i].alias));
        json_put(action, actions[i].kind == ALIAS_REMOVE ? "remove" : "add", what);
        json_push(list, action);
    }
    _cleanup_free_ char *text = json_write(body);
    return engine_call(engine, "POST", "/_aliases", text, "update aliases", 0, NULL, err);
}
