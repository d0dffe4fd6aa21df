/* domain/declaration: what is taken as index.json and master.json is sent as JSON that means the
 * same, with what esmigrate adds; the fingerprint does not depend on how it is written. */
#include "fuzz.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secrets.h"
#include "clients/json.h"
#include "clients/pg_conninfo.h"
#include "clients/postgres.h"
#include "domain/canonical.h"
#include "domain/declaration.h"

/* The input is index.json, and behind the first byte 0xff, which no UTF-8 has, master.json. */
enum { SEPARATOR = 0xff };

static char folder[] = "/tmp/esmigrate-fuzz-XXXXXX";

static const char *const files[] = {"x/index.json", "x/documents.sql", "x/master.json", "x"};

static void path_of(const char *name, char ret_path[64])
{
    snprintf(ret_path, 64, "%s/%s", folder, name);
}

static void remove_folder(void)
{
    char path[64];
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        path_of(files[i], path);
        (void)remove(path);
    }
    (void)rmdir(folder);
}

static void write_file(const char *name, const void *data, size_t length)
{
    char path[64];
    path_of(name, path);
    FILE *file = fopen(path, "we");
    MUST(file && fwrite(data, 1, length, file) == length && fclose(file) == 0);
}

static void make_folder(void)
{
    char path[64];
    if (strstr(folder, "XXXXXX") == NULL)
        return;
    MUST(mkdtemp(folder));
    MUST(atexit(remove_folder) == 0);
    path_of("x", path);
    MUST(mkdir(path, 0700) == 0);
    write_file("x/documents.sql", "SELECT 1 AS _id", 15);
}

static void write_files(const uint8_t *data, size_t size)
{
    char path[64];
    const uint8_t *separator = size ? memchr(data, SEPARATOR, size) : NULL;
    size_t length = separator ? (size_t)(separator - data) : size;
    make_folder();
    write_file("x/index.json", data, length);
    path_of("x/master.json", path);
    if (separator)
        write_file("x/master.json", separator + 1, size - length - 1);
    else
        (void)remove(path);
}

static void check_fingerprint(const struct declaration *declaration)
{
    _cleanup_(error_release) struct error err = {};
    struct content content = declaration->content;
    _cleanup_free_ char *body = canonical_json(content.body, &err);
    MUST(body);
    content.body = body;
    _cleanup_free_ char *fingerprint = content_fingerprint(&content, &err);
    MUST(fingerprint && strcmp(fingerprint, declaration->fingerprint) == 0);
}

/* That the engine gets what was declared: each setting in its own spelling, or ours. */
static void check_setting(const struct content *declared, const struct content *made,
                          const char *name, const char *ours)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *before = content_setting(declared, name, &err);
    _cleanup_free_ char *after = content_setting(made, name, &err);
    MUST(!error_is_set(&err) && after && strcmp(after, before ? before : ours) == 0);
}

static void check_create_body(const struct content *content)
{
    _cleanup_(error_release) struct error err = {};
    char *body = content_create_body(content, "x-1.W1", "an-action", &err);
    if (!body) {
        MUST(err.kind == ERR_USAGE);
        return;
    }
    struct content made = {.body = body};
    _cleanup_free_ char *canonical = canonical_json(body, &err);
    MUST(canonical);
    check_setting(content, &made, "gc_deletes", "10m");
    check_setting(content, &made, "translog.durability", "request");
    _cleanup_free_ char *durability = content_setting(&made, "translog.durability", &err);
    MUST(strcasecmp(durability, "request") == 0);
    _cleanup_(json_freep) json *value = json_parse(body, strlen(body), &err);
    MUST(value && json_is_object(JSON_PATH(value, "aliases", "x-1.W1")));
    json *mark = JSON_PATH(value, "mappings", "_meta", "esmigrate", "action");
    MUST(strcmp(json_text(mark, ""), "an-action") == 0);
    free(body);
}

static void check_options(const struct declaration *declaration)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(master_options_release) struct master_options options = {};
    MUST(master_options_parse(declaration->options_json, "stored", declaration->name, &options,
                              &err) == 0);
    MUST(options.max_document_bytes == declaration->options.max_document_bytes);
    MUST(options.range_documents == declaration->options.range_documents);
    _cleanup_(secrets_release) struct secrets secrets = {};
    pg_conninfo_secrets(options.source, &secrets);
    MUST(secrets.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(declaration_release) struct declaration declaration = {};
    write_files(data, size);
    int result = declaration_read(folder, "x", &declaration, &err);
    MUST((result < 0) == error_is_set(&err));
    if (result < 0) {
        MUST(err.kind == ERR_USAGE && strncmp(err.message, folder, strlen(folder)) == 0);
        return 0;
    }
    check_fingerprint(&declaration);
    check_create_body(&declaration.content);
    check_options(&declaration);
    return 0;
}
