/* base/child */
#include "support.h"

#include "base/child.h"
#include "base/retry.h"

static int run(const char *command, int timeout_s, struct error *err)
{
    const char *const environment[] = {"ESMIGRATE_WORD=a word", NULL};
    const struct child_options options = {
        .command = command,
        .environment = environment,
        .timeout_s = timeout_s,
    };
    return child_run(&options, err);
}

TEST(a_command_that_ends_well_is_fine)
{
    _cleanup_(error_release) struct error err = {};
    assert_int_equal(run("test \"$ESMIGRATE_WORD\" = 'a word' && ! read line", 10, &err), 0);
}

TEST(another_exit_status_is_an_error)
{
    _cleanup_(error_release) struct error err = {};
    assert_int_equal(run("exit 7", 10, &err), -1);
    assert_string_equal(err.message, "it ended with exit status 7");
    assert_int_equal(run("kill -KILL $$", 10, &err), -1);
    assert_string_equal(err.message, "it was ended by signal 9 (Killed)");
    assert_int_equal(run("/no/such/command 2>/dev/null", 10, &err), -1);
    assert_string_equal(err.message, "it ended with exit status 127");
}

TEST(what_takes_too_long_is_ended_with_all_it_started)
{
    _cleanup_(error_release) struct error err = {};
    int64_t began = clock_ms();
    assert_int_equal(run("sleep 30 & sleep 30; true", 1, &err), -1);
    assert_string_equal(err.message, "it did not end within 1 seconds and was ended");
    assert_in_range(clock_ms() - began, 1000, 2900);
    assert_int_equal(run("trap '' TERM; while :; do sleep 1; done", 1, &err), -1);
    assert_in_range(clock_ms() - began, 4000, 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_that_ends_well_is_fine),
        cmocka_unit_test(another_exit_status_is_an_error),
        cmocka_unit_test(what_takes_too_long_is_ended_with_all_it_started),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
