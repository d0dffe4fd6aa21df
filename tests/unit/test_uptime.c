/* base/uptime */
#include "support.h"

#include "base/uptime.h"

TEST(it_only_goes_on)
{
    int64_t before = uptime_us();
    assert_true(before > 0);
    assert_true(uptime_us() >= before);
}

TEST(a_boot_has_one_name)
{
    _cleanup_free_ char *one = uptime_boot(), *other = uptime_boot();
    assert_non_null(one);
    assert_string_equal(one, other);
    assert_int_equal(strlen(one), 36); /* a uuid, without the end of the line */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_only_goes_on),
        cmocka_unit_test(a_boot_has_one_name),
    };
    return cmocka_run_group_tests_name("uptime", tests, NULL, NULL);
}
