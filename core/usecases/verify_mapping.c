#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/texts.h"
#include "domain/json_difference.h"
#include "usecases/verifying.h"

/* ---- values ---- */

static bool is_container(const json *value)
{
    return json_is_object(value) || json_is_array(value);
}

/* What a scalar says, without the quotes of a string; the caller's. */
static char *scalar_text(const json *value)
{
    return json_is_string(value) ? x_strdup(json_text(value, "")) : json_write(value);
}

/* Whether two JSON values are the same to an engine, which writes 1 as "1" and an array of one
 * element as the element itself. */
static bool same_value(const json *declared, const json *live)
{
    if (json_is_array(declared) && json_length(declared) == 1 && !json_is_array(live))
        return same_value(json_at(declared, 0), live);
    if (json_is_array(live) && json_length(live) == 1 && !json_is_array(declared))
        return same_value(declared, json_at(live, 0));
    if (json_is_array(declared) && json_is_array(live)) {
        bool same = json_length(declared) == json_length(live);
        for (size_t i = 0; same && i < json_length(declared); i++)
            same = same_value(json_at(declared, i), json_at(live, i));
        return same;
    }
    bool containers = is_container(declared);
    if (containers != is_container(live))
        return false;
    _cleanup_free_ char *first = containers ? json_write(declared) : scalar_text(declared);
    _cleanup_free_ char *second = containers ? json_write(live) : scalar_text(live);
    _cleanup_free_ char *field = NULL;
    return strcmp(first, second) == 0 ||
           !json_differ((struct span){first, strlen(first)}, (struct span){second, strlen(second)},
                        &field);
}

/* ---- fields ---- */

struct mapping_comparison {
    struct check *check;
    json *defaults;  /* by a field's full name, with what nobody has set */
    char **declared; /* full names, for what is not declared */
    size_t declared_count, declared_capacity;
    int64_t fields, different;
};

/* One level of fields: those declared, and the live ones they should be. */
struct level {
    struct mapping_comparison *comparison;
    json *live;
    const char *prefix; /* "" or "address." */
};

static void differs(struct mapping_comparison *comparison, const char *field, const char *problem)
{
    comparison->different++;
    check_add_sample(comparison->check, "field", field, problem);
}

static void declare(struct mapping_comparison *comparison, const char *name)
{
    comparison->declared = x_grow(comparison->declared, comparison->declared_count,
                                  &comparison->declared_capacity, sizeof(char *));
    comparison->declared[comparison->declared_count++] = x_strdup(name);
}

/* "a.b" declared as one name is b in the properties of a to the engine. */
static json *find_live(json *properties, const char *name)
{
    json *found = json_get(properties, name);
    const char *dot = strchr(name, '.');
    if (found || !dot)
        return found;
    _cleanup_free_ char *first = x_strndup(name, (size_t)(dot - name));
    return find_live(json_get(json_get(properties, first), "properties"), dot + 1);
}

static json *find_default(const struct mapping_comparison *comparison, const char *full_name,
                          const char *parameter)
{
    const char *dot = strrchr(full_name, '.');
    json *mapping = json_get(json_get(comparison->defaults, full_name), "mapping");
    return json_get(json_get(mapping, dot ? dot + 1 : full_name), parameter);
}

/* A parameter of a field. */
struct parameter_comparison {
    struct mapping_comparison *comparison;
    json *live;
    const char *full_name;
};

static int compare_parameter(const char *key, json *value, void *data)
{
    const struct parameter_comparison *field = data;
    if (strcmp(key, "type") == 0 || strcmp(key, "properties") == 0 || strcmp(key, "fields") == 0)
        return 0;
    json *live = json_get(field->live, key);
    if (!live)
        live = find_default(field->comparison, field->full_name, key);
    if (!live || same_value(value, live))
        return 0;
    _cleanup_free_ char *declared = json_write(value), *is = json_write(live);
    _cleanup_free_ char *problem = x_printf("has %s %s, declared is %s", key, is, declared);
    differs(field->comparison, field->full_name, problem);
    return 0;
}

static int compare_field(const char *name, json *declared, void *data)
{
    const struct level *level = data;
    struct mapping_comparison *comparison = level->comparison;
    _cleanup_free_ char *full_name = x_printf("%s%s", level->prefix, name);
    _cleanup_free_ char *inside = x_printf("%s.", full_name);
    json *live = find_live(level->live, name);
    declare(comparison, full_name);
    comparison->fields++;
    if (!live) {
        differs(comparison, full_name, "is missing");
        return 0;
    }
    const char *type = json_text(json_get(declared, "type"), "object");
    const char *live_type = json_text(json_get(live, "type"), "object");
    if (strcmp(type, live_type) != 0) {
        _cleanup_free_ char *problem = x_printf("is %s, declared is %s", live_type, type);
        differs(comparison, full_name, problem);
        return 0;
    }
    struct parameter_comparison parameters = {comparison, live, full_name};
    struct level properties = {comparison, json_get(live, "properties"), inside};
    struct level fields = {comparison, json_get(live, "fields"), inside};
    json_each(declared, compare_parameter, &parameters);
    json_each(json_get(declared, "properties"), compare_field, &properties);
    return json_each(json_get(declared, "fields"), compare_field, &fields);
}

/* What is declared of the mapping as a whole, such as "dynamic". */
static int compare_whole(const char *key, json *value, void *data)
{
    struct level *level = data;
    if (strcmp(key, "properties") == 0 || strcmp(key, "_meta") == 0)
        return 0;
    json *live = json_get(level->live, key);
    bool same = live ? same_value(value, live) : true;
    /* The engine does not say what is so by itself. */
    if (!live && strcmp(key, "dynamic") == 0) {
        _cleanup_free_ char *text = scalar_text(value);
        same = strcmp(text, "true") == 0;
    }
    if (same)
        return 0;
    _cleanup_free_ char *declared = json_write(value), *is = json_write(live);
    _cleanup_free_ char *problem = x_printf("is %s, declared is %s", is, declared);
    differs(level->comparison, key, problem);
    return 0;
}

/* ---- fields that nobody declared ---- */

static bool is_declared(const struct mapping_comparison *comparison, const char *full_name)
{
    size_t length = strlen(full_name);
    for (size_t i = 0; i < comparison->declared_count; i++) {
        const char *name = comparison->declared[i];
        if (strncmp(name, full_name, length) == 0 && (!name[length] || name[length] == '.'))
            return true;
    }
    return false;
}

static int find_dynamic(const char *name, json *live, void *data)
{
    struct level *level = data;
    _cleanup_free_ char *full_name = x_printf("%s%s", level->prefix, name);
    _cleanup_free_ char *inside = x_printf("%s.", full_name);
    json *properties = json_get(live, "properties");
    struct level below = {level->comparison, properties, inside};
    if (properties)
        return json_each(properties, find_dynamic, &below);
    if (!is_declared(level->comparison, full_name))
        differs(level->comparison, full_name, NULL);
    return 0;
}

/* ---- the checks ---- */

static int end_fields(struct verifying *verifying, struct mapping_comparison *comparison,
                      const char *of, int64_t count, struct error *err)
{
    struct buffer found = check_take_words(comparison->check);
    if (of)
        check_number(comparison->check, of, count);
    check_number(comparison->check, of ? "different" : "not_declared", comparison->different);
    check_give_words(comparison->check, &found);
    if (comparison->different)
        comparison->check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, comparison->check, err);
}

static int compare_mappings(struct verifying *verifying, json *declared, json *live, json *defaults,
                            struct error *err)
{
    struct mapping_comparison comparison = {
        .check = check_begin(verifying->result, "mapping", CHECK_CRITICAL),
        .defaults = defaults,
    };
    struct level whole = {&comparison, live, ""};
    struct level fields = {&comparison, json_get(live, "properties"), ""};
    json_each(declared, compare_whole, &whole);
    json_each(json_get(declared, "properties"), compare_field, &fields);
    int result = end_fields(verifying, &comparison, "fields", comparison.fields, err);
    if (result == 0) {
        comparison.check = check_begin(verifying->result, "dynamic_fields", CHECK_WARNING);
        comparison.different = 0;
        json_each(json_get(live, "properties"), find_dynamic, &fields);
        result = end_fields(verifying, &comparison, NULL, 0, err);
    }
    texts_free(comparison.declared, comparison.declared_count);
    return result;
}

static int ask(struct verifying *verifying, const char *what, json **ret_answer, struct error *err)
{
    const char *index = verifying->instance->index_name;
    _cleanup_free_ char *escaped = engine_path_escape(index);
    _cleanup_free_ char *path = x_printf("/%s/%s", escaped, what);
    _cleanup_free_ char *doing = x_printf("read what \"%s\" is like", index);
    return engine_ask(verifying->context->engine, path, NULL, doing, ret_answer, err);
}

int verify_mapping(struct verifying *verifying, struct error *err)
{
    const char *index = verifying->instance->index_name;
    const char *text = verifying->instance->content.body;
    _cleanup_(json_freep) json *body = json_parse(text, strlen(text), err);
    _cleanup_(json_freep) json *live = NULL, *defaults = NULL;
    if (!body || ask(verifying, "_mapping", &live, err) < 0 ||
        ask(verifying, "_mapping/field/*?include_defaults=true", &defaults, err) < 0)
        return -1;
    return compare_mappings(verifying, json_get(body, "mappings"),
                            JSON_PATH(live, index, "mappings"),
                            JSON_PATH(defaults, index, "mappings"), err);
}

/* ---- settings ---- */

struct settings_level {
    struct mapping_comparison *comparison;
    json *live;
    const char *prefix;
};

static int compare_setting(const char *key, json *declared, void *data)
{
    const struct settings_level *level = data;
    struct mapping_comparison *comparison = level->comparison;
    _cleanup_free_ char *name = x_printf("%s%s", level->prefix, key);
    if (json_is_object(declared)) {
        _cleanup_free_ char *inside = x_printf("%s.", name);
        struct settings_level below = {comparison, level->live, inside};
        return json_each(declared, compare_setting, &below);
    }
    _cleanup_free_ char *flat =
        strncmp(name, "index.", 6) == 0 ? x_strdup(name) : x_printf("index.%s", name);
    json *live = json_get(level->live, flat);
    comparison->fields++;
    if (!declared || (live && same_value(declared, live)))
        return 0;
    _cleanup_free_ char *is = live ? json_write(live) : NULL;
    _cleanup_free_ char *wanted = json_write(declared);
    _cleanup_free_ char *problem = x_printf("is %s, declared is %s", is ? is : "not set", wanted);
    comparison->different++;
    check_add_sample(comparison->check, "setting", flat, problem);
    return 0;
}

int verify_settings(struct verifying *verifying, struct error *err)
{
    const char *text = verifying->instance->content.body;
    _cleanup_(json_freep) json *body = json_parse(text, strlen(text), err);
    _cleanup_(json_freep) json *live = NULL;
    if (!body || ask(verifying, "_settings?flat_settings=true", &live, err) < 0)
        return -1;
    struct mapping_comparison comparison = {
        .check = check_begin(verifying->result, "settings", CHECK_WARNING),
    };
    struct settings_level level = {
        &comparison, JSON_PATH(live, verifying->instance->index_name, "settings"), ""};
    json_each(json_get(body, "settings"), compare_setting, &level);
    return end_fields(verifying, &comparison, "settings", comparison.fields, err);
}
