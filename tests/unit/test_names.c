/* domain/names */
#include "support.h"

#include <limits.h>

#include "base/memory.h"
#include "domain/names.h"

static bool accepted(const char *prefix, const char *name)
{
    _cleanup_(error_release) struct error err = {};
    int result = name_check_master(prefix, name, &err);
    assert_int_equal(result, error_is_set(&err) ? -1 : 0);
    return result == 0;
}

TEST(names_that_the_engine_takes_are_accepted)
{
    static const char *const names[] = {
        "course_search", "a",       "courses2", "7days",     "course.search",     "course-search",
        "a-1-b",         "course-", "course-0", "course-1a", "course-1234567890",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!accepted("", names[i]))
            fail_msg("refused: %s", names[i]);
        if (!accepted("qa_", names[i]))
            fail_msg("refused with a prefix: %s", names[i]);
    }
}

TEST(names_are_refused_with_the_reason)
{
    static const char *const rows[][2] = {
        {"", "it is empty"},
        {"Course", "the engine refuses upper case"},
        {"courSe", "the engine refuses upper case"},
        {"_course", "an index name begins with a letter or a digit"},
        {"-course", "an index name begins with a letter or a digit"},
        {".course", "an index name begins with a letter or a digit"},
        {"..", "an index name begins with a letter or a digit"},
        {"+course", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a b", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a/b", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a*", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a,b", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a:b", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"a#b", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"\xc3\xa4", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"k\xc3\xa4se", "it may have only letters, digits, \"_\", \"-\" and \".\""},
        {"123", "digits alone would be taken for an instance number"},
        {"0", "digits alone would be taken for an instance number"},
        {"12345678901234567890", "digits alone would be taken for an instance number"},
        {"course-1", "\"-digits\" at its end would be taken for an instance"},
        {"course-12-3", "\"-digits\" at its end would be taken for an instance"},
        {"course-007", "\"-digits\" at its end would be taken for an instance"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_free_ char *wanted =
            x_printf("\"%s\" cannot be the name of an index: %s", rows[i][0], rows[i][1]);
        assert_int_equal(name_check_master("", rows[i][0], &err), -1);
        assert_error(&err, ERR_USAGE, wanted);
        assert_non_null(err.hint);
    }
}

TEST(with_a_prefix_the_prefix_begins_the_name)
{
    assert_true(accepted("qa", "_course"));
    assert_true(accepted("qa", ".course"));
    assert_true(accepted("7", "course"));
    assert_false(accepted("_qa_", "course"));
    assert_false(accepted("-", "course"));
    assert_false(accepted(".qa_", "course"));
}

TEST(a_prefix_that_the_engine_refuses_is_refused)
{
    static const char *const prefixes[] = {"Qa_", "qA_", "q a", "qa*",  "qa,",
                                           "qa/", "_qa", ".qa", "-qa_", "k\xc3\xa4_"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_free_ char *wanted =
            x_printf("\"%s\" cannot be the prefix of an index", prefixes[i]);
        assert_int_equal(name_check_prefix(prefixes[i], &err), -1);
        assert_error(&err, ERR_USAGE, wanted);
        assert_non_null(err.hint);
        assert_false(accepted(prefixes[i], "course_search"));
    }
}

TEST(prefixes_that_the_engine_takes_are_accepted)
{
    static const char *const prefixes[] = {"", "qa_", "qa-", "qa.", "7", "team_a.qa-"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        _cleanup_(error_release) struct error err = {};
        if (name_check_prefix(prefixes[i], &err) < 0)
            fail_msg("refused: %s", prefixes[i]);
    }
}

/* The caller's (free()). */
static char *name_of_length(size_t length)
{
    char *name = x_malloc(length + 1);
    memset(name, 'a', length);
    name[length] = '\0';
    return name;
}

/* The longest name that is accepted behind this prefix; the caller's (free()). */
static char *longest_name(const char *prefix)
{
    size_t length = 300;
    char *name = name_of_length(length);
    while (length > 1 && !accepted(prefix, name))
        name[--length] = '\0';
    return name;
}

TEST(the_prefix_counts_in_the_length)
{
    _cleanup_free_ char *alone = longest_name(""), *behind = longest_name("qa_");
    assert_int_equal(strlen(alone), strlen(behind) + 3);
    assert_in_range(strlen(alone), 200, 244);

    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *longer = name_of_length(strlen(alone) + 1);
    assert_int_equal(name_check_master("", longer, &err), -1);
    assert_contains(err.message, ": it is too long");
}

TEST(the_index_name_fits_the_engines_limit)
{
    _cleanup_free_ char *name = longest_name("qa_");
    _cleanup_free_ char *index = name_of_index("qa_", name, INT_MAX);
    assert_in_range(strlen(index), 1, 255);
}

TEST(the_write_alias_fits_the_engines_limit)
{
    _cleanup_free_ char *name = longest_name("qa_");
    _cleanup_free_ char *index = name_of_index("qa_", name, INT_MAX);
    _cleanup_free_ char *alias = name_of_write_alias(index, INT_MAX);
    assert_in_range(strlen(alias), 1, 255);
}

TEST(index_and_write_alias_are_made_of_their_parts)
{
    _cleanup_free_ char *index = name_of_index("qa_", "course_search", 2);
    _cleanup_free_ char *plain = name_of_index("", "course_search", 10);
    _cleanup_free_ char *alias = name_of_write_alias(index, 3);
    assert_string_equal(index, "qa_course_search-2");
    assert_string_equal(plain, "course_search-10");
    assert_string_equal(alias, "qa_course_search-2.W3");
}

TEST(only_positive_numbers_in_digits_are_numbers)
{
    static const struct {
        const char *text;
        int wanted;
    } rows[] = {
        {"1", 1},        {"42", 42}, {"007", 7},  {"999999999", 999999999},
        {"", 0},         {"0", 0},   {"000", 0},  {"-1", 0},
        {"+1", 0},       {" 1", 0},  {"1 ", 0},   {"1a", 0},
        {"a1", 0},       {"1.0", 0}, {"0x10", 0}, {"1000000000", 0},
        {"\xd9\xa1", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (name_parse_number(rows[i].text) != rows[i].wanted)
            fail_msg("\"%s\" is read as %d", rows[i].text, name_parse_number(rows[i].text));
}

TEST(an_instance_is_split_at_its_last_dash)
{
    static const struct {
        const char *text;
        size_t length;
        int number;
    } rows[] = {
        {"course-2", 6, 2},  {"course_search-12", 13, 12},
        {"a-b-3", 3, 3},     {"a-1-2", 3, 2},
        {"a--3", 2, 3},      {"course", 0, 0},
        {"course-", 0, 0},   {"-3", 0, 0},
        {"course-0", 0, 0},  {"course-1a", 0, 0},
        {"course-x1", 0, 0}, {"", 0, 0},
        {"course-1 ", 0, 0}, {"course-1234567890", 0, 0},
        {"7-7", 1, 7},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int number = 0;
        size_t length = name_split_instance(rows[i].text, &number);
        if (length != rows[i].length || (length && number != rows[i].number))
            fail_msg("\"%s\" is split at %zu into %d", rows[i].text, length, number);
    }
}

TEST(what_is_accepted_is_never_taken_for_an_instance)
{
    /* All names of up to four of these characters. */
    static const char letters[] = "a01-.";
    for (int n = 1; n < 5 * 5 * 5 * 5; n++) {
        char name[5] = "";
        int number;
        size_t length = 0;
        for (int rest = n; rest; rest /= 5)
            name[length++] = letters[rest % 5];
        if (accepted("", name) && (name_split_instance(name, &number) || name_parse_number(name)))
            fail_msg("accepted: %s", name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_the_engine_takes_are_accepted),
        cmocka_unit_test(names_are_refused_with_the_reason),
        cmocka_unit_test(with_a_prefix_the_prefix_begins_the_name),
        cmocka_unit_test(a_prefix_that_the_engine_refuses_is_refused),
        cmocka_unit_test(prefixes_that_the_engine_takes_are_accepted),
        cmocka_unit_test(the_prefix_counts_in_the_length),
        cmocka_unit_test(the_index_name_fits_the_engines_limit),
        cmocka_unit_test(the_write_alias_fits_the_engines_limit),
        cmocka_unit_test(index_and_write_alias_are_made_of_their_parts),
        cmocka_unit_test(only_positive_numbers_in_digits_are_numbers),
        cmocka_unit_test(an_instance_is_split_at_its_last_dash),
        cmocka_unit_test(what_is_accepted_is_never_taken_for_an_instance),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
