#include "domain/difference.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "domain/canonical.h"

void differences_release(struct differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        free(differences->list[i].path);
        free(differences->list[i].before);
        free(differences->list[i].after);
    }
    free(differences->list);
    *differences = (struct differences){};
}

char *json_canonical(const json *value)
{
    _cleanup_(error_release) struct error ignored = {};
    if (!value)
        return NULL;
    _cleanup_free_ char *written = json_write(value);
    char *canonical = canonical_json(written, &ignored);
    return canonical ? canonical : TAKE_PTR(written);
}

bool json_equal(const json *one, const json *other)
{
    _cleanup_free_ char *a = json_canonical(one), *b = json_canonical(other);
    return a && b ? strcmp(a, b) == 0 : a == b;
}

struct comparison {
    const char *path;
    const json *other;
    bool only_missing; /* members that the other one has too were compared before */
    struct differences *differences;
};

static void compare(const char *path, const json *before, const json *after,
                    struct differences *differences);

static int compare_member(const char *key, json *value, void *data)
{
    const struct comparison *comparison = data;
    const json *other = json_get(comparison->other, key);
    _cleanup_free_ char *path =
        *comparison->path ? x_printf("%s.%s", comparison->path, key) : x_strdup(key);
    if (!comparison->only_missing)
        compare(path, value, other, comparison->differences);
    else if (!other)
        compare(path, NULL, value, comparison->differences);
    return 0;
}

static void compare(const char *path, const json *before, const json *after,
                    struct differences *differences)
{
    if (json_is_object(before) && json_is_object(after)) {
        struct comparison comparison = {path, after, false, differences};
        json_each(before, compare_member, &comparison);
        comparison = (struct comparison){path, before, true, differences};
        json_each(after, compare_member, &comparison);
        return;
    }
    if (json_equal(before, after))
        return;
    differences->list = x_grow(differences->list, differences->count, &differences->capacity,
                               sizeof(*differences->list));
    differences->list[differences->count++] = (struct difference){
        .path = x_strdup(path),
        .before = json_canonical(before),
        .after = json_canonical(after),
    };
}

void differences_find(const json *before, const json *after, struct differences *differences)
{
    compare("", before, after, differences);
}
