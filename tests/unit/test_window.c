/* load/window: what a second brings, over the last ten of them */
#include "support.h"

#include "load/window.h"

static double documents_of(const struct window *window)
{
    double documents, bytes;
    window_rates(window, &documents, &bytes);
    assert_true(bytes - documents * 10 < 0.01 && documents * 10 - bytes < 0.01);
    return documents;
}

static void add(struct window *window, int64_t at, int64_t documents)
{
    window_add(window, at, documents, documents * 10);
}

TEST(one_look_tells_nothing)
{
    struct window window = {};
    assert_true(documents_of(&window) == 0);
    add(&window, 5000, 100);
    assert_true(documents_of(&window) == 0);
    add(&window, 5000, 100); /* in the same moment */
    assert_true(documents_of(&window) == 0);
}

TEST(a_steady_rate_is_found_whatever_the_looks)
{
    static const int64_t steps[] = {1, 20, 200, 499, 500, 501, 3000, 25000};
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct window window = {};
        for (int64_t at = 1000; at < 1000 + 300 * steps[i]; at += steps[i])
            add(&window, at, 7 * at);
        assert_true(documents_of(&window) > 6999.99 && documents_of(&window) < 7000.01);
    }
}

/* The first second is forgotten once it is more than ten seconds ago. */
TEST(the_window_slides)
{
    struct window window = {};
    int64_t at = 0;
    for (; at <= 1000; at += 200)
        add(&window, at, 100 * at);
    for (; at <= 9000; at += 200)
        add(&window, at, 100000);
    assert_true(documents_of(&window) > 10000);
    for (; at <= 12000; at += 200)
        add(&window, at, 100000);
    assert_true(documents_of(&window) == 0);
}

TEST(it_covers_ten_seconds_and_a_step_at_most)
{
    struct window window = {};
    for (int64_t at = 0; at <= 60000; at += 200) {
        add(&window, at, at);
        const struct window_look *oldest = &window.looks[window.first];
        int64_t covered = at - oldest->at;
        assert_true(covered <= WINDOW_MS + 2 * WINDOW_STEP_MS);
        if (at > WINDOW_MS + 1000)
            assert_true(covered >= WINDOW_MS);
    }
}

/* A long silence, in which nobody looked, counts as what it was. */
TEST(a_gap_between_looks_counts)
{
    struct window window = {};
    add(&window, 0, 0);
    add(&window, 1000, 1000);
    add(&window, 101000, 1000);
    assert_true(documents_of(&window) == 0);
    add(&window, 102000, 2000);
    assert_true(documents_of(&window) > 9 && documents_of(&window) < 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_look_tells_nothing),
        cmocka_unit_test(a_steady_rate_is_found_whatever_the_looks),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(it_covers_ten_seconds_and_a_step_at_most),
        cmocka_unit_test(a_gap_between_looks_counts),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
