/* base/amount */
#include "support.h"

#include "base/amount.h"

static void check_count(int64_t count, const char *wanted)
{
    _cleanup_free_ char *text = amount_count(count);
    assert_string_equal(text, wanted);
}

static void check_duration(int64_t seconds, const char *wanted)
{
    _cleanup_free_ char *text = amount_duration(seconds);
    assert_string_equal(text, wanted);
}

TEST(thousands_are_set_apart)
{
    check_count(0, "0");
    check_count(999, "999");
    check_count(1000, "1,000");
    check_count(123456, "123,456");
    check_count(1234567, "1,234,567");
    check_count(-1000, "-1,000");
    check_count(-100, "-100");
    check_count(INT64_MAX, "9,223,372,036,854,775,807");
}

TEST(a_duration_has_its_two_largest_units)
{
    check_duration(0, "0 s");
    check_duration(59, "59 s");
    check_duration(60, "1 min 0 s");
    check_duration(3599, "59 min 59 s");
    check_duration(3600, "1 h 0 min");
    check_duration(86399, "23 h 59 min");
    check_duration(100000, "1 d 3 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_are_set_apart),
        cmocka_unit_test(a_duration_has_its_two_largest_units),
    };
    return cmocka_run_group_tests_name("amount", tests, NULL, NULL);
}
