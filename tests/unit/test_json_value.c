/* domain/json_value and json_document: values of PostgreSQL, in binary, as the JSON it would write
 */
#include "support.h"

#include <endian.h>

#include "domain/json_document.h"

static void check_put(enum json_form form, const void *value, size_t length, const char *wanted)
{
    _cleanup_(buffer_release) struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    struct span span = {value, length};
    assert_true(json_value_is_sound(form, span));
    buffer_text(&out, "<");
    json_value_put(&out, form, span);
    buffer_text(&out, ">");
    assert_int_equal(out.length, strlen(wanted) + 2);
    assert_memory_equal(out.data + 1, wanted, strlen(wanted));
}

static void check_text(enum json_form form, const char *value, const char *wanted)
{
    check_put(form, value, strlen(value), wanted);
}

static void check_16(enum json_form form, int16_t value, const char *wanted)
{
    uint16_t network = htobe16((uint16_t)value);
    check_put(form, &network, sizeof(network), wanted);
}

static void check_32(enum json_form form, int64_t value, const char *wanted)
{
    uint32_t network = htobe32((uint32_t)value);
    check_put(form, &network, sizeof(network), wanted);
}

static void check_64(enum json_form form, int64_t value, const char *wanted)
{
    uint64_t network = htobe64((uint64_t)value);
    check_put(form, &network, sizeof(network), wanted);
}

/* ---- strings ---- */

TEST(a_string_is_escaped_as_postgresql_does)
{
    check_text(JSON_FORM_STRING, "", "\"\"");
    check_text(JSON_FORM_STRING, "a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"");
    check_text(JSON_FORM_STRING, "\b\f\n\r\t\x01\x0b\x1f\x7f",
               "\"\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f\x7f\"");
    check_text(JSON_FORM_STRING, "\xc3\xa9 \xf0\x9f\x98\x80 \xff",
               "\"\xc3\xa9 \xf0\x9f\x98\x80 \xff\"");
    check_put(JSON_FORM_STRING, "a\0b", 3, "\"a\\u0000b\"");
}

TEST(what_has_to_be_escaped_is_seen_at_every_place)
{
    static const char special[] = {'"', '\\', '\n', '\x1f', '\0', '\x01'};
    static const char *const escaped[] = {"\\\"", "\\\\", "\\n", "\\u001f", "\\u0000", "\\u0001"};
    enum { LONGEST = 40 };
    for (size_t s = 0; s < ARRAY_SIZE(special); s++) {
        for (size_t length = 1; length <= LONGEST; length++) {
            for (size_t place = 0; place < length; place++) {
                char text[LONGEST], wanted[LONGEST + 20];
                memset(text, ' ' + (int)(length + place) % 2, length); /* next to 0x1f, '"' */
                text[place] = special[s];
                wanted[0] = '"';
                memcpy(wanted + 1, text, place);
                strcpy(wanted + 1 + place, escaped[s]);
                size_t at = 1 + place + strlen(escaped[s]);
                memcpy(wanted + at, text + place + 1, length - place - 1);
                strcpy(wanted + at + length - place - 1, "\"");
                check_put(JSON_FORM_STRING, text, length, wanted);
            }
        }
    }
}

TEST(a_long_string_is_written_whole)
{
    static const size_t lengths[] = {1023, 1024, 1025, 2048, 5000};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        _cleanup_free_ char *text = malloc(lengths[i]);
        _cleanup_free_ char *wanted = calloc(1, 6 * lengths[i] + 3);
        memset(text, '\x02', lengths[i]);
        strcat(wanted, "\"");
        for (size_t n = 0; n < lengths[i]; n++)
            memcpy(wanted + 1 + 6 * n, "\\u0002", 6);
        strcat(wanted, "\"");
        check_put(JSON_FORM_STRING, text, lengths[i], wanted);
    }
}

TEST(json_of_the_server_stays_but_for_its_line_breaks)
{
    check_text(JSON_FORM_JSON, "{\"a\":\n [1,\r\n2], \"b\": \"\\n\\u0000\"}",
               "{\"a\":  [1,  2], \"b\": \"\\n\\u0000\"}");
}

/* ---- numbers ---- */

TEST(integers_have_all_their_digits)
{
    check_16(JSON_FORM_INT2, INT16_MIN, "-32768");
    check_16(JSON_FORM_INT2, INT16_MAX, "32767");
    check_32(JSON_FORM_INT4, 0, "0");
    check_32(JSON_FORM_INT4, INT32_MIN, "-2147483648");
    check_32(JSON_FORM_INT4, 1000000000, "1000000000");
    check_64(JSON_FORM_INT8, INT64_MIN, "-9223372036854775808");
    check_64(JSON_FORM_INT8, INT64_MAX, "9223372036854775807");
    check_32(JSON_FORM_OID, 4294967295, "\"4294967295\""); /* not a number to row_to_json() */
    check_put(JSON_FORM_BOOL, "\1", 1, "true");
    check_put(JSON_FORM_BOOL, "\0", 1, "false");
}

TEST(a_float_that_is_no_number_is_a_string)
{
    check_text(JSON_FORM_FLOAT, "1e+20", "1e+20");
    check_text(JSON_FORM_FLOAT, "-0", "-0");
    check_text(JSON_FORM_FLOAT, "NaN", "\"NaN\"");
    check_text(JSON_FORM_FLOAT, "-Infinity", "\"-Infinity\"");
}

static void check_numeric(int weight, int sign, int scale, const char *wanted, size_t count,
                          const uint16_t *digits)
{
    uint16_t value[4 + 8] = {
        htobe16((uint16_t)count),
        htobe16((uint16_t)weight),
        htobe16((uint16_t)sign),
        htobe16((uint16_t)scale),
    };
    for (size_t i = 0; i < count; i++)
        value[4 + i] = htobe16(digits[i]);
    check_put(JSON_FORM_NUMERIC, value, sizeof(*value) * (4 + count), wanted);
}

#define CHECK_NUMERIC(weight, sign, scale, wanted, ...)                                            \
    check_numeric(weight, sign, scale, wanted,                                                     \
                  sizeof((uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t), (uint16_t[]){__VA_ARGS__})

TEST(a_numeric_has_the_digits_that_it_shows)
{
    enum { POSITIVE = 0, NEGATIVE = 0x4000 };
    check_numeric(0, POSITIVE, 0, "0", 0, NULL);
    check_numeric(0, POSITIVE, 3, "0.000", 0, NULL);
    CHECK_NUMERIC(0, POSITIVE, 2, "1.50", 1, 5000);
    CHECK_NUMERIC(0, NEGATIVE, 1, "-9999.9", 9999, 9000);
    CHECK_NUMERIC(1, POSITIVE, 0, "10000", 1); /* zeros at the end are not sent */
    CHECK_NUMERIC(1, POSITIVE, 5, "120003.00000", 12, 3);
    CHECK_NUMERIC(-1, POSITIVE, 4, "0.0001", 1);
    CHECK_NUMERIC(-1, NEGATIVE, 2, "-0.12", 1234);
    CHECK_NUMERIC(-3, POSITIVE, 11, "0.00000000120", 1200);
    CHECK_NUMERIC(4, POSITIVE, 0, "10000000000000000", 1);
    check_numeric(0, 0xc000, 0, "\"NaN\"", 0, NULL);
    check_numeric(0, 0xd000, 32, "\"Infinity\"", 0, NULL);
    check_numeric(0, 0xf000, 32, "\"-Infinity\"", 0, NULL);
}

/* ---- uuid and times ---- */

TEST(a_uuid_has_its_dashes)
{
    check_put(JSON_FORM_UUID, "\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11",
              16, "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"");
}

TEST(a_day_is_that_of_the_calendar)
{
    check_32(JSON_FORM_DATE, 0, "\"2000-01-01\"");
    check_32(JSON_FORM_DATE, -1, "\"1999-12-31\"");
    check_32(JSON_FORM_DATE, 59, "\"2000-02-29\"");
    check_32(JSON_FORM_DATE, -36465, "\"1900-03-01\"");
    check_32(JSON_FORM_DATE, -730119, "\"0001-01-01\"");
    check_32(JSON_FORM_DATE, -730120, "\"0001-12-31 BC\"");
    check_32(JSON_FORM_DATE, -2451545, "\"4714-11-24 BC\"");
    check_32(JSON_FORM_DATE, 2921939, "\"9999-12-31\"");
    check_32(JSON_FORM_DATE, 2921940, "\"10000-01-01\"");
    check_32(JSON_FORM_DATE, 2145031948, "\"5874897-12-31\"");
    check_32(JSON_FORM_DATE, INT32_MAX, "\"infinity\"");
    check_32(JSON_FORM_DATE, INT32_MIN, "\"-infinity\"");
}

TEST(a_time_has_the_fraction_that_it_needs)
{
    check_64(JSON_FORM_TIMESTAMP, 0, "\"2000-01-01T00:00:00\"");
    check_64(JSON_FORM_TIMESTAMP, -1, "\"1999-12-31T23:59:59.999999\"");
    check_64(JSON_FORM_TIMESTAMP, 45296500000, "\"2000-01-01T12:34:56.5\"");
    check_64(JSON_FORM_TIMESTAMPTZ, 45296000100, "\"2000-01-01T12:34:56.0001+00:00\"");
    check_64(JSON_FORM_TIMESTAMPTZ, -211813488000000000, "\"4714-11-24T00:00:00+00:00 BC\"");
    check_64(JSON_FORM_TIMESTAMPTZ, INT64_MAX, "\"infinity\"");
    check_64(JSON_FORM_TIMESTAMP, INT64_MIN, "\"-infinity\"");
}

/* ---- what is no value ---- */

TEST(bytes_that_are_no_value_are_not_sound)
{
    static const char zeros[32] = {};
    static const size_t lengths[] = {
        [JSON_FORM_BOOL] = 1,        [JSON_FORM_INT2] = 2, [JSON_FORM_INT4] = 4,
        [JSON_FORM_INT8] = 8,        [JSON_FORM_OID] = 4,  [JSON_FORM_NUMERIC] = 8,
        [JSON_FORM_UUID] = 16,       [JSON_FORM_DATE] = 4, [JSON_FORM_TIMESTAMP] = 8,
        [JSON_FORM_TIMESTAMPTZ] = 8,
    };
    for (size_t form = JSON_FORM_BOOL; form < ARRAY_SIZE(lengths); form++)
        for (size_t length = 0; length < sizeof(zeros); length++)
            assert_int_equal(
                json_value_is_sound((enum json_form)form, (struct span){zeros, length}),
                length == lengths[form]);
    assert_false(json_value_is_sound(JSON_FORM_FLOAT, span_of("")));
    assert_false(
        json_value_is_sound(JSON_FORM_NUMERIC, (struct span){"\0\1\0\0\0\0\0\0\x27\x10", 10}));
    assert_false(json_value_is_sound(JSON_FORM_NUMERIC, (struct span){"\0\1\0\0\0\0\0\0\0\0", 10}));
    assert_false(json_value_is_sound(JSON_FORM_NUMERIC, (struct span){"\0\0\0\0\1\0\0\0", 8}));
    assert_false(json_value_is_sound(JSON_FORM_NUMERIC, (struct span){"\0\0\0\0\0\0\x40\0", 8}));
}

/* ---- documents ---- */

TEST(a_row_is_an_object_in_the_order_of_its_columns)
{
    _cleanup_(buffer_release) struct buffer out = BUFFER(BUFFER_TEXT_MAX);
    _cleanup_(json_shape_release) struct json_shape shape = {};
    json_shape_add(&shape, "title", JSON_FORM_STRING);
    json_shape_add(&shape, "a \"key\"\n", JSON_FORM_INT4);
    json_shape_add(&shape, "", JSON_FORM_BOOL);
    assert_false(shape.may_nest);
    const struct span values[] = {span_of("x"), {"\0\0\0\7", 4}, {}};
    const struct json_row row = {&shape, values};
    assert_true(json_row_is_sound(&row));
    json_row_put(&out, &row);
    assert_string_equal(buffer_cstr(&out), "{\"title\":\"x\",\"a \\\"key\\\"\\n\":7,\"\":null}");
    json_shape_add(&shape, "more", JSON_FORM_JSON);
    assert_true(shape.may_nest);
}

TEST(a_row_with_a_value_that_is_none_is_not_sound)
{
    _cleanup_(json_shape_release) struct json_shape shape = {};
    json_shape_add(&shape, "title", JSON_FORM_STRING);
    json_shape_add(&shape, "number", JSON_FORM_INT4);
    const struct span values[] = {span_of("x"), {"\0\0\0", 3}};
    assert_false(json_row_is_sound(&(struct json_row){&shape, values}));
}

TEST(a_buffer_that_is_full_is_seen_whatever_is_written_last)
{
    static const char value[] = "\0\2\0\1\0\0\0\2\0\1\0\2"; /* 10002.00 */
    for (size_t maximum = 0; maximum < 400; maximum++) {
        _cleanup_(buffer_release) struct buffer out = BUFFER(maximum);
        _cleanup_(json_shape_release) struct json_shape shape = {};
        json_shape_add(&shape, "s", JSON_FORM_STRING);
        json_shape_add(&shape, "n", JSON_FORM_NUMERIC);
        json_shape_add(&shape, "j", JSON_FORM_JSON);
        const struct span values[] = {span_of("x\n"), {value, 12}, span_of("[1]")};
        json_row_put(&out, &(struct json_row){&shape, values});
        assert_true(out.length <= maximum);
        if (!out.overflow)
            assert_string_equal(buffer_cstr(&out), "{\"s\":\"x\\n\",\"n\":10002.00,\"j\":[1]}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_escaped_as_postgresql_does),
        cmocka_unit_test(what_has_to_be_escaped_is_seen_at_every_place),
        cmocka_unit_test(a_long_string_is_written_whole),
        cmocka_unit_test(json_of_the_server_stays_but_for_its_line_breaks),
        cmocka_unit_test(integers_have_all_their_digits),
        cmocka_unit_test(a_float_that_is_no_number_is_a_string),
        cmocka_unit_test(a_numeric_has_the_digits_that_it_shows),
        cmocka_unit_test(a_uuid_has_its_dashes),
        cmocka_unit_test(a_day_is_that_of_the_calendar),
        cmocka_unit_test(a_time_has_the_fraction_that_it_needs),
        cmocka_unit_test(bytes_that_are_no_value_are_not_sound),
        cmocka_unit_test(a_row_is_an_object_in_the_order_of_its_columns),
        cmocka_unit_test(a_row_with_a_value_that_is_none_is_not_sound),
        cmocka_unit_test(a_buffer_that_is_full_is_seen_whatever_is_written_last),
    };
    return cmocka_run_group_tests_name("json_value", tests, NULL, NULL);
}
