#include "domain/declaration.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/texts.h"
#include "base/utf8.h"
#include "clients/json.h"
#include "clients/pg_conninfo.h"
#include "domain/canonical.h"

void content_release(struct content *content)
{
    free(content->body);
    free(content->documents_sql);
    free(content->changed_sql);
    free(content->changed_at_zone);
    *content = (struct content){};
}

void declaration_release(struct declaration *declaration)
{
    free(declaration->name);
    content_release(&declaration->content);
    master_options_release(&declaration->options);
    free(declaration->options_json);
    free(declaration->fingerprint);
    *declaration = (struct declaration){};
}

/* ---- files ---- */

static bool folder_exists(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

bool declaration_exists(const char *directory, const char *name)
{
    _cleanup_free_ char *path = x_printf("%s/%s", directory, name);
    return folder_exists(path);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

int declaration_names(const char *directory, char ***ret_names, size_t *ret_count,
                      struct error *err)
{
    size_t count = 0, capacity = 0;
    char **names = NULL;
    _cleanup_(close_directory) DIR *open_directory = opendir(directory);
    if (!open_directory && errno != ENOENT)
        return error_set(err, ERR_USAGE, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry; open_directory && (entry = readdir(open_directory));) {
        if (entry->d_name[0] == '.' || !declaration_exists(directory, entry->d_name))
            continue;
        names = x_grow(names, count, &capacity, sizeof(char *));
        names[count++] = x_strdup(entry->d_name);
    }
    if (count)
        qsort(names, count, sizeof(char *), texts_compare);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

int declarations_check(const char *directory, struct error *err)
{
    if (folder_exists(directory))
        return 0;
    error_set(err, ERR_USAGE, "there is no folder of declarations \"%s\"", directory);
    return error_hint(err, "Run esmigrate in the folder that has it, or name it with --indexes DIR "
                           "(ESMIGRATE_INDEXES).");
}

int declaration_missing(const char *directory, const char *name, struct error *err)
{
    if (declarations_check(directory, err) < 0)
        return -1;
    _cleanup_(error_release) struct error ignored = {};
    char **names = NULL;
    size_t count = 0;
    declaration_names(directory, &names, &count, &ignored);
    const char *nearest = nearest_name(name, (const char *const *)names, count);
    error_set(err, ERR_USAGE, "there is no declaration %s/%s", directory, name);
    if (nearest)
        error_hint(err,
                   "Did you mean %s? If not, make the folder with index.json and "
                   "documents.sql in it.",
                   nearest);
    else
        error_hint(err, "Make the folder with index.json and documents.sql in it, or name another "
                        "folder of declarations with --indexes DIR (ESMIGRATE_INDEXES).");
    texts_free(names, count);
    return -1;
}

/* ---- index.json ---- */

struct setting_search {
    const char *wanted; /* without "index." */
    const char *except; /* a value that is passed over, or NULL */
    const char *path;   /* dotted, of the object that is visited */
    char *found;
};

static int visit_setting(const char *key, json *value, void *data)
{
    struct setting_search *search = data;
    _cleanup_free_ char *path =
        *search->path ? x_printf("%s.%s", search->path, key) : x_strdup(key);
    if (json_is_object(value)) {
        const char *outer = search->path;
        search->path = path;
        int result = json_each(value, visit_setting, search);
        search->path = outer;
        return result;
    }
    const char *plain = strncmp(path, "index.", 6) == 0 ? path + 6 : path;
    if (strcmp(plain, search->wanted) != 0)
        return 0;
    _cleanup_free_ char *text =
        json_is_string(value) ? x_strdup(json_text(value, "")) : json_write(value);
    if (search->except && strcasecmp(text, search->except) == 0)
        return 0;
    search->found = TAKE_PTR(text);
    return 1;
}

/* The first value of a setting, in whatever spelling, that is not `except`. */
static char *find_setting(const json *body, const char *name, const char *except)
{
    struct setting_search search = {.wanted = name, .except = except, .path = ""};
    json_each(json_get(body, "settings"), visit_setting, &search);
    return search.found;
}

char *content_setting(const struct content *content, const char *name, struct error *err)
{
    _cleanup_(json_freep) json *body = json_parse(content->body, strlen(content->body), err);
    return body ? find_setting(body, name, NULL) : NULL;
}

char *content_pipeline(const struct content *content, const char *setting, struct error *err)
{
    _cleanup_free_ char *name = content_setting(content, setting, err);
    /* A null, too, is the default: no pipeline, whatever a template says. */
    return name && strcmp(name, "_none") != 0 && strcmp(name, "null") != 0 ? TAKE_PTR(name) : NULL;
}

static int check_known_key(const char *key, json *value, void *data)
{
    struct error *err = data;
    if (strcmp(key, "settings") == 0 || strcmp(key, "mappings") == 0)
        return json_is_object(value) ? 0
                                     : error_set(err, ERR_USAGE, "\"%s\" must be an object", key);
    if (strcmp(key, "aliases") == 0) {
        error_set(err, ERR_USAGE, "\"aliases\" would put an empty index live");
        return error_hint(err, "Remove \"aliases\": es_activate points the alias at an index once "
                               "it is filled.");
    }
    error_set(err, ERR_USAGE, "unknown key \"%s\"", key);
    return error_hint(err, "index.json is the body of \"create index\": it has the keys "
                           "\"settings\" and \"mappings\".");
}

/* What is sent is written out of a tree; it must mean exactly what was declared. */
static int check_exact(const json *body, const char *canonical, struct error *err)
{
    _cleanup_free_ char *written = json_write(body);
    _cleanup_free_ char *again = canonical_json(written, err);
    if (!again)
        return -1;
    if (strcmp(again, canonical) == 0)
        return 0;
    error_set(err, ERR_USAGE,
              "something in it, such as a number of too many digits, cannot be sent exactly as it "
              "is written");
    return error_hint(err, "Write such a number with fewer digits, or as a string.");
}

static int own_mark(struct error *err)
{
    error_set(err, ERR_USAGE, "mappings._meta.esmigrate is esmigrate's own");
    return error_hint(err, "Remove it: es_create writes there which action made the index.");
}

/* Settings that the rules R3 and R5 stand on. An explicit null is the engine's default, and what
 * esmigrate adds would collide with it. */
static int check_settings(const json *body, struct error *err)
{
    _cleanup_free_ char *gc_deletes = find_setting(body, "gc_deletes", NULL);
    _cleanup_free_ char *durability = find_setting(body, "translog.durability", "request");
    if (gc_deletes && strcmp(gc_deletes, "null") == 0) {
        error_set(err, ERR_USAGE,
                  "gc_deletes null would be the engine's default, which is too short");
        return error_hint(err, "Remove the setting: es_create then sets 10m.");
    }
    if (durability) {
        error_set(err, ERR_USAGE, "translog.durability \"%s\" would lose acknowledged documents",
                  durability);
        return error_hint(err, "Remove the setting: esmigrate's changed_through relies on the "
                               "default, \"request\".");
    }
    return 0;
}

static int check_body(const char *text, struct error *err)
{
    _cleanup_free_ char *canonical = canonical_json(text, err);
    if (!canonical) {
        if (strncmp(text, "PUT ", 4) == 0 || strncmp(text, "POST ", 5) == 0)
            error_hint(err, "Leave out the request line: the file is the body alone.");
        return -1;
    }
    _cleanup_(json_freep) json *body = json_parse(text, strlen(text), err);
    if (!body || check_exact(body, canonical, err) < 0) {
        err->kind = ERR_USAGE;
        return -1;
    }
    if (!json_is_object(body))
        return error_set(err, ERR_USAGE, "not a JSON object");
    if (json_each(body, check_known_key, err))
        return -1;
    if (JSON_PATH(body, "mappings", "_meta", "esmigrate"))
        return own_mark(err);
    return check_settings(body, err);
}

/* Unless the body has its own: what it says, no index template of the engine changes. */
static void add_setting(const json *body, json *settings, const char *name, const char *value)
{
    _cleanup_free_ char *own = find_setting(body, name, NULL);
    _cleanup_free_ char *key = x_printf("index.%s", name);
    if (!own)
        json_put(settings, key, json_new_text(value));
}

char *content_create_body(const struct content *content, const char *write_alias,
                          const char *action_id, struct error *err)
{
    _cleanup_(json_freep) json *body = json_parse(content->body, strlen(content->body), err);
    if (!body)
        return NULL;
    json *mappings = json_object_at(body, "mappings");
    json *meta = mappings ? json_object_at(mappings, "_meta") : NULL;
    json *settings = json_object_at(body, "settings");
    if (!meta || !settings) {
        error_set(err, ERR_USAGE,
                  "\"settings\", \"mappings\" and \"mappings._meta\" must be objects");
        return NULL;
    }
    json *mark = json_new_object();
    json_put(mark, "action", json_new_text(action_id));
    json_put(meta, "esmigrate", mark);

    add_setting(body, settings, "gc_deletes", "10m");
    add_setting(body, settings, "translog.durability", "request");

    json *aliases = json_new_object();
    json_put(aliases, write_alias, json_new_object());
    json_put(body, "aliases", aliases);
    return json_write(body);
}

char *content_fingerprint(const struct content *content, struct error *err)
{
    _cleanup_free_ char *canonical = canonical_json(content->body, err);
    if (!canonical)
        return NULL;
    const char *parts[] = {canonical, content->documents_sql, content->changed_sql,
                           content->changed_at_zone};
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (parts[i])
            buffer_printf(&text, "%zu:%s", strlen(parts[i]), parts[i]);
        else
            buffer_text(&text, "-:");
    }
    char hex[SHA256_HEX_SIZE];
    sha256_hex(text.data, text.length, hex);
    return x_printf("1:%s", hex);
}

/* ---- master.json ---- */

static int malformed_source(const char *path, struct error *err)
{
    error_set(err, ERR_USAGE, "%s: \"source\" is not a connection string", path);
    return error_hint(err, "Write keyword=value pairs (host=... dbname=...) or a URI "
                           "(postgresql://user@host/dbname).");
}

static int read_options_file(struct declaration *declaration, const char *path, struct error *err)
{
    _cleanup_free_ char *text = NULL;
    if (read_text_file(path, false, &text, err) < 0)
        return -1;
    if (!text) {
        declaration->options_json = x_strdup("{}");
        return 0;
    }
    if (master_options_parse(text, path, declaration->name, &declaration->options, err) < 0)
        return -1;
    _cleanup_(json_freep) json *stored = json_parse(text, strlen(text), err);
    if (!stored)
        return -1;
    if (declaration->options.source) {
        _cleanup_free_ char *public = pg_conninfo_public(declaration->options.source);
        if (!public || utf8_first_wrong(public)) /* %80 in a URI */
            return malformed_source(path, err);
        json_put(stored, "source", json_new_text(public));
    }
    declaration->options_json = json_write(stored);
    declaration->content.changed_at_zone = x_strdup(declaration->options.changed_at_zone);
    return 0;
}

int declaration_read(const char *directory, const char *name, struct declaration *ret_declaration,
                     struct error *err)
{
    _cleanup_free_ char *folder = x_printf("%s/%s", directory, name);
    _cleanup_free_ char *body_path = x_printf("%s/index.json", folder);
    _cleanup_free_ char *documents_path = x_printf("%s/documents.sql", folder);
    _cleanup_free_ char *changed_path = x_printf("%s/changed.sql", folder);
    _cleanup_free_ char *options_path = x_printf("%s/master.json", folder);
    _cleanup_(declaration_release) struct declaration declaration = {.name = x_strdup(name)};
    struct content *content = &declaration.content;

    if (!declaration_exists(directory, name))
        return declaration_missing(directory, name, err);
    if (read_text_file(body_path, true, &content->body, err) < 0 ||
        read_text_file(documents_path, true, &content->documents_sql, err) < 0)
        return err->hint ? -1
                         : error_hint(err, "A declaration is a folder with the files index.json "
                                           "and documents.sql, which esmigrate must be able to "
                                           "read.");
    if (read_text_file(changed_path, false, &content->changed_sql, err) < 0 ||
        read_options_file(&declaration, options_path, err) < 0)
        return -1;
    if (check_body(content->body, err) < 0)
        return error_prefix(err, "%s", body_path);
    declaration.fingerprint = content_fingerprint(content, err);
    if (!declaration.fingerprint)
        return error_prefix(err, "%s", body_path);
    *ret_declaration = TAKE(declaration);
    return 0;
}
