#include "usecases/context.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "base/texts.h"
#include "base/utf8.h"
#include "clients/pg_conninfo.h"
#include "domain/schema.h"

static char *user_name(void)
{
    struct passwd *entry = getpwuid(geteuid());
    return entry ? x_strdup(entry->pw_name) : x_printf("%u", geteuid());
}

static char *host_name(void)
{
    char name[256] = "";
    return x_strdup(gethostname(name, sizeof(name) - 1) < 0 ? "unknown" : name);
}

/* NULL also for "", by which an option takes back what the environment says. */
static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

void context_init(struct context *context, const struct settings *settings, int argc, char **argv,
                  const struct log *log)
{
    *context = (struct context){.settings = *settings, .log = log};
    context->access = (struct http_options){
        .urls = settings->engine.urls,
        .user = given(settings->engine.user),
        .ca = given(settings->engine.ca),
        .certificate = given(settings->engine.certificate),
        .key = given(settings->engine.key),
    };
    pg_conninfo_secrets(settings->history, &context->secrets);
    pg_conninfo_secrets(settings->source, &context->secrets);
    pg_conninfo_secrets(settings->owner, &context->secrets);
    http_url_secrets(settings->engine.urls, NULL, &context->secrets);
    secrets_add(&context->secrets, getenv("PGPASSWORD"));

    char **masked = x_calloc((size_t)argc, sizeof(char *));
    for (int i = 0; i < argc; i++) {
        _cleanup_free_ char *clean = utf8_clean(argv[i]);
        masked[i] = secrets_mask(&context->secrets, clean);
    }
    context->origin = (struct action_origin){
        .argv = pg_array((const char *const *)masked, (size_t)argc),
        .tag = utf8_clean(settings->tag),
        .os_user = user_name(),
        .host = host_name(),
    };
    texts_free(masked, (size_t)argc);
}

void context_release(struct context *context)
{
    history_close(context->history);
    engine_close(context->engine);
    free((char *)context->access.password);
    free((char *)context->access.api_key);
    free((char *)context->access.bearer);
    free(context->recorded_prefix);
    action_origin_release(&context->origin);
    secrets_release(&context->secrets);
    *context = (struct context){};
}

int context_open_history(struct context *context, bool writing, struct error *err)
{
    struct history_options options = {
        .conninfo = context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (!context->history && history_open(&options, &context->history, err) < 0)
        return -1;
    char *prefix = NULL;
    bool copied = false;
    if (schema_check(context->history, context->settings.prefix, writing, &prefix, &copied, err) <
        0)
        return -1;
    if (copied)
        log_say(context->log, LOG_WARNING,
                "this history was copied here from another database; the indexes belong to the "
                "original");
    context->writing = writing;
    if (!writing && prefix) {
        free(context->recorded_prefix);
        context->settings.prefix = context->recorded_prefix = TAKE_PTR(prefix);
    }
    free(prefix);
    return 0;
}

/* ---- access to the engine ---- */

struct access_file {
    const char *option;
    const char *environment;
    const char *path;  /* or NULL */
    const char **slot; /* where its secret goes; NULL: libcurl reads the file itself */
};

static int wrong_file(const struct access_file *file, struct error *err)
{
    error_prefix(err, "%s", file->option);
    return error_hint(err, "Name a file with %s, or with %s in the environment.", file->option,
                      file->environment);
}

/* The first line of a file that holds a secret, which is remembered as one. */
static int take_secret(struct context *context, const struct access_file *file, char *text,
                       struct error *err)
{
    size_t length = strcspn(text, "\r\n");
    text[length] = '\0';
    if (!length) {
        error_set(err, ERR_USAGE, "%s: the first line is empty", file->path);
        return wrong_file(file, err);
    }
    secrets_add(&context->secrets, text);
    *file->slot = x_strdup(text);
    return 0;
}

static int read_access_file(struct context *context, const struct access_file *file,
                            struct error *err)
{
    _cleanup_free_ char *text = NULL;
    if (!given(file->path) || (file->slot && *file->slot))
        return 0;
    if (read_text_file(file->path, true, &text, err) < 0)
        return wrong_file(file, err);
    return file->slot ? take_secret(context, file, text, err) : 0;
}

/* A certificate's file is read here too: libcurl's words would name neither option nor reason. */
static int read_access_files(struct context *context, struct error *err)
{
    const struct settings *settings = &context->settings;
    struct http_options *access = &context->access;
    const struct access_file files[] = {
        {"--engine-password-file", "ESMIGRATE_ENGINE_PASSWORD_FILE", settings->engine_password_file,
         &access->password},
        {"--api-key-file", "ESMIGRATE_API_KEY_FILE", settings->api_key_file, &access->api_key},
        {"--bearer-file", "ESMIGRATE_BEARER_FILE", settings->bearer_file, &access->bearer},
        {"--ca", "ESMIGRATE_CA", access->ca, NULL},
        {"--cert", "ESMIGRATE_CERT", access->certificate, NULL},
        {"--key", "ESMIGRATE_KEY", access->key, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (read_access_file(context, &files[i], err) < 0)
            return -1;
    return 0;
}

static int needs(const char *option, const char *other, struct error *err)
{
    error_set(err, ERR_USAGE, "%s needs %s", option, other);
    return error_hint(err, "Give both, or neither; %s= takes back what the environment says.",
                      option);
}

/* What would be left out without a word, or sent where another was meant, is wrong use. */
static int check_access(const struct http_options *access, struct error *err)
{
    bool user_in_url = http_urls_name_user(access->urls, false);
    const char *ways[3];
    size_t count = 0;
    if (access->user || user_in_url)
        ways[count++] = "user and password";
    if (access->api_key)
        ways[count++] = "API key";
    if (access->bearer)
        ways[count++] = "bearer token";
    if (count > 1) {
        error_set(err, ERR_USAGE, "the engine is given both %s and %s", ways[0], ways[1]);
        return error_hint(err, "Leave one of --engine-user (or the user in the URL), "
                               "--api-key-file and --bearer-file; --OPTION= takes back what the "
                               "environment says.");
    }
    if (access->user && !access->password && !http_urls_name_user(access->urls, true))
        return needs("--engine-user", "--engine-password-file", err);
    if (access->password && !access->user && !user_in_url)
        return needs("--engine-password-file", "--engine-user, or a user in the URL", err);
    if (access->key && !access->certificate)
        return needs("--key", "--cert", err);
    return 0;
}

/* A cluster that has just begun to form has no uuid yet. What looked at it first, to plan, may
 * write now. */
static int check_cluster(struct context *context, struct error *err)
{
    const char *uuid = context->engine->cluster_uuid;
    if (context->checked_cluster || !context->writing || context->settings.dry_run || !*uuid ||
        strcmp(uuid, "_na_") == 0)
        return 0;
    if (schema_check_cluster(context->history, uuid, err) < 0)
        return -1;
    context->checked_cluster = true;
    return 0;
}

static int open_engine(struct context *context, struct error *err)
{
    const struct http_options *access = &context->access;
    if (read_access_files(context, err) < 0 || check_access(access, err) < 0)
        return -1;
    http_url_secrets(access->urls, access->password, &context->secrets);
    http_basic_secrets(access->user, access->password, &context->secrets);
    if (engine_open(access, &context->engine, err) < 0)
        return -1;
    log_say(context->log, LOG_DETAIL, "engine: %s %s, cluster %s", context->engine->dialect->title,
            context->engine->version, context->engine->cluster_uuid);
    return 0;
}

int context_open_engine(struct context *context, struct error *err)
{
    if (!context->engine && open_engine(context, err) < 0)
        return -1;
    return check_cluster(context, err);
}

static int try_servers(struct context *context, struct error *err)
{
    struct history_options options = {
        .conninfo = context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
    };
    if (!context->history && history_open(&options, &context->history, err) < 0)
        return -1;
    return context_open_engine(context, err);
}

int context_wait_servers(struct context *context, int seconds, struct error *err)
{
    int64_t until = clock_ms() + (int64_t)seconds * 1000;
    while (try_servers(context, err) < 0) {
        /* Who is not let in would wait for nothing. */
        bool may_come = err->kind == ERR_POSTGRES ||
                        (err->kind == ERR_ENGINE && err->http_code != 401 && err->http_code != 403);
        if (!may_come || clock_ms() >= until)
            return -1;
        log_say(context->log, LOG_DETAIL, "%s; waiting", err->message);
        error_release(err);
        if (stop_sleep(500, err) < 0)
            return -1;
    }
    return 0;
}

struct source_options context_source_options(const struct context *context, const char *own,
                                             const char *search_path)
{
    return (struct source_options){
        .conninfo = context->settings.source ? context->settings.source
                    : own                    ? own
                                             : context->settings.history,
        .lock_timeout_s = context->settings.lock_timeout_s,
        .search_path = search_path,
    };
}

int context_open_source(struct context *context, const char *own, const char *search_path,
                        struct source **ret_source, struct error *err)
{
    const struct source_options options = context_source_options(context, own, search_path);
    pg_conninfo_secrets(own, &context->secrets);
    return source_open(&options, ret_source, err);
}
