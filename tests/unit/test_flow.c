/* load/flow, load/pace */
#include "support.h"

#include <stdlib.h>

#include "load/flow.h"
#include "load/pace.h"

enum { REQUEST_BYTES = 5000000, WORK_US = 200000 };

/* An engine that works at so many requests at a time, each WORK_US long, give or take `noise`. */
struct model {
    struct flow *flow;
    double cores;
    double noise;
    double now_us;
    unsigned short chance[3];
    double mean; /* of the limit, over the last answers asked for */
};

static void answer(struct model *model, int answers)
{
    double sum = 0;
    for (int i = 0; i < answers; i++) {
        double limit = (double)model->flow->limit;
        double at_once = limit < model->cores ? limit : model->cores;
        double error = model->noise * (2 * erand48(model->chance) - 1);
        model->now_us += WORK_US / at_once * (1 + error);
        flow_answered(model->flow, model->flow->limit, REQUEST_BYTES, (int64_t)model->now_us);
        sum += (double)model->flow->limit;
    }
    model->mean = sum / answers;
}

TEST(as_many_as_the_engine_works_at_are_found)
{
    for (int cores = 1; cores <= 8; cores++) {
        struct flow flow;
        struct model model = {.flow = &flow, .cores = cores, .now_us = 1};
        flow_init(&flow, 16);
        answer(&model, 500);
        answer(&model, 1000);
        assert_true(model.mean > cores - 0.6);
        assert_true(model.mean < cores + 0.6);
    }
}

TEST(noise_does_not_carry_it_away)
{
    for (unsigned short seed = 0; seed < 50; seed++) {
        struct flow flow;
        struct model model = {
            .flow = &flow, .cores = 3, .noise = 0.3, .now_us = 1, .chance = {seed, 1, 2}};
        flow_init(&flow, 64);
        answer(&model, 500);
        answer(&model, 1000);
        assert_true(model.mean > 2);
        assert_true(model.mean < 6);
    }
}

TEST(it_stays_within_what_is_allowed)
{
    for (size_t most = 0; most <= 3; most++) {
        struct flow flow;
        struct model model = {.flow = &flow, .cores = 32, .now_us = 1};
        size_t allowed = most ? most : 1, greatest = 0;
        flow_init(&flow, most);
        for (int i = 0; i < 300; i++) {
            answer(&model, 1);
            greatest = flow.limit > greatest ? flow.limit : greatest;
        }
        assert_int_equal(greatest, allowed);
    }
    struct flow flow;
    flow_init(&flow, 1000);
    assert_int_equal(flow.most, FLOW_MOST);
}

TEST(a_busy_engine_halves_it_once_per_round)
{
    struct flow flow;
    struct model model = {.flow = &flow, .cores = 8, .now_us = 1};
    flow_init(&flow, 8);
    answer(&model, 500);
    size_t before = flow.limit;
    assert_in_range(before, 7, 8);
    for (size_t i = 0; i < before; i++)
        flow_busy(&flow);
    assert_int_equal(flow.limit, before / 2);
    flow_busy(&flow);
    flow_busy(&flow);
    assert_true(flow.limit < before / 2);
    for (int i = 0; i < 100; i++)
        flow_busy(&flow);
    assert_int_equal(flow.limit, 1);
    answer(&model, 1000);
    assert_in_range(flow.limit, 7, 8);
}

TEST(answers_that_do_not_come_from_a_full_engine_tell_nothing)
{
    struct flow flow;
    flow_init(&flow, 8);
    for (int i = 0; i < 1000; i++)
        flow_answered(&flow, 1, REQUEST_BYTES, 1 + i * WORK_US);
    assert_int_equal(flow.limit, 2);
}

TEST(an_engine_that_becomes_slow_gets_fewer)
{
    struct flow flow;
    struct model model = {.flow = &flow, .cores = 8, .now_us = 1};
    flow_init(&flow, 8);
    answer(&model, 500);
    assert_true(flow.limit >= 7);
    model.cores = 2; /* someone else has the rest */
    answer(&model, 1500);
    answer(&model, 200);
    assert_true(model.mean < 4);
}

TEST(a_pace_lets_so_many_through)
{
    struct pace pace = {.rate = 250};
    int64_t now = 1000;
    int passed = 0;
    for (; now < 10 * 1000000; now += 100)
        if (pace_wait_ms(&pace, now) == 0) {
            pace_take(&pace);
            passed++;
        }
    assert_in_range(passed, 2490, 2510);
    /* After a pause, those of one second at once. */
    now += 60 * 1000000;
    for (passed = 0; pace_wait_ms(&pace, now) == 0; passed++)
        pace_take(&pace);
    assert_int_equal(passed, 250);
    assert_in_range(pace_wait_ms(&pace, now), 1, 5);
}

TEST(without_a_pace_nothing_waits)
{
    struct pace pace = {};
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pace_wait_ms(&pace, 1), 0);
        pace_take(&pace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_as_the_engine_works_at_are_found),
        cmocka_unit_test(noise_does_not_carry_it_away),
        cmocka_unit_test(it_stays_within_what_is_allowed),
        cmocka_unit_test(a_busy_engine_halves_it_once_per_round),
        cmocka_unit_test(answers_that_do_not_come_from_a_full_engine_tell_nothing),
        cmocka_unit_test(an_engine_that_becomes_slow_gets_fewer),
        cmocka_unit_test(a_pace_lets_so_many_through),
        cmocka_unit_test(without_a_pace_nothing_waits),
    };
    return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
