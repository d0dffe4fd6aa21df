/* usecases/context: what a process knows of itself, and how it opens the engine (rule R10) */
#include "folder.h"
#include "server.h"

#include "usecases/context.h"

static const struct settings plain = {
    .history = "dbname=history",
    .engine = {.urls = "http://localhost:9200"},
    .indexes = "indexes",
    .prefix = "",
    .tag = "release 7",
};

/* The array literal of these arguments, up to seven and NULL behind; the caller's (free()). */
static char *recorded(const struct settings *settings, const char *const *arguments)
{
    char *argv[8];
    int argc = 0;
    struct context context;
    for (; arguments[argc]; argc++)
        argv[argc] = (char *)arguments[argc];
    context_init(&context, settings, argc, argv, NULL);
    char *copy = TAKE_PTR(context.origin.argv);
    context_release(&context);
    return copy;
}

TEST(arguments_are_recorded_as_an_array)
{
    static const char *const arguments[] = {
        "es_update", "course_search", "2", "--since=2026-01-31T08:00:00Z", "say \"x\"", NULL};
    _cleanup_free_ char *argv = recorded(&plain, arguments);
    assert_string_equal(argv, "{\"es_update\",\"course_search\",\"2\","
                              "\"--since=2026-01-31T08:00:00Z\",\"say \\\"x\\\"\"}");
}

TEST(arguments_that_are_not_utf8_are_recorded_all_the_same)
{
    static const char *const arguments[] = {"es_list", "a\xff\xc3\xa4", NULL};
    _cleanup_free_ char *argv = recorded(&plain, arguments);
    assert_string_equal(argv, "{\"es_list\",\"a?\xc3\xa4\"}");
}

TEST(passwords_of_the_settings_are_not_recorded)
{
    static const char *const arguments[] = {"es_list",      "one-secret",  "two-secret",
                                            "three-secret", "four-secret", NULL};
    struct settings settings = plain;
    settings.history = "password=one-secret";
    settings.source = "postgresql://u:two-secret@db/x";
    settings.engine.urls = "http://u:three-secret@es,http://u:four-secret@es";
    _cleanup_free_ char *argv = recorded(&settings, arguments);
    assert_string_equal(argv, "{\"es_list\",\"***\",\"***\",\"***\",\"***\"}");
}

TEST(the_password_of_the_environment_is_not_recorded)
{
    static const char *const arguments[] = {"es_list", "x-geheim-x", NULL};
    setenv("PGPASSWORD", "geheim", 1);
    _cleanup_free_ char *argv = recorded(&plain, arguments);
    unsetenv("PGPASSWORD");
    assert_string_equal(argv, "{\"es_list\",\"x-***-x\"}");
}

TEST(who_runs_it_is_recorded)
{
    char program[] = "es_list";
    char *argv[] = {program};
    struct context context;
    context_init(&context, &plain, 1, argv, NULL);
    assert_string_equal(context.origin.tag, "release 7");
    assert_true(context.origin.os_user && *context.origin.os_user);
    assert_true(context.origin.host && *context.origin.host);
    assert_string_equal(context.settings.history, "dbname=history");
    context_release(&context);
    assert_null(context.origin.argv);
}

/* ---- secrets in files ---- */

static const struct server_answer hello = {
    200, NULL, "{\"version\":{\"number\":\"2.19.6\",\"distribution\":\"opensearch\"}}"};

/* Opens the engine with these settings but for the URL; what it was asked is the caller's. */
static char *open_engine(struct settings settings, const char *masked_text, const char *wanted)
{
    _cleanup_(error_release) struct error err = {};
    struct server server;
    struct context context;
    server_start(&server, &hello, 1);
    settings.engine.urls = server.url;
    context_init(&context, &settings, 0, NULL, NULL);
    if (context_open_engine(&context, &err) < 0)
        fail_msg("%s", err.message);
    _cleanup_free_ char *masked = secrets_mask(&context.secrets, masked_text);
    assert_string_equal(masked, wanted);
    context_release(&context);
    return server_stop(&server);
}

TEST(a_password_file_is_used_and_its_secret_known)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_free_ char *path = x_printf("%s/password", folder);
    struct settings settings = plain;
    folder_write(folder, "password", "geheim\nnot this\n");
    settings.engine.user = "elastic";
    settings.engine_password_file = path;
    _cleanup_free_ char *asked =
        open_engine(settings, "geheim or ZWxhc3RpYzpnZWhlaW0= not this", "*** or *** not this");
    assert_contains(asked, "\r\nAuthorization: Basic ZWxhc3RpYzpnZWhlaW0=\r\n");
}

TEST(an_api_key_file_is_used_and_its_secret_known)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_free_ char *path = x_printf("%s/key", folder);
    struct settings settings = plain;
    folder_write(folder, "key", "aWQ6a2V5\r\n");
    settings.api_key_file = path;
    _cleanup_free_ char *asked = open_engine(settings, "key aWQ6a2V5", "key ***");
    assert_contains(asked, "\r\nAuthorization: ApiKey aWQ6a2V5\r\n");
}

TEST(a_bearer_file_is_used_and_its_secret_known)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_free_ char *path = x_printf("%s/token", folder);
    struct settings settings = plain;
    folder_write(folder, "token", "bearer-token");
    settings.bearer_file = path;
    _cleanup_free_ char *asked = open_engine(settings, "bearer-token", "***");
    assert_contains(asked, "\r\nAuthorization: Bearer bearer-token\r\n");
}

TEST(a_file_without_its_secret_is_refused)
{
    _cleanup_folder_ char *folder = folder_make();
    _cleanup_free_ char *path = x_printf("%s/key", folder);
    _cleanup_free_ char *missing = x_printf("--api-key-file: %s: No such file or directory", path);
    _cleanup_free_ char *empty = x_printf("--api-key-file: %s: the first line is empty", path);
    _cleanup_(error_release) struct error err = {};
    struct settings settings = plain;
    struct context context;
    settings.api_key_file = path;
    context_init(&context, &settings, 0, NULL, NULL);
    assert_int_equal(context_open_engine(&context, &err), -1);
    assert_error(&err, ERR_USAGE, missing);

    folder_write(folder, "key", "\nsecond line");
    assert_int_equal(context_open_engine(&context, &err), -1);
    assert_error(&err, ERR_USAGE, empty);
    context_release(&context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_recorded_as_an_array),
        cmocka_unit_test(arguments_that_are_not_utf8_are_recorded_all_the_same),
        cmocka_unit_test(passwords_of_the_settings_are_not_recorded),
        cmocka_unit_test(the_password_of_the_environment_is_not_recorded),
        cmocka_unit_test(who_runs_it_is_recorded),
        cmocka_unit_test(a_password_file_is_used_and_its_secret_known),
        cmocka_unit_test(an_api_key_file_is_used_and_its_secret_known),
        cmocka_unit_test(a_bearer_file_is_used_and_its_secret_known),
        cmocka_unit_test(a_file_without_its_secret_is_refused),
    };
    return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
