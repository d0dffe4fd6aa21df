/* load/trouble: what is said of an engine that takes nothing, and when */
#include "support.h"

#include "base/buffer.h"
#include "base/retry.h"
#include "load/trouble.h"

static void note(void *data, enum log_level level, const char *line)
{
    buffer_printf(data, "%s %s\n", level == LOG_WARNING ? "warning" : "notice", line);
}

/* What is said of trouble that is `lasted` ms old and was last spoken of `silent` ms ago. */
static void check(int64_t lasted, int64_t silent, int64_t left, const char *expected)
{
    _cleanup_(buffer_release) struct buffer said = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(trouble_release) struct trouble trouble = {};
    const struct log log = {.write = note, .data = &said};
    int64_t now = clock_ms();
    trouble_met(&trouble, "the engine is busy;", now + left);
    trouble.began = now - lasted;
    trouble.said = silent ? now - silent : 0;
    trouble_say(&trouble, &log, "course-1");
    trouble_say(&trouble, &log, "course-1"); /* not twice */
    assert_string_equal(buffer_cstr(&said), expected);
}

TEST(trouble_is_told_after_three_seconds_and_then_every_thirty)
{
    static const char text[] =
        "warning course-1: the engine is busy; trying again, for at most 200 more seconds\n";
    check(2000, 0, 200000, "");
    check(3100, 0, 200000, text);
    check(33000, 29000, 200000, "");
    check(33000, 30100, 200000, text);
}

TEST(the_seconds_that_are_left_are_never_negative)
{
    check(3100, 0, 1000,
          "warning course-1: the engine is busy; trying again, for at most 1 more second\n");
    check(3100, 0, -5000,
          "warning course-1: the engine is busy; trying again, for at most 0 more seconds\n");
}

TEST(its_end_is_told_only_if_it_was)
{
    _cleanup_(buffer_release) struct buffer said = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(trouble_release) struct trouble trouble = {};
    const struct log log = {.write = note, .data = &said};
    trouble_over(&trouble, &log, "course-1");
    trouble_met(&trouble, "gone", clock_ms());
    trouble_over(&trouble, &log, "course-1");
    assert_string_equal(buffer_cstr(&said), "");
    trouble_met(&trouble, "gone", clock_ms());
    trouble.began -= 3500;
    trouble_say(&trouble, &log, "course-1");
    buffer_release(&said);
    said = BUFFER(BUFFER_TEXT_MAX);
    trouble_over(&trouble, &log, "course-1");
    trouble_over(&trouble, &log, "course-1");
    assert_string_equal(buffer_cstr(&said), "notice course-1: the engine takes documents again\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trouble_is_told_after_three_seconds_and_then_every_thirty),
        cmocka_unit_test(the_seconds_that_are_left_are_never_negative),
        cmocka_unit_test(its_end_is_told_only_if_it_was),
    };
    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
