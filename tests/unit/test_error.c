/* base/error and base/log */
#include "support.h"

#include "base/log.h"

TEST(kinds_are_the_exit_codes)
{
    assert_int_equal(ERR_FAILED, 1);
    assert_int_equal(ERR_USAGE, 2);
    assert_int_equal(ERR_PENDING, 3);
    assert_int_equal(ERR_REJECTED, 4);
    assert_int_equal(ERR_POSTGRES, 5);
    assert_int_equal(ERR_ENGINE, 6);
    assert_int_equal(ERR_BUSY, 7);
    assert_int_equal(ERR_UNCONFIRMED, 8);
    assert_int_equal(ERR_STOPPED, 128);
}

TEST(an_empty_error_is_not_set)
{
    _cleanup_(error_release) struct error err = {};
    assert_false(error_is_set(&err));
    assert_int_equal(error_set(&err, ERR_BUSY, "%s", "x"), -1);
    assert_true(error_is_set(&err));
    error_release(&err);
    assert_false(error_is_set(&err));
    assert_null(err.message);
}

TEST(setting_replaces_all_of_the_former_error)
{
    _cleanup_(error_release) struct error err = {};
    error_set(&err, ERR_POSTGRES, "first");
    error_detail(&err, "detail");
    error_hint(&err, "hint");
    err.http_code = 404;
    err.position = 7;
    strcpy(err.sqlstate, "22P02");

    error_set(&err, ERR_USAGE, "second %d", 2);
    assert_error(&err, ERR_USAGE, "second 2");
    assert_null(err.detail);
    assert_null(err.hint);
    assert_int_equal(err.http_code, 0);
    assert_int_equal(err.position, 0);
    assert_string_equal(err.sqlstate, "");
}

TEST(a_new_text_may_quote_the_old_one)
{
    _cleanup_(error_release) struct error err = {};
    error_set(&err, ERR_FAILED, "inner");
    error_set(&err, ERR_ENGINE, "outer (%s)", err.message);
    assert_error(&err, ERR_ENGINE, "outer (inner)");
    error_detail(&err, "one");
    error_detail(&err, "%s and two", err.detail);
    assert_string_equal(err.detail, "one and two");
    error_hint(&err, "three");
    error_hint(&err, "%s and four", err.hint);
    assert_string_equal(err.hint, "three and four");
    error_prefix(&err, "%s", err.message);
    assert_string_equal(err.message, "outer (inner): outer (inner)");
}

TEST(details_and_prefixes_keep_the_rest)
{
    _cleanup_(error_release) struct error err = {};
    error_set(&err, ERR_ENGINE, "what");
    err.http_code = 503;
    assert_int_equal(error_detail(&err, "why %d", 1), -1);
    assert_int_equal(error_hint(&err, "type %s", "this"), -1);
    assert_int_equal(error_prefix(&err, "where"), -1);
    assert_int_equal(error_prefix(&err, "line %d", 3), -1);
    assert_error(&err, ERR_ENGINE, "line 3: where: what");
    assert_string_equal(err.detail, "why 1");
    assert_string_equal(err.hint, "type this");
    assert_int_equal(err.http_code, 503);
}

TEST(moving_empties_the_origin)
{
    _cleanup_(error_release) struct error to = {}, from = {};
    error_set(&to, ERR_USAGE, "old");
    error_hint(&to, "old hint");
    error_set(&from, ERR_BUSY, "new");
    from.http_code = 429;
    error_move(&to, &from);
    assert_error(&to, ERR_BUSY, "new");
    assert_null(to.hint);
    assert_int_equal(to.http_code, 429);
    assert_false(error_is_set(&from));
    assert_null(from.message);
}

struct heard {
    int lines;
    enum log_level level;
    char line[64];
};

static void hear(void *data, enum log_level level, const char *line)
{
    struct heard *heard = data;
    heard->lines++;
    heard->level = level;
    strncpy(heard->line, line, sizeof(heard->line) - 1);
}

TEST(a_log_hands_each_line_to_its_owner)
{
    struct heard heard = {};
    struct log log = {.write = hear, .data = &heard};
    log_say(&log, LOG_WARNING, "%d of %s", 3, "four");
    assert_int_equal(heard.lines, 1);
    assert_int_equal(heard.level, LOG_WARNING);
    assert_string_equal(heard.line, "3 of four");
}

TEST(without_a_log_nothing_is_said)
{
    struct log silent = {};
    log_say(NULL, LOG_NOTICE, "%s", "x");
    log_say(&silent, LOG_NOTICE, "%s", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_the_exit_codes),
        cmocka_unit_test(an_empty_error_is_not_set),
        cmocka_unit_test(setting_replaces_all_of_the_former_error),
        cmocka_unit_test(a_new_text_may_quote_the_old_one),
        cmocka_unit_test(details_and_prefixes_keep_the_rest),
        cmocka_unit_test(moving_empties_the_origin),
        cmocka_unit_test(a_log_hands_each_line_to_its_owner),
        cmocka_unit_test(without_a_log_nothing_is_said),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
