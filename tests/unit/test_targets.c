/* usecases/targets: what a user means by the words behind a command */
#include "support.h"

#include "base/memory.h"
#include "usecases/targets.h"

/* The words, separated by one space each. */
static int parse(const char *line, struct targets *ret_targets, struct error *err)
{
    char *words[8];
    size_t count = 0;
    _cleanup_free_ char *copy = x_strdup(line);
    for (char *save = NULL, *word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save))
        words[count++] = word;
    return targets_parse(words, count, ret_targets, err);
}

/* wanted: "NAME:NUMBER" of each target. */
static void check(const char *line, const char *wanted)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(targets_release) struct targets targets = {};
    _cleanup_(buffer_release) struct buffer read = BUFFER(1000);
    if (parse(line, &targets, &err) < 0)
        fail_msg("%s: %s", line, err.message);
    for (size_t i = 0; i < targets.count; i++)
        buffer_printf(&read, "%s%s:%d", i ? " " : "", targets.list[i].name, targets.list[i].number);
    assert_string_equal(buffer_cstr(&read), wanted);
}

static void check_refused(const char *line, const char *message)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(targets_release) struct targets targets = {};
    if (parse(line, &targets, &err) == 0)
        fail_msg("accepted: %s", line);
    assert_int_equal(err.kind, ERR_USAGE);
    if (message)
        assert_string_equal(err.message, message);
    assert_int_equal(targets.count, 0);
}

TEST(a_name_alone_leaves_the_instance_open)
{
    check("course_search", "course_search:0");
    check("course-search", "course-search:0");
    check("course.v2", "course.v2:0");
    check("course-0", "course-0:0");
    check("", "");
}

TEST(a_number_belongs_to_the_name_before_it)
{
    check("course_search 2", "course_search:2");
    check("a 1 b c 3", "a:1 b:0 c:3");
}

TEST(an_instance_may_be_one_word)
{
    check("course_search-2", "course_search:2");
    check("a-b-12", "a-b:12");
    check("a-1 b-2 c", "a:1 b:2 c:0");
}

TEST(several_names_stay_in_order)
{
    check("b a b", "b:0 a:0 b:0");
}

TEST(a_number_behind_no_name_is_refused)
{
    check_refused("2", "the number 2 does not follow a name");
    check_refused("2 course", "the number 2 does not follow a name");
    check_refused("course 2 3", "the number 3 does not follow a name");
    check_refused("course-2 3", "the number 3 does not follow a name");
}

TEST(digits_are_never_a_name)
{
    check_refused("course_search 0", NULL);
    check_refused("course_search 00", NULL);
    check_refused("course_search 1234567890", NULL);
    check_refused("0", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_alone_leaves_the_instance_open),
        cmocka_unit_test(a_number_belongs_to_the_name_before_it),
        cmocka_unit_test(an_instance_may_be_one_word),
        cmocka_unit_test(several_names_stay_in_order),
        cmocka_unit_test(a_number_behind_no_name_is_refused),
        cmocka_unit_test(digits_are_never_a_name),
    };
    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
