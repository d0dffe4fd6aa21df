/* cli/argv: the command line as the history may keep it (rule R10) */
#include "support.h"

#include "argv.h"
#include "base/memory.h"

enum { MOST = 8 };

/* The public form of these words, NULL at their end, with "|" between; the caller's (free()). */
static char *public_form(const char *const *words)
{
    char *argv[MOST + 1] = {};
    int argc = 0;
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    char **copy = argv_public(argc, argv);
    for (int i = 0; i < argc; i++)
        buffer_printf(&text, "%s%s", i ? "|" : "", copy[i]);
    assert_null(copy[argc]);
    argv_free(copy);
    return buffer_take(&text);
}

TEST(words_without_secrets_stay)
{
    static const char *const words[] = {
        "es_update",     "course_search", "2",      "--since=2026-01-31",
        "--engine-user", "elastic",       "--full", NULL};
    _cleanup_free_ char *text = public_form(words);
    assert_string_equal(text, "es_update|course_search|2|--since=2026-01-31|--engine-user|elastic|"
                              "--full");
}

TEST(values_are_made_public)
{
    static const char *const rows[][3] = {
        {"--source", "host=db password=geheim dbname=x", "--source|dbname='x' host='db'"},
        {"--source=host=db password=geheim", "y", "--source=host='db'|y"},
        {"--owner", "host=db password=geheim", "--owner|host='db'"},
        {"--history", "postgresql://app:geheim@db/x", "--history|user='app' dbname='x' host='db'"},
        {"--history=postgresql://app@db/x?password=geheim", "y",
         "--history=user='app' dbname='x' host='db'|y"},
        {"--engine", "https://elastic:geheim@es:9200/path", "--engine|https://es:9200/path"},
        {"--engine=http://a,http://u:geheim@b", "y", "--engine=http://a,http://b|y"},
        {"--engine=http://u:12,b@h,http://v:3@i", "y", "--engine=http://h,http://i|y"},
        {"--history", "courses", "--history|courses"},
        {"--stop-indexing", "curl -u app:geheim x", "--stop-indexing|***"},
        {"--resume-indexing=curl -u app:geheim x", "y", "--resume-indexing=***|y"},
        {"--stop-indexing", "none", "--stop-indexing|none"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *const words[] = {"es_list", rows[i][0], rows[i][1], NULL};
        _cleanup_free_ char *wanted = x_printf("es_list|%s", rows[i][2]);
        _cleanup_free_ char *text = public_form(words);
        assert_string_equal(text, wanted);
    }
}

TEST(a_password_in_any_spelling_is_left_out)
{
    static const char *const words[] = {
        "--source=postgresql://app:geheim%21%78@db/x",   "--source=password='geheim\\'x' host=db",
        "--engine=https://elastic:geheim%21%78@es:9200", "--sour=postgresql://app:geheim@db/x",
        "--engi=https://elastic:geheim@es:9200",         "--hist=password=geheim",
    };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const char *const line[] = {"es_list", words[i], NULL};
        _cleanup_free_ char *text = public_form(line);
        assert_contains(text, "es_list|--");
        assert_lacks(text, "geheim");
    }
}

TEST(what_cannot_be_parsed_is_left_out)
{
    static const char *const values[] = {
        "postgresql://app:geheim@[db/x",
        "password=geheim nonsense",
        "app:geheim@db",
    };
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const char *const words[] = {"es_list", "--source", values[i], NULL};
        _cleanup_free_ char *text = public_form(words);
        assert_string_equal(text, "es_list|--source|***");
    }
    static const char *const engine[] = {"es_list", "--engine", "http://u:geheim@h:port", NULL};
    _cleanup_free_ char *text = public_form(engine);
    assert_string_equal(text, "es_list|--engine|***");
}

TEST(only_the_word_behind_the_option_is_its_value)
{
    static const char *const words[] = {
        "es_list", "--source=dbname=x", "name=1", "--engine", "h:1", "a:b@c", NULL};
    _cleanup_free_ char *text = public_form(words);
    assert_string_equal(text, "es_list|--source=dbname='x'|name=1|--engine|http://h:1|a:b@c");
}

TEST(an_option_without_its_value_is_kept)
{
    static const char *const words[] = {"es_list", "--source", NULL};
    _cleanup_free_ char *text = public_form(words);
    assert_string_equal(text, "es_list|--source");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_without_secrets_stay),
        cmocka_unit_test(values_are_made_public),
        cmocka_unit_test(a_password_in_any_spelling_is_left_out),
        cmocka_unit_test(what_cannot_be_parsed_is_left_out),
        cmocka_unit_test(only_the_word_behind_the_option_is_its_value),
        cmocka_unit_test(an_option_without_its_value_is_kept),
    };
    return cmocka_run_group_tests_name("argv", tests, NULL, NULL);
}
