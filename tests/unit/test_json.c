/* clients/json */
#include "support.h"

#include "clients/json.h"

static json *parse(const char *text, struct error *err)
{
    return json_parse(text, strlen(text), err);
}

/* Each must be refused, with a message that begins like this. */
static void check_refused(const char *const (*refused)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_(json_freep) json *value = parse(refused[i][0], &err);
        if (value)
            fail_msg("accepted: %s", refused[i][0]);
        assert_int_equal(err.kind, ERR_FAILED);
        if (strncmp(err.message, refused[i][1], strlen(refused[i][1])) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", refused[i][0], err.message, refused[i][1]);
    }
}

TEST(valid_texts_are_read)
{
    static const char *const accepted[] = {
        "{}",
        " \t\r\n[ ]\n",
        "\"x\"",
        "1",
        "-1.5e+7",
        "true",
        "false",
        "[null]",
        "{\"\":{}}",
        "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"]",
        "[\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"]",
    };
    for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_(json_freep) json *value = parse(accepted[i], &err);
        if (!value)
            fail_msg("%s: %s", accepted[i], err.message);
    }
}

TEST(anything_behind_the_value_is_refused)
{
    static const char *const refused[][2] = {
        {"{\"a\":1}x", "line 1, column 8: "},  {"{} {}", "line 1, column 4: "},
        {"[1]]", "line 1, column 4: "},        {"{}\n\n ,", "line 3, column 2: "},
        {"\"a\" \"b\"", "line 1, column 5: "},
    };
    check_refused(refused, ARRAY_SIZE(refused));
}

TEST(a_nul_byte_is_not_the_end_of_a_text)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(json_freep) json *value = json_parse("[1]\0[2]", 7, &err);
    assert_null(value);
    assert_int_equal(err.kind, ERR_FAILED);
}

TEST(what_is_not_json_is_refused)
{
    static const char *const refused[][2] = {
        {"", "line 1, column 1: unexpected end"},
        {"  \n ", "line 2, column 2: unexpected end"},
        {"{\"a\":1", "line 1, column 7: unexpected end"},
        {"[\"abc", "line 1, column 6: unexpected end"},
        {"[1,]", "line 1, column 4: "},
        {"{\"a\":1,}", "line 1, column 8: "},
        {"{\"a\":1 // one\n}", "line 1, column 8: "},
        {"/* c */ {}", "line 1, column 1: "},
        {"{a:1}", "line 1, column 2: "},
        {"['a']", "line 1, column 2: "},
        {"[1 2]", "line 1, column 4: "},
        {"{\"a\" 1}", "line 1, column 6: "},
        {"[tru]", "line 1, column 5: "},
        {"[TRUE]", "line 1, column 2: "},
        {"[nan]", "line 1, column 3: "},
        {"[.5]", "line 1, column 2: "},
        {"[+1]", "line 1, column 2: "},
        {"[01]", "line 1, column 4: "},
        {"[1e]", "line 1, column 4: "},
        {"[1.2.3]", "line 1, column 5: "},
        {"[\"\\x\"]", "line 1, column 4: "},
        {"[\"\\u00\"]", "line 1, column 7: "},
        {"\v[]", "line 1, column 1: "},
        {"null", "line 1, column 1: "},
    };
    check_refused(refused, ARRAY_SIZE(refused));
}

TEST(bytes_that_are_not_utf8_are_refused)
{
    static const char *const refused[][2] = {
        {"[\"\xff\"]", "line 1, column 3: "},
        {"[\"\xc3\"]", "line 1, column 3: "},
        {"[\"\x80\"]", "line 1, column 3: "},
        {"[\"\xe2\x82\"]", "line 1, column 3: "},
        {"\xef\xbb\xbf{}", "line 1, column 1: "},
        {"[\"a\xc1\xa4\"]", "line 1, column 4: "},
        {"[\"\xed\xa0\x80\"]", "line 1, column 3: "},
        {"{\"\xf5\x80\x80\x80\":1}", "line 1, column 3: "},
    };
    check_refused(refused, ARRAY_SIZE(refused));
}

TEST(nesting_has_a_limit)
{
    for (int depth = 200; depth <= 201; depth++) {
        _cleanup_(buffer_release) struct buffer text = BUFFER(1000);
        _cleanup_(error_release) struct error err = {};
        for (int i = 0; i < depth; i++)
            buffer_char(&text, '[');
        for (int i = 0; i < depth; i++)
            buffer_char(&text, ']');
        _cleanup_(json_freep) json *value = parse(buffer_cstr(&text), &err);
        if (depth == 200)
            assert_non_null(value);
        else
            assert_error(&err, ERR_FAILED, "line 1, column 201: nesting too deep");
    }
}

TEST(lines_and_columns_point_at_the_place)
{
    static const char *const refused[][2] = {
        {"{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7: "},
        {"{\r\n\"a\": x}", "line 2, column 6: "},
        {"[\n\n\n1,\n]", "line 5, column 1: "},
        {"x", "line 1, column 1: "},
    };
    check_refused(refused, ARRAY_SIZE(refused));
}

/* ---- reading ---- */

TEST(members_are_followed_by_their_keys)
{
    struct error err = {};
    _cleanup_(json_freep) json *value = parse("{\"a\":{\"b\":{\"c\":\"x\"},\"n\":null}}", &err);
    assert_string_equal(json_text(JSON_PATH(value, "a", "b", "c"), ""), "x");
    assert_true(json_is_object(JSON_PATH(value, "a", "b")));
    assert_null(JSON_PATH(value, "a", "x", "c"));
    assert_null(JSON_PATH(value, "a", "b", "c", "d"));
    assert_null(JSON_PATH(value, "a", "n"));
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(JSON_PATH(value, "a", "b", "c"), "a"));
}

TEST(a_value_of_another_type_is_the_fallback)
{
    struct error err = {};
    _cleanup_(json_freep) json *value = parse("[\"7\", 7, true, 1.5, {}, null]", &err);
    const char *const texts[] = {"7", "no", "no", "no", "no", "no"};
    const int64_t numbers[] = {-1, 7, -1, -1, -1, -1};
    const bool flags[] = {false, false, true, false, false, false};
    assert_int_equal(json_length(value), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(json_text(json_at(value, i), "no"), texts[i]);
        assert_int_equal(json_int(json_at(value, i), -1), numbers[i]);
        assert_int_equal(json_flag(json_at(value, i), false), flags[i]);
    }
    assert_true(json_flag(NULL, true));
    assert_null(json_text(NULL, NULL));
    assert_int_equal(json_length(json_at(value, 4)), 0);
    assert_int_equal(json_length(NULL), 0);
    assert_null(json_at(value, 6));
}

TEST(microseconds_of_a_clock_are_exact)
{
    struct error err = {};
    _cleanup_(json_freep) json *value = parse("[1764000000123457, 9223372036854775807]", &err);
    assert_int_equal(json_int(json_at(value, 0), 0), 1764000000123457);
    assert_true(json_int(json_at(value, 1), 0) == INT64_MAX);
}

static int collect(const char *key, json *value, void *data)
{
    (void)value;
    buffer_text(data, key);
    return strcmp(key, "stop") == 0 ? 7 : 0;
}

TEST(members_are_visited_in_order_until_one_says_stop)
{
    struct error err = {};
    _cleanup_(buffer_release) struct buffer keys = BUFFER(100);
    _cleanup_(json_freep) json *all = parse("{\"z\":1,\"a\":2,\"m\":3}", &err);
    assert_int_equal(json_each(all, collect, &keys), 0);
    assert_string_equal(buffer_cstr(&keys), "zam");

    buffer_clear(&keys);
    _cleanup_(json_freep) json *some = parse("{\"z\":1,\"stop\":2,\"m\":3}", &err);
    assert_int_equal(json_each(some, collect, &keys), 7);
    assert_string_equal(buffer_cstr(&keys), "zstop");

    buffer_clear(&keys);
    _cleanup_(json_freep) json *list = parse("[1]", &err);
    assert_int_equal(json_each(list, collect, &keys), 0);
    assert_int_equal(json_each(NULL, collect, &keys), 0);
    assert_string_equal(buffer_cstr(&keys), "");
}

/* ---- writing ---- */

TEST(a_tree_is_written_compactly)
{
    _cleanup_(json_freep) json *value = json_new_object();
    json *list = json_new_array();
    json_put(value, "list", list);
    json_push(list, json_new_text("-3"));
    json_push(list, json_new_text(NULL));
    json_push(list, json_new_text("a/b \"\xc3\xa4\""));
    json_put(json_object_at(value, "new"), "k", json_new_text("1"));
    json_put(json_object_at(value, "new"), "l", json_new_text("2"));
    assert_null(json_object_at(value, "list"));
    _cleanup_free_ char *text = json_write(value);
    assert_string_equal(text, "{\"list\":[\"-3\",null,\"a/b \\\"\xc3\xa4\\\"\"],"
                              "\"new\":{\"k\":\"1\",\"l\":\"2\"}}");
}

TEST(numbers_are_written_as_they_were_read)
{
    static const char text[] = "[1.0,1,1e0,1E5,-0.0,0.1234567890123456789012345,1.5e-7]";
    struct error err = {};
    _cleanup_(json_freep) json *value = parse(text, &err);
    _cleanup_free_ char *written = json_write(value);
    assert_string_equal(written, text);
}

TEST(a_string_is_escaped)
{
    static const struct {
        const char *text;
        size_t length;
        const char *wanted;
    } rows[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\"", 1, "\"\\\"\""},
        {"\x01\n\r\t\x1f", 5, "\"\\u0001\\u000a\\u000d\\u0009\\u001f\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\x7f\xc3\xa4\xf0\x9f\x98\x80", 7, "\"\x7f\xc3\xa4\xf0\x9f\x98\x80\""},
        {"cut here", 3, "\"cut\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(buffer_release) struct buffer out = BUFFER(100);
        json_write_string(&out, rows[i].text, rows[i].length);
        assert_string_equal(buffer_cstr(&out), rows[i].wanted);
    }
}

TEST(a_written_string_is_read_back)
{
    char text[128];
    for (int c = 1; c < 128; c++)
        text[c - 1] = (char)c;
    text[127] = '\0';
    struct error err = {};
    _cleanup_(buffer_release) struct buffer out = BUFFER(2000);
    json_write_string(&out, text, 127);
    _cleanup_(json_freep) json *value = parse(buffer_cstr(&out), &err);
    assert_string_equal(json_text(value, ""), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_texts_are_read),
        cmocka_unit_test(anything_behind_the_value_is_refused),
        cmocka_unit_test(a_nul_byte_is_not_the_end_of_a_text),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(lines_and_columns_point_at_the_place),
        cmocka_unit_test(members_are_followed_by_their_keys),
        cmocka_unit_test(a_value_of_another_type_is_the_fallback),
        cmocka_unit_test(microseconds_of_a_clock_are_exact),
        cmocka_unit_test(members_are_visited_in_order_until_one_says_stop),
        cmocka_unit_test(a_tree_is_written_compactly),
        cmocka_unit_test(numbers_are_written_as_they_were_read),
        cmocka_unit_test(a_string_is_escaped),
        cmocka_unit_test(a_written_string_is_read_back),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
