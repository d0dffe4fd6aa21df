/* domain/json_difference: whether two JSON texts have the same value, and where they differ */
#include "support.h"

#include "domain/json_difference.h"

static char *difference(const char *first, const char *second)
{
    char *field = NULL, *other_way = NULL;
    bool differ = json_differ((struct span){first, strlen(first)},
                              (struct span){second, strlen(second)}, &field);
    assert_int_equal(differ, json_differ((struct span){second, strlen(second)},
                                         (struct span){first, strlen(first)}, &other_way));
    assert_int_equal(differ, field != NULL);
    free(other_way);
    return field;
}

static void same(const char *first, const char *second)
{
    char *field = difference(first, second);
    if (field)
        fail_msg("%s and %s differ in \"%s\"", first, second, field);
}

static void differ(const char *first, const char *second, const char *where)
{
    char *field = difference(first, second);
    if (!field)
        fail_msg("%s and %s are taken to be the same", first, second);
    assert_string_equal(field, where);
    free(field);
}

TEST(order_white_space_and_escapes_do_not_count)
{
    same("{\"a\":1,\"b\":[1,2]}", " { \"b\" : [ 1, 2 ],\n\"a\" : 1 } ");
    same("\"\\u00e4\"", "\"\xc3\xa4\"");
    same("{}", "{ }");
}

TEST(numbers_are_equal_by_value)
{
    static const char *const equal[][2] = {
        {"1", "1.0"},
        {"100", "1e2"},
        {"0", "-0.0"},
        {"0.00", "0e9"},
        {"1.10", "1.1"},
        {"1E3", "1000"},
        {"0.001", "1e-3"},
        {"-2.50", "-25e-1"},
        {"10.0e1", "100"},
        {"123456789012345678901234567890.10", "123456789012345678901234567890.1"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(equal); i++)
        same(equal[i][0], equal[i][1]);
    static const char *const different[][2] = {
        {"1", "-1"},
        {"1", "10"},
        {"1", "1.01"},
        {"0.1", "0.01"},
        {"1", "\"1\""},
        {"0", "null"},
        {"123456789012345678901234567890", "123456789012345678901234567891"},
        {"0.1", "0.1000000000000000055511151231257827"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(different); i++)
        differ(different[i][0], different[i][1], "");
}

TEST(the_first_field_that_differs_is_named)
{
    differ("{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "b");
    differ("{\"a\":{\"b\":[1,{\"c\":2}]}}", "{\"a\":{\"b\":[1,{\"c\":3}]}}", "a.b[1].c");
    differ("{\"a\":[1]}", "{\"a\":[1,2]}", "a[1]");
    differ("{\"a\":[]}", "{\"a\":{}}", "a");
    differ("{\"a\":null}", "{}", "a");
    differ("{\"a\":1,\"ab\":1}", "{\"a\":1}", "ab");
    differ("{\"b\":1,\"c\":1}", "{\"c\":1}", "b");
    differ("{\"a\":\"\"}", "{\"a\":null}", "a");
    differ("{\"a\":true}", "{\"a\":false}", "a");
}

TEST(what_is_no_json_is_the_same_only_byte_by_byte)
{
    same("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}");
    differ("{\"a\":1,\"a\":2}", "{\"a\":2}", "");
    differ("{", "{}", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_white_space_and_escapes_do_not_count),
        cmocka_unit_test(numbers_are_equal_by_value),
        cmocka_unit_test(the_first_field_that_differs_is_named),
        cmocka_unit_test(what_is_no_json_is_the_same_only_byte_by_byte),
    };
    return cmocka_run_group_tests_name("json_difference", tests, NULL, NULL);
}
