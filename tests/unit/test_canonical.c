/* domain/canonical */
#include "support.h"

#include "domain/canonical.h"

static void check_form(const char *text, const char *wanted)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *form = canonical_json(text, &err);
    if (!form)
        fail_msg("%s: %s", text, err.message);
    assert_string_equal(form, wanted);
}

static void check_refused(const char *text, const char *wanted)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *form = canonical_json(text, &err);
    if (form)
        fail_msg("accepted: %s", text);
    assert_error(&err, ERR_USAGE, wanted);
}

TEST(white_space_between_tokens_does_not_count)
{
    check_form(" {\r\n\t\"a\" : [ 1 , 2 ] ,\n \"b\" : { } , \"c\" : [ ] }\n",
               "{\"a\":[1,2],\"b\":{},\"c\":[]}");
    check_form("{\"a\":[1,2],\"b\":{},\"c\":[]}", "{\"a\":[1,2],\"b\":{},\"c\":[]}");
}

TEST(white_space_inside_strings_counts)
{
    check_form("{\"a b\": \" c  d \"}", "{\"a b\":\" c  d \"}");
}

TEST(the_order_of_keys_does_not_count)
{
    check_form("{\"b\":1,\"a\":{\"z\":1,\"y\":2},\"B\":3,\"\xc3\xa4\":4,\"ab\":5}",
               "{\"B\":3,\"a\":{\"y\":2,\"z\":1},\"ab\":5,\"b\":1,\"\xc3\xa4\":4}");
}

TEST(the_order_of_array_elements_counts)
{
    check_form("[3,1,{\"b\":1,\"a\":2},2]", "[3,1,{\"a\":2,\"b\":1},2]");
}

TEST(strings_have_one_spelling)
{
    check_form("[\"\\u0061\\u00e4\\u20AC\\u20ac\\/\"]", "[\"a\xc3\xa4\xe2\x82\xac\xe2\x82\xac/\"]");
    check_form("[\"\\ud83d\\ude00\\uD83D\\uDE00\xf0\x9f\x98\x80\"]",
               "[\"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"]");
    check_form("[\"\\udbff\\udfff\"]", "[\"\xf4\x8f\xbf\xbf\"]");
    check_form("[\"\\ud800\\udc00\"]", "[\"\xf0\x90\x80\x80\"]");
    check_form("[\"\\u0022\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"]",
               "[\"\\\"\\\\\\u0008\\u000c\\u000a\\u000d\\u0009\\u0000\\u001f\"]");
    check_form("{\"\\u0061\":1}", "{\"a\":1}");
}

TEST(numbers_stay_as_they_were_written)
{
    check_form("[1.0, 1, 1e0, 1E0, 1E+2, -0, -0.0, 100]", "[1.0,1,1e0,1E0,1E+2,-0,-0.0,100]");
    check_form("[123456789012345678901234567890]", "[123456789012345678901234567890]");
    check_form("[-123456789012345678901234567890.0]", "[-123456789012345678901234567890.0]");
    check_form("[0.1000000000000000055511151231257827]", "[0.1000000000000000055511151231257827]");
    check_form("[1e400]", "[1e400]");
}

TEST(words_and_lone_values_are_kept)
{
    check_form("[true,false,null]", "[true,false,null]");
    check_form(" \"x\" ", "\"x\"");
    check_form("7", "7");
}

TEST(a_key_that_stands_twice_is_refused)
{
    check_refused("{\"a\":1,\"a\":1}", "line 1, column 8: the key \"a\" appears twice");
    check_refused("{\n  \"a\": 1,\n  \"b\": 2,\n    \"\\u0061\": 3\n}",
                  "line 4, column 5: the key \"a\" appears twice");
    check_refused("{\"x\":[{\"q\":{},\"q\":[]}]}",
                  "line 1, column 15: the key \"q\" appears twice");
    check_refused("{\"\":1,\"\":2}", "line 1, column 7: the key \"\" appears twice");
}

TEST(a_key_may_stand_in_several_objects)
{
    check_form("{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}],\"A\":1,\"a \":1}",
               "{\"A\":1,\"a \":1,\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":1}]}");
}

/* Rows of a text and what the message begins with. */
static void check_all_refused(const char *const refused[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_free_ char *form = canonical_json(refused[i][0], &err);
        if (form)
            fail_msg("accepted: %s", refused[i][0]);
        assert_int_equal(err.kind, ERR_USAGE);
        if (strncmp(err.message, refused[i][1], strlen(refused[i][1])) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", refused[i][0], err.message, refused[i][1]);
    }
}

TEST(syntax_errors_name_line_and_column)
{
    static const char *const refused[][2] = {
        {"", "line 1, column 1: "},
        {"{\n \"a\": 1,\n \"b\" 2}", "line 3, column 6: "},
        {"[1,]", "line 1, column 4: "},
        {"{} x", "line 1, column 4: "},
        {"[\"\xc3\xbc\" x]", "line 1, column 6: "}, /* characters, not bytes */
        {"{\n'a':1}", "line 2, column 1: "},
        {"[1,\nNaN]", "line 2, column 1: "},
        {"{\"a\":\n Infinity}", "line 2, column 2: "},
        {"[\"a\n\"]", "line 1, column 4: "},
        {"[\"\\q\"]", "line 1, column 4: "},
        {"[\"\xff\"]", "line 1, column 3: "},
        {"PUT /course_search\n{}", "line 1, column 1: "},
    };
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(nan_and_infinity_are_refused)
{
    static const char *const refused[][2] = {
        {"[NaN]", "line 1"},
        {"[Infinity]", "line 1"},
        {"-Infinity", "line 1"},
    };
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(keys_in_single_quotes_are_refused)
{
    static const char *const refused[][2] = {{"{'a':1}", "line 1, column 2: "}};
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(control_characters_in_strings_are_refused)
{
    static const char *const refused[][2] = {
        {"[\"a\tb\"]", "line 1, column 4: "},
        {"[\"\n\"]", "line 1, column 3: "},
        {"[\"\x1f\"]", "line 1, column 3: "},
    };
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(numbers_with_superfluous_zeros_or_dots_are_refused)
{
    static const char *const refused[][2] = {
        {"[00]", "line 1"},
        {"[-01]", "line 1"},
        {"[1.]", "line 1"},
    };
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(code_points_that_utf8_cannot_have_are_refused)
{
    static const char *const refused[][2] = {
        {"[\"\xc0\x80\"]", "line 1"},         /* overlong */
        {"[\"\xed\xa0\x80\"]", "line 1"},     /* a surrogate */
        {"[\"\xf5\x80\x80\x80\"]", "line 1"}, /* above U+10FFFF */
    };
    check_all_refused(refused, ARRAY_SIZE(refused));
}

TEST(half_a_surrogate_pair_is_refused)
{
    static const char *const refused[] = {
        "[\"\\ud800\"]",        "[\"\\udc00\"]",        "[\"\\ud800x\"]",
        "[\"\\ud800\\u0041\"]", "[\"\\udbff\\uffff\"]", "[\"\\udc00\\ud800\"]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_free_ char *form = canonical_json(refused[i], &err);
        if (form)
            fail_msg("accepted: %s", refused[i]);
        assert_int_equal(err.kind, ERR_USAGE);
    }
}

static void nested(struct buffer *text, int depth)
{
    for (int i = 0; i < depth; i++)
        buffer_text(text, i % 2 ? "[" : "{\"a\":");
    buffer_text(text, "{}");
    for (int i = depth - 1; i >= 0; i--)
        buffer_char(text, i % 2 ? ']' : '}');
}

TEST(nesting_has_a_limit)
{
    _cleanup_(buffer_release) struct buffer fits = BUFFER(2000), deep = BUFFER(20000);
    _cleanup_(error_release) struct error err = {};
    nested(&fits, 199);
    check_form(buffer_cstr(&fits), buffer_cstr(&fits));

    nested(&deep, 2000);
    assert_null(canonical_json(buffer_cstr(&deep), &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_contains(err.message, "too deep");
}

TEST(the_canonical_form_is_its_own_canonical_form)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *once = canonical_json(
        "{ \"b\":[1.50,\"\\u001f\\u00df\\\"\"], \"a\":{\"\\n\":null,\"\":-0} }", &err);
    check_form(once, once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(white_space_between_tokens_does_not_count),
        cmocka_unit_test(white_space_inside_strings_counts),
        cmocka_unit_test(the_order_of_keys_does_not_count),
        cmocka_unit_test(the_order_of_array_elements_counts),
        cmocka_unit_test(strings_have_one_spelling),
        cmocka_unit_test(numbers_stay_as_they_were_written),
        cmocka_unit_test(words_and_lone_values_are_kept),
        cmocka_unit_test(a_key_that_stands_twice_is_refused),
        cmocka_unit_test(a_key_may_stand_in_several_objects),
        cmocka_unit_test(syntax_errors_name_line_and_column),
        cmocka_unit_test(nan_and_infinity_are_refused),
        cmocka_unit_test(keys_in_single_quotes_are_refused),
        cmocka_unit_test(control_characters_in_strings_are_refused),
        cmocka_unit_test(numbers_with_superfluous_zeros_or_dots_are_refused),
        cmocka_unit_test(code_points_that_utf8_cannot_have_are_refused),
        cmocka_unit_test(half_a_surrogate_pair_is_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(the_canonical_form_is_its_own_canonical_form),
    };
    return cmocka_run_group_tests_name("canonical", tests, NULL, NULL);
}
