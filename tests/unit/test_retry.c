/* base/retry */
#include "support.h"

#include "base/retry.h"

TEST(delays_are_spread_over_a_bound_that_doubles)
{
    for (int attempt = 0; attempt < 12; attempt++) {
        int bound = attempt < 7 ? 100 << attempt : 10000;
        int shortest = INT32_MAX, longest = 0;
        for (int i = 0; i < 400; i++) {
            struct retry retry = RETRY(3600 * 1000);
            retry.attempts = attempt;
            int delay = retry_delay(&retry, 0);
            shortest = delay < shortest ? delay : shortest;
            longest = delay > longest ? delay : longest;
        }
        /* Full jitter: from nearly nothing to the bound. 400 draws miss a quarter of the range
         * with a probability of 1e-50. */
        assert_in_range(shortest, 1, bound / 4);
        assert_in_range(longest, bound - bound / 4, bound);
    }
}

TEST(each_delay_counts_as_an_attempt)
{
    struct retry retry = RETRY(60000);
    for (int i = 1; i <= 5; i++) {
        assert_true(retry_delay(&retry, 0) > 0);
        assert_int_equal(retry.attempts, i);
    }
}

TEST(the_bound_stays_after_many_attempts)
{
    struct retry retry = RETRY(INT32_MAX);
    retry.attempts = 1000000;
    for (int i = 0; i < 100; i++)
        assert_in_range(retry_delay(&retry, 0), 1, 10000);
}

TEST(a_retry_after_is_honoured)
{
    struct retry retry = RETRY(60000);
    assert_int_equal(retry_delay(&retry, 2500), 2500);
    assert_int_equal(retry_delay(&retry, 30000), 30000);
    assert_int_equal(retry.attempts, 2);
}

TEST(the_budget_runs_from_the_first_failure)
{
    struct retry retry = RETRY(60000);
    int64_t before = clock_ms();
    retry_delay(&retry, 0);
    assert_in_range(retry.began, before, clock_ms());

    int64_t began = retry.began - 50000;
    retry.began = began;
    assert_true(retry_delay(&retry, 0) > 0);
    assert_int_equal(retry.began, began);
}

TEST(no_delay_reaches_beyond_the_budget)
{
    struct retry retry = RETRY(60000);
    retry.attempts = 20;
    retry.began = clock_ms() - 60000 + 200;
    for (int i = 0; i < 50; i++)
        assert_in_range(retry_delay(&retry, 0), 1, 200);
    assert_in_range(retry_delay(&retry, 30000), 1, 200);
}

TEST(a_spent_budget_ends_the_tries)
{
    struct retry retry = RETRY(60000);
    retry.began = clock_ms() - 60001;
    assert_int_equal(retry_delay(&retry, 0), -1);
    assert_int_equal(retry_delay(&retry, 1000), -1);
    assert_int_equal(retry.attempts, 0);

    struct retry none = RETRY(0);
    assert_int_equal(retry_delay(&none, 0), -1);
}

TEST(a_success_forgets_the_failures)
{
    struct retry retry = RETRY(60000);
    retry.began = clock_ms() - 60001;
    retry.attempts = 9;
    retry_reset(&retry);
    for (int i = 0; i < 50; i++) {
        struct retry fresh = retry;
        assert_in_range(retry_delay(&fresh, 0), 1, 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_are_spread_over_a_bound_that_doubles),
        cmocka_unit_test(each_delay_counts_as_an_attempt),
        cmocka_unit_test(the_bound_stays_after_many_attempts),
        cmocka_unit_test(a_retry_after_is_honoured),
        cmocka_unit_test(the_budget_runs_from_the_first_failure),
        cmocka_unit_test(no_delay_reaches_beyond_the_budget),
        cmocka_unit_test(a_spent_budget_ends_the_tries),
        cmocka_unit_test(a_success_forgets_the_failures),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
