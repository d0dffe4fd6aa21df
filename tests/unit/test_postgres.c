/* clients/postgres: what needs no server */
#include "support.h"

#include "clients/pg_conninfo.h"
#include "clients/postgres.h"

TEST(array_literals_are_quoted)
{
    static const struct {
        const char *const texts[4];
        size_t count;
        const char *wanted;
    } rows[] = {
        {{NULL}, 0, "{}"},
        {{"a", "b"}, 2, "{\"a\",\"b\"}"},
        {{""}, 1, "{\"\"}"},
        {{"NULL"}, 1, "{\"NULL\"}"},
        {{"a\"b", "c\\d", "{e,f}", "it's\n"}, 4, "{\"a\\\"b\",\"c\\\\d\",\"{e,f}\",\"it's\n\"}"},
        {{"\\\""}, 1, "{\"\\\\\\\"\"}"},
        {{"\xc3\xa4 x"}, 1, "{\"\xc3\xa4 x\"}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *array = pg_array(rows[i].texts, rows[i].count);
        assert_string_equal(array, rows[i].wanted);
    }
}

TEST(numbers_are_parameters)
{
    assert_string_equal(pg_number(0).text, "0");
    assert_string_equal(pg_number(INT64_MIN).text, "-9223372036854775808");
    assert_string_equal(pg_number(INT64_MAX).text, "9223372036854775807");
}

/* ---- connection strings (rule R10) ---- */

TEST(a_public_connection_string_has_no_password)
{
    static const char *const rows[][2] = {
        {"host=db user=app password=geheim dbname=x", "user='app' dbname='x' host='db'"},
        {"postgresql://app:geheim@db:5433/x", "user='app' dbname='x' host='db' port='5433'"},
        {"postgresql://app@db/x?sslpassword=geheim&password=geheim",
         "user='app' dbname='x' host='db'"},
        {"dbname=x", "dbname='x'"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *text = pg_conninfo_public(rows[i][0]);
        assert_non_null(text);
        assert_string_equal(text, rows[i][1]);
    }
}

TEST(a_public_connection_string_means_the_same)
{
    _cleanup_free_ char *once = pg_conninfo_public("dbname='it\\'s a \\\\ b' user=' '");
    assert_string_equal(once, "user=' ' dbname='it\\'s a \\\\ b'");
    _cleanup_free_ char *twice = pg_conninfo_public(once);
    assert_string_equal(twice, once);
}

TEST(what_is_no_connection_string_has_no_public_form)
{
    assert_null(pg_conninfo_public("nonsense"));
    assert_null(pg_conninfo_public("host=db nonsense=1"));
    assert_null(pg_conninfo_public("dbname='open"));
}

static void check_masked(const char *conninfo, const char *text, const char *wanted)
{
    _cleanup_(secrets_release) struct secrets secrets = {};
    pg_conninfo_secrets(conninfo, &secrets);
    _cleanup_free_ char *masked = secrets_mask(&secrets, text);
    assert_string_equal(masked, wanted);
}

TEST(passwords_of_a_connection_string_are_secrets)
{
    check_masked("host=db password=geheim", "it is geheim", "it is ***");
    check_masked("postgresql://app:geheim@db/x", "it is geheim", "it is ***");
    check_masked("postgresql://app@db/x?sslpassword=geheim", "it is geheim", "it is ***");
    check_masked("postgresql://app:p%40ss%20w@db/x", "it is p@ss w", "it is ***");
    check_masked("password='it\\'s it'", "it is it's it", "it is ***");
}

TEST(nothing_else_of_a_connection_string_is_secret)
{
    static const char conninfo[] = "host=server user=application dbname=courses";
    check_masked(conninfo, conninfo, conninfo);
    check_masked(NULL, "text", "text");
    check_masked("nonsense", "nonsense", "nonsense");
}

/* ---- connecting ---- */

TEST(a_malformed_connection_string_is_not_quoted)
{
    _cleanup_(error_release) struct error err = {};
    struct pg_options options = {.conninfo = "postgresql://app:geheim@db:port", .name = "source"};
    struct pg *pg = NULL;
    assert_int_equal(pg_open(&options, &pg, &err), -1);
    if (err.kind == ERR_USAGE)
        assert_string_equal(err.message,
                            "the connection string of the source database is malformed");
    assert_lacks(err.message, "geheim");

    options.conninfo = "password=geheim nonsense";
    assert_int_equal(pg_open(&options, &pg, &err), -1);
    assert_error(&err, ERR_USAGE, "the connection string of the source database is malformed");
    assert_lacks(err.hint, "geheim");
    assert_null(err.detail);
}

TEST(a_server_that_is_not_there_is_an_error_of_postgresql)
{
    _cleanup_(error_release) struct error err = {};
    struct pg_options options = {
        .conninfo = "host=/nonexistent/folder dbname=x password=geheim",
        .name = "history",
    };
    struct pg *pg = NULL;
    assert_int_equal(pg_open(&options, &pg, &err), -1);
    assert_int_equal(err.kind, ERR_POSTGRES);
    assert_contains(err.message, "history database: cannot connect: ");
    assert_contains(err.hint, "Is the server running");
    assert_lacks(err.message, "geheim");
    assert_null(strchr(err.message, '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(array_literals_are_quoted),
        cmocka_unit_test(numbers_are_parameters),
        cmocka_unit_test(a_public_connection_string_has_no_password),
        cmocka_unit_test(a_public_connection_string_means_the_same),
        cmocka_unit_test(what_is_no_connection_string_has_no_public_form),
        cmocka_unit_test(passwords_of_a_connection_string_are_secrets),
        cmocka_unit_test(nothing_else_of_a_connection_string_is_secret),
        cmocka_unit_test(a_malformed_connection_string_is_not_quoted),
        cmocka_unit_test(a_server_that_is_not_there_is_an_error_of_postgresql),
    };
    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
