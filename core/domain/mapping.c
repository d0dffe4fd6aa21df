#include "domain/mapping.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/texts.h"
#include "domain/difference.h"

static const char properties[] = "properties", meta[] = "_meta", own[] = "esmigrate";

void mapping_changes_release(struct mapping_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct mapping_change *change = &changes->list[i];
        texts_free(change->fields, change->field_count);
        free(change->attribute);
        free(change->path);
        free(change->before);
        free(change->after);
        free(change->request);
    }
    free(changes->list);
    *changes = (struct mapping_changes){};
}

/* ---- copies ---- */

static json *copy(const json *value)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_free_ char *text = json_write(value);
    return json_parse(text, strlen(text), &ignored);
}

struct copying {
    json *to;
    const char *without;
    size_t count;
};

static int copy_member(const char *key, json *value, void *data)
{
    struct copying *copying = data;
    if (strcmp(key, copying->without) == 0)
        return 0;
    json_put(copying->to, key, value ? copy(value) : NULL);
    copying->count++;
    return 0;
}

/* Of an object; *ret_count, if wanted, is how many members it has. */
static json *copy_without(const json *object, const char *key, size_t *ret_count)
{
    struct copying copying = {.to = json_new_object(), .without = key};
    json_each(object, copy_member, &copying);
    if (ret_count)
        *ret_count = copying.count;
    return copying.to;
}

json *mapping_without_mark(const json *mapping)
{
    json *result = copy_without(mapping, meta, NULL);
    size_t count = 0;
    json *rest = copy_without(json_get(mapping, meta), own, &count);
    if (count)
        json_put(result, meta, rest);
    else
        json_free(rest);
    return result;
}

/* ---- fields ---- */

/* The names of the fields around one, from the inside out. */
struct level {
    const struct level *outer;
    const char *name;
};

struct comparison {
    const struct level *outer; /* NULL: the mapping itself */
    const json *other;
    bool only_missing; /* what the other one has too was compared before */
    const json *after; /* the whole mapping, for requests */
    struct mapping_changes *changes;
};

static const json *find_field(const json *mapping, char *const *fields, size_t count)
{
    for (size_t i = 0; i < count && mapping; i++)
        mapping = JSON_PATH(mapping, properties, fields[i]);
    return mapping;
}

/* The definition of a field, with or without the fields inside; the caller's, NULL of NULL. */
static char *definition(const json *field, bool shallow)
{
    if (!field || !shallow)
        return json_canonical(field);
    _cleanup_(json_freep) json *part = copy_without(field, properties, NULL);
    return json_canonical(part);
}

/* The object around a field says what it is too: one of type "nested" would be taken for another.
 */
static json *wrap(const json *around, bool is_mapping, char *const *fields, size_t count,
                  bool shallow)
{
    json *result = is_mapping ? json_new_object() : copy_without(around, properties, NULL);
    const json *field = JSON_PATH(around, properties, fields[0]);
    json *inner = count > 1 ? wrap(field, false, fields + 1, count - 1, shallow)
                  : shallow ? copy_without(field, properties, NULL)
                            : copy(field);
    json_put(json_object_at(result, properties), fields[0], inner);
    return result;
}

static struct mapping_change *add_change(struct mapping_changes *changes, const char *before,
                                         const char *after)
{
    changes->list =
        x_grow(changes->list, changes->count, &changes->capacity, sizeof(*changes->list));
    struct mapping_change *change = &changes->list[changes->count++];
    *change = (struct mapping_change){.before = x_strdup(before), .after = x_strdup(after)};
    return change;
}

static void name_field(struct mapping_change *change, const struct level *level)
{
    _cleanup_(buffer_release) struct buffer path = BUFFER(BUFFER_TEXT_MAX);
    for (const struct level *l = level; l; l = l->outer)
        change->field_count++;
    change->fields = x_calloc(change->field_count, sizeof(char *));
    size_t place = change->field_count;
    for (const struct level *l = level; l; l = l->outer)
        change->fields[--place] = x_strdup(l->name);
    for (size_t i = 0; i < change->field_count; i++)
        buffer_printf(&path, "%s%s", i ? "." : "", change->fields[i]);
    change->path = buffer_take(&path);
}

static void compare_definitions(const struct comparison *comparison, const struct level *level,
                                const json *before, const json *after, bool shallow)
{
    _cleanup_free_ char *a = definition(before, shallow), *b = definition(after, shallow);
    if (a && b && strcmp(a, b) == 0)
        return;
    struct mapping_change *change = add_change(comparison->changes, a, b);
    change->shallow = shallow;
    name_field(change, level);
    if (!after)
        return;
    _cleanup_(json_freep) json *request =
        wrap(comparison->after, true, change->fields, change->field_count, shallow);
    change->request = json_write(request);
}

static void compare_fields(const struct level *outer, const json *before, const json *after,
                           const struct comparison *from);

static int compare_field(const char *name, json *value, void *data)
{
    const struct comparison *comparison = data;
    const struct level level = {comparison->outer, name};
    const json *other = json_get(comparison->other, name);
    if (comparison->only_missing) {
        if (!other)
            compare_definitions(comparison, &level, NULL, value, false);
        return 0;
    }
    const json *inside = json_get(value, properties), *other_inside = json_get(other, properties);
    bool both = inside && other_inside;
    compare_definitions(comparison, &level, value, other, both);
    if (both)
        compare_fields(&level, inside, other_inside, comparison);
    return 0;
}

static void compare_fields(const struct level *outer, const json *before, const json *after,
                           const struct comparison *from)
{
    struct comparison comparison = *from;
    comparison.outer = outer;
    comparison.other = after;
    comparison.only_missing = false;
    json_each(before, compare_field, &comparison);
    comparison.other = before;
    comparison.only_missing = true;
    json_each(after, compare_field, &comparison);
}

/* ---- the mapping itself ---- */

static int compare_attribute(const char *key, json *value, void *data)
{
    const struct comparison *comparison = data;
    const json *other = json_get(comparison->other, key);
    const json *before = comparison->only_missing ? NULL : value;
    const json *after = comparison->only_missing ? value : other;
    if (strcmp(key, properties) == 0 || (comparison->only_missing && other) ||
        json_equal(before, after))
        return 0;
    _cleanup_free_ char *a = json_canonical(before), *b = json_canonical(after);
    struct mapping_change *change = add_change(comparison->changes, a, b);
    change->attribute = x_strdup(key);
    change->path = x_strdup(key);
    if (!after)
        return 0;
    _cleanup_(json_freep) json *request = json_new_object();
    json_put(request, key, copy(after));
    change->request = json_write(request);
    return 0;
}

void mapping_compare(const json *before, const json *after, struct mapping_changes *changes)
{
    struct comparison comparison = {.other = after, .after = after, .changes = changes};
    json_each(before, compare_attribute, &comparison);
    comparison.other = before;
    comparison.only_missing = true;
    json_each(after, compare_attribute, &comparison);
    compare_fields(NULL, json_get(before, properties), json_get(after, properties), &comparison);
}

bool mapping_has(const json *mapping, const struct mapping_change *change)
{
    const json *found = change->attribute
                            ? json_get(mapping, change->attribute)
                            : find_field(mapping, change->fields, change->field_count);
    _cleanup_free_ char *now = definition(found, change->shallow);
    return now && change->after ? strcmp(now, change->after) == 0 : now == change->after;
}
