/* load/freshness: which documents are older than their rows, in bounded memory */
#include "support.h"

#include <stdio.h>

#include "load/freshness.h"

static struct span name(long number, char buffer[32])
{
    int length = snprintf(buffer, 32, "%ld", number);
    return (struct span){buffer, (size_t)length};
}

/* Of `count` rows that changed at 100 + n, and documents of version 100 + n or one less for every
 * third: how many are stale; *ret_parts it took. */
static long stale_of(long count, size_t memory, size_t *ret_parts)
{
    _cleanup_(error_release) struct error err = {};
    struct freshness freshness;
    char text[32];
    long stale = 0;
    *ret_parts = 0;
    assert_int_equal(freshness_open(&freshness, memory, &err), 0);
    do {
        ++*ret_parts;
        for (long i = 0; i < count; i++)
            freshness_expect(&freshness, name(i, text), 100 + i);
        freshness_ready(&freshness);
        for (long i = 0; i < 2 * count; i++)
            stale += freshness_is_stale(&freshness, name(i, text), 100 + i - (i % 3 == 0));
    } while (freshness_next(&freshness));
    freshness_release(&freshness);
    return stale;
}

TEST(rows_that_fit_are_compared_at_once)
{
    size_t parts;
    assert_int_equal(stale_of(3000, 1024 * 1024, &parts), 1000);
    assert_int_equal(parts, 1);
    assert_int_equal(stale_of(0, 1024 * 1024, &parts), 0);
}

TEST(each_document_belongs_to_one_part)
{
    size_t parts;
    assert_int_equal(stale_of(3000, 300 * sizeof(struct changed_row), &parts), 1000);
    assert_in_range(parts, 10, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_fit_are_compared_at_once),
        cmocka_unit_test(each_document_belongs_to_one_part),
    };
    return cmocka_run_group_tests_name("freshness", tests, NULL, NULL);
}
