/* Which index templates of the engine would change what index.json says. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "domain/difference.h"
#include "domain/names.h"
#include "usecases/checking.h"

struct alteration {
    struct checking *checking;
    char *index;           /* the name that the next instance will have */
    const char *path;      /* dotted, of the settings that are visited */
    struct buffer changes; /* what templates put in */
    bool has_alias;
    struct error *err;
};

static void add_change(struct alteration *alteration, const char *what, const char *path)
{
    struct buffer *changes = &alteration->changes;
    buffer_printf(changes, "%s%s%s%s", changes->length ? ", " : "", what, *path ? "." : "", path);
}

/* The body's own settings win over a template's. */
static int visit_setting(const char *key, json *value, void *data)
{
    struct alteration *alteration = data;
    _cleanup_free_ char *path =
        *alteration->path ? x_printf("%s.%s", alteration->path, key) : x_strdup(key);
    if (json_is_object(value)) {
        const char *outer = alteration->path;
        alteration->path = path;
        int result = json_each(value, visit_setting, alteration);
        alteration->path = outer;
        return result;
    }
    const char *plain = strncmp(path, "index.", 6) == 0 ? path + 6 : path;
    _cleanup_free_ char *own =
        content_setting(&alteration->checking->declaration.content, plain, alteration->err);
    if (error_is_set(alteration->err))
        return -1;
    /* Where new indexes go, the newer engines say in a template's place. */
    if (!own && strcmp(plain, "routing.allocation.include._tier_preference") != 0)
        add_change(alteration, "settings", plain);
    return 0;
}

static int visit_alias(const char *name, json *value, void *data)
{
    struct alteration *alteration = data;
    (void)value;
    alteration->has_alias = true;
    add_change(alteration, "aliases", name);
    return 0;
}

static int compare_mappings(json *mappings, struct alteration *alteration)
{
    const char *text = alteration->checking->declaration.content.body;
    _cleanup_(json_freep) json *body = json_parse(text, strlen(text), alteration->err);
    _cleanup_(differences_release) struct differences differences = {};
    if (!body)
        return -1;
    json *own = json_object_at(body, "mappings");
    differences_find(mappings, own, &differences);
    for (size_t i = 0; i < differences.count; i++)
        if (!differences.list[i].after)
            add_change(alteration, "mappings", differences.list[i].path);
    return 0;
}

static int visit_template(json *template, struct alteration *alteration)
{
    json *mappings = json_get(template, "mappings");
    alteration->path = "";
    if (json_each(json_get(template, "settings"), visit_setting, alteration) ||
        (json_is_object(mappings) && compare_mappings(mappings, alteration) < 0))
        return -1;
    return json_each(json_get(template, "aliases"), visit_alias, alteration);
}

static int visit_legacy(const char *name, json *template, void *data)
{
    struct alteration *alteration = data;
    json *patterns = json_get(template, "index_patterns");
    (void)name;
    for (size_t i = 0; i < json_length(patterns); i++)
        if (fnmatch(json_text(json_at(patterns, i), ""), alteration->index, 0) == 0)
            return visit_template(template, alteration);
    return 0;
}

/* An engine that applies one of the newer templates leaves out the older ones. */
static int find_changes(struct alteration *alteration, struct error *err)
{
    struct engine *engine = alteration->checking->context->engine;
    _cleanup_(json_freep) json *simulated = NULL;
    _cleanup_(json_freep) json *legacy = NULL;
    _cleanup_free_ char *escaped = engine_path_escape(alteration->index);
    _cleanup_free_ char *path = x_printf("/_index_template/_simulate_index/%s", escaped);
    if (engine_call(engine, "POST", path, NULL, "simulate index templates", 0, &simulated, err) <
        0) {
        if (err->http_code == 403 || !engine_refused(err))
            return -1;
        error_release(err);
    }
    json *template = json_get(simulated, "template");
    if (template)
        return visit_template(template, alteration);
    if (engine_ask(engine, "/_template", NULL, "list index templates", &legacy, err) < 0)
        return -1;
    return json_each(legacy, visit_legacy, alteration);
}

int check_templates(struct checking *checking, const char *check, struct error *err)
{
    static const char limit[] = "none alters the index";
    struct alteration alteration = {
        .checking = checking,
        .index = name_of_index(checking->context->settings.prefix, checking->name,
                               instances_next_number(&checking->instances)),
        .changes = BUFFER(BUFFER_TEXT_MAX),
        .err = err,
    };
    int result = find_changes(&alteration, err);
    if (result == 0 && !alteration.changes.length)
        result = check_line(checking, check, CHECK_OK, x_strdup("none"), limit, NULL);
    else if (result == 0)
        result = check_line(checking, check, alteration.has_alias ? CHECK_FAILED : CHECK_WARNING,
                            x_printf("templates add %s", buffer_cstr(&alteration.changes)), limit,
                            x_strdup(alteration.has_alias
                                         ? "The alias would put an empty index live: take this "
                                           "prefix out of the template's index_patterns."
                                         : "Say it in index.json, or take this prefix out of the "
                                           "template's index_patterns."));
    free(alteration.index);
    buffer_release(&alteration.changes);
    return result;
}
