/* clients/json_text: walking through a JSON text without a tree */
#include "support.h"

#include "base/memory.h"
#include "clients/json_text.h"

static void is(struct span value, const char *expected)
{
    _cleanup_free_ char *text = x_strndup(value.data, value.length);
    assert_string_equal(text, expected);
}

TEST(members_and_elements_come_as_they_are_written)
{
    struct json_cursor cursor = json_cursor(
        span_of(" { \"a\" : 1.50 , \"b\\\"}\":{\"c\":[1,{}]} ,\"d\":[ \"]\" , null,true ]} "));
    struct span key, value;
    assert_true(json_next_member(&cursor, &key, &value));
    is(key, "\"a\"");
    is(value, "1.50");
    assert_true(json_next_member(&cursor, &key, &value));
    is(key, "\"b\\\"}\"");
    is(value, "{\"c\":[1,{}]}");
    assert_true(json_next_member(&cursor, &key, &value));
    struct json_cursor elements = json_cursor(value);
    assert_false(json_next_member(&cursor, &key, &value));
    static const char *const expected[] = {"\"]\"", "null", "true"};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_true(json_next_element(&elements, &value));
        is(value, expected[i]);
    }
    assert_false(json_next_element(&elements, &value));
}

TEST(what_is_empty_or_no_container_has_nothing_in_it)
{
    static const char *const texts[] = {"{}", "[]", " [ ] ", "1", "\"{\"", "", "null"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct span key, value;
        struct json_cursor one = json_cursor(span_of(texts[i])), other = one;
        assert_false(json_next_member(&one, &key, &value));
        assert_false(json_next_element(&other, &value));
    }
    struct json_cursor none = json_cursor((struct span){});
    struct span value;
    assert_false(json_next_element(&none, &value));
}

TEST(a_text_that_is_cut_off_is_not_read_beyond)
{
    static const char whole[] = "{\"a\":[\"\\u00e4\\\"\",{\"b\":1}],\"c\":-2.5e3}";
    for (size_t length = 0; length < strlen(whole); length++) {
        _cleanup_free_ char *exact = x_malloc(length + 1);
        memcpy(exact, whole, length);
        exact[length] = '}'; /* not to be seen */
        struct json_cursor cursor = json_cursor((struct span){exact, length});
        struct span key, value;
        while (json_next_member(&cursor, &key, &value))
            assert_true(value.data + value.length <= exact + length);
    }
}

TEST(a_member_is_found_by_its_name)
{
    struct span object = span_of("{\"ab\":1,\"a\":{\"b\":2},\"b\":3}");
    is(json_member(object, "a"), "{\"b\":2}");
    is(json_member(object, "b"), "3");
    assert_null(json_member(object, "c").data);
}

TEST(numbers_and_strings)
{
    assert_int_equal(json_text_int(span_of("9223372036854775807"), -1), INT64_MAX);
    assert_int_equal(json_text_int(span_of("-5"), -1), -5);
    assert_int_equal(json_text_int(span_of("1.5"), -1), -1);
    assert_int_equal(json_text_int(span_of("null"), -1), -1);
    assert_int_equal(json_text_int((struct span){}, -1), -1);
    char text[] = "\"a\\n\\u00e4\\ud83d\\ude00\\\"\"";
    is(json_text_string(span_of(text)), "a\n\xc3\xa4\xf0\x9f\x98\x80\"");
    is(json_text_string(span_of("\"plain\"")), "plain");
    is(json_text_string(span_of("\"\"")), "");
    assert_null(json_text_string(span_of("1")).data);
    assert_null(json_text_string((struct span){}).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_come_as_they_are_written),
        cmocka_unit_test(what_is_empty_or_no_container_has_nothing_in_it),
        cmocka_unit_test(a_text_that_is_cut_off_is_not_read_beyond),
        cmocka_unit_test(a_member_is_found_by_its_name),
        cmocka_unit_test(numbers_and_strings),
    };
    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
