#include "domain/mapping_fields.h"

#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "clients/json.h"

/* A field and those below it, compared with the properties of the other mapping. */
struct comparison {
    json *other;      /* "properties" there, or NULL */
    const char *path; /* of the object they are in; NULL at the top */
    struct buffer *found;
};

static int compare_field(const char *name, json *field, void *data)
{
    const struct comparison *c = data;
    json *other = json_get(c->other, name);
    _cleanup_free_ char *path = c->path ? x_printf("%s.%s", c->path, name) : x_strdup(name);
    if (!other) {
        buffer_printf(c->found, "%s%s", c->found->length ? ", " : "", path);
        return 0;
    }
    struct comparison below = {
        .other = json_get(other, "properties"), .path = path, .found = c->found};
    json_each(json_get(field, "properties"), compare_field, &below);
    below.other = json_get(other, "fields");
    json_each(json_get(field, "fields"), compare_field, &below);
    return 0;
}

int mapping_fields_only_in(const char *body, const char *other, char **ret_fields,
                           struct error *err)
{
    _cleanup_(json_freep) json *one = json_parse(body, strlen(body), err);
    _cleanup_(json_freep) json *two = one ? json_parse(other, strlen(other), err) : NULL;
    struct buffer found = BUFFER(BUFFER_TEXT_MAX);
    *ret_fields = NULL;
    if (!two)
        return -1;
    struct comparison all = {.other = JSON_PATH(two, "mappings", "properties"), .found = &found};
    json_each(JSON_PATH(one, "mappings", "properties"), compare_field, &all);
    if (found.length)
        *ret_fields = buffer_take(&found);
    return 0;
}
