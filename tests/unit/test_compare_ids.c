/* load/compare_ids: which ids two sides do not have in common */
#include "support.h"

#include <stdio.h>

#include "base/memory.h"
#include "load/compare_ids.h"

/* Ids that one side has, and which of them the other has not. */
struct sides {
    long count;      /* ids 0 to count - 1 */
    long leaves_out; /* the index has not every so-manieth one; 0: it has all */
    long adds;       /* and so many of its own */
};

typedef void use_key(struct id_comparison *comparison, const struct sided_key *key);

static void note(struct id_comparison *comparison, const struct sided_key *key)
{
    id_comparison_note(comparison, key);
}

static void keep(struct id_comparison *comparison, const struct sided_key *key)
{
    _cleanup_(error_release) struct error err = {};
    assert_int_equal(id_comparison_keep(comparison, key, &err), 0);
}

static void give(struct id_comparison *comparison, use_key *use, enum side side, long number)
{
    char id[32];
    int length = snprintf(id, sizeof(id), "%ld", number);
    struct sided_key key = {.side = side, .id = {id, (size_t)length}};
    use(comparison, &key);
}

/* The index is read the other way round. */
static void read_sides(struct id_comparison *comparison, const struct sides *sides, use_key *use)
{
    for (long i = 0; i < sides->count; i++)
        give(comparison, use, SIDE_SOURCE, i);
    for (long i = sides->count + sides->adds - 1; i >= 0; i--)
        if (i >= sides->count || !sides->leaves_out || i % sides->leaves_out)
            give(comparison, use, SIDE_INDEX, i);
}

/* Missing and left over, found with so much memory; *ret_passes beyond the first. */
static void compare(const struct sides *sides, int64_t memory, size_t *ret_missing,
                    size_t *ret_left_over, size_t *ret_passes)
{
    _cleanup_(error_release) struct error err = {};
    struct id_comparison comparison;
    *ret_missing = *ret_left_over = *ret_passes = 0;
    assert_int_equal(id_comparison_open(&comparison, &err), 0);
    read_sides(&comparison, sides, note);
    while (id_comparison_choose(&comparison, memory)) {
        struct differing_key *keys;
        ++*ret_passes;
        read_sides(&comparison, sides, keep);
        size_t count = id_comparison_differing(&comparison, &keys);
        for (size_t i = 0; i < count; i++) {
            long number = strtol(keys[i].id, NULL, 10);
            bool missing = keys[i].count[SIDE_SOURCE] == 1 && keys[i].count[SIDE_INDEX] == 0;
            bool left_over = keys[i].count[SIDE_SOURCE] == 0 && keys[i].count[SIDE_INDEX] == 1;
            assert_true(missing || left_over);
            assert_int_equal(missing, number < sides->count && number % sides->leaves_out == 0);
            *ret_missing += missing;
            *ret_left_over += left_over;
        }
        differing_keys_free(keys, count);
    }
    id_comparison_release(&comparison);
}

TEST(equal_sides_take_one_pass)
{
    size_t missing, left_over, passes;
    const struct sides sides = {.count = 200000};
    compare(&sides, 1024, &missing, &left_over, &passes);
    assert_int_equal(missing + left_over + passes, 0);
}

TEST(every_difference_is_found_in_one_more_pass)
{
    size_t missing, left_over, passes;
    const struct sides sides = {.count = 100000, .leaves_out = 1000, .adds = 7};
    compare(&sides, 64 * 1024 * 1024, &missing, &left_over, &passes);
    assert_int_equal(missing, 100);
    assert_int_equal(left_over, 7);
    assert_int_equal(passes, 1);
}

TEST(with_little_memory_it_takes_more_passes_and_finds_the_same)
{
    size_t missing, left_over, passes;
    const struct sides sides = {.count = 50000, .leaves_out = 2, .adds = 100};
    compare(&sides, 400 * 1024, &missing, &left_over, &passes);
    assert_int_equal(missing, 25000);
    assert_int_equal(left_over, 100);
    assert_in_range(passes, 3, 30);
}

TEST(as_many_other_ids_are_not_the_same)
{
    size_t missing, left_over, passes;
    const struct sides sides = {.count = 100000, .leaves_out = 1, .adds = 100000};
    compare(&sides, 64 * 1024 * 1024, &missing, &left_over, &passes);
    assert_int_equal(missing, 100000);
    assert_int_equal(left_over, 100000);
}

TEST(an_id_that_is_there_twice_differs)
{
    _cleanup_(error_release) struct error err = {};
    struct id_comparison comparison;
    struct differing_key *keys;
    assert_int_equal(id_comparison_open(&comparison, &err), 0);
    give(&comparison, note, SIDE_SOURCE, 7);
    give(&comparison, note, SIDE_SOURCE, 7);
    give(&comparison, note, SIDE_INDEX, 7);
    assert_true(id_comparison_choose(&comparison, 1024));
    give(&comparison, keep, SIDE_SOURCE, 7);
    give(&comparison, keep, SIDE_INDEX, 7);
    give(&comparison, keep, SIDE_SOURCE, 7);
    assert_int_equal(id_comparison_differing(&comparison, &keys), 1);
    assert_string_equal(keys[0].id, "7");
    assert_int_equal(keys[0].count[SIDE_SOURCE], 2);
    assert_int_equal(keys[0].count[SIDE_INDEX], 1);
    differing_keys_free(keys, 1);
    id_comparison_release(&comparison);
}

TEST(the_same_id_with_another_routing_differs_once)
{
    _cleanup_(error_release) struct error err = {};
    struct id_comparison comparison;
    struct differing_key *keys;
    const struct sided_key both[] = {
        {.side = SIDE_SOURCE, .id = {"7", 1}, .routing = {"a", 1}},
        {.side = SIDE_INDEX, .id = {"7", 1}, .routing = {"b", 1}},
    };
    assert_int_equal(id_comparison_open(&comparison, &err), 0);
    note(&comparison, &both[0]);
    note(&comparison, &both[1]);
    assert_true(id_comparison_choose(&comparison, 1024 * 1024));
    keep(&comparison, &both[0]);
    keep(&comparison, &both[1]);
    assert_int_equal(id_comparison_differing(&comparison, &keys), 1);
    assert_int_equal(keys[0].count[SIDE_SOURCE] + keys[0].count[SIDE_INDEX], 2);
    differing_keys_free(keys, 1);
    id_comparison_release(&comparison);
}

TEST(far_more_keys_than_expected_are_an_error)
{
    _cleanup_(error_release) struct error err = {};
    struct id_comparison comparison;
    const struct sided_key key = {.side = SIDE_SOURCE, .id = {"7", 1}};
    int result = 0;
    assert_int_equal(id_comparison_open(&comparison, &err), 0);
    note(&comparison, &key);
    assert_true(id_comparison_choose(&comparison, 1024));
    for (long i = 0; i < 10000000 && result == 0; i++)
        result = id_comparison_keep(&comparison, &key, &err);
    assert_int_equal(result, -1);
    assert_int_equal(err.kind, ERR_FAILED);
    id_comparison_release(&comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sides_take_one_pass),
        cmocka_unit_test(every_difference_is_found_in_one_more_pass),
        cmocka_unit_test(with_little_memory_it_takes_more_passes_and_finds_the_same),
        cmocka_unit_test(as_many_other_ids_are_not_the_same),
        cmocka_unit_test(an_id_that_is_there_twice_differs),
        cmocka_unit_test(the_same_id_with_another_routing_differs_once),
        cmocka_unit_test(far_more_keys_than_expected_are_an_error),
    };
    return cmocka_run_group_tests_name("compare_ids", tests, NULL, NULL);
}
