/* base/nesting */
#include "support.h"

#include "base/buffer.h"
#include "base/nesting.h"

static bool deeper(const char *json, size_t levels)
{
    return nested_deeper(json, strlen(json), levels);
}

TEST(levels_are_counted)
{
    assert_false(deeper("{}", 1));
    assert_false(deeper("{\"a\":1,\"b\":{},\"c\":[]}", 2));
    assert_true(deeper("{\"a\":1,\"b\":{},\"c\":[]}", 1));
    assert_false(deeper("{\"a\":[{\"b\":[]}]}", 4));
    assert_true(deeper("{\"a\":[{\"b\":[]}]}", 3));
    assert_false(deeper("[[],[],[],[],[],[],[[]]]", 3));
    assert_true(deeper("[[],[],[],[],[],[],[[]]]", 2));
}

TEST(brackets_in_strings_do_not_count)
{
    assert_false(deeper("{\"a\":\"[[[[[[[[\",\"b\":\"{{{{{{{{\"}", 2));
    assert_false(deeper("{\"a\\\"[[[[[\":\"\\\\\",\"b\":\"[[[[[[[[\\\"[[[[[\"}", 2));
    assert_true(deeper("{\"a\":\"\\\\\",\"b\":[[[]]],\"c\":\"]]]]]]\"}", 3));
}

TEST(a_hundred_levels)
{
    for (size_t levels = 99; levels <= 102; levels++) {
        _cleanup_(buffer_release) struct buffer json = BUFFER(10000);
        for (size_t i = 0; i < levels; i++)
            buffer_text(&json, i % 2 ? "[" : "{\"a\":");
        for (size_t i = levels; i-- > 0;)
            buffer_text(&json, i % 2 ? "]" : (i + 1 == levels ? "1}" : "}"));
        assert_int_equal(deeper(buffer_cstr(&json), 100), levels > 100);
    }
}

/* Nothing behind the end is looked at; what is no JSON ends, too. */
TEST(any_text_ends)
{
    assert_false(deeper("", 0));
    assert_false(nested_deeper("[[[[[[", 2, 2));
    assert_false(deeper("{{\"", 2));
    assert_false(deeper("[[[\"\\", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_counted),
        cmocka_unit_test(brackets_in_strings_do_not_count),
        cmocka_unit_test(a_hundred_levels),
        cmocka_unit_test(any_text_ends),
    };
    return cmocka_run_group_tests_name("nesting", tests, NULL, NULL);
}
