/* cli/output: the same rows as a table and as JSON */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#include "clients/json.h"
#include "output.h"

static const struct column columns[] = {
    {"id", COLUMN_JSON_ONLY, NULL},
    {"master", 0, NULL},
    {"instance", COLUMN_RIGHT, NULL},
    {"active", 0, NULL},
    {"docs", COLUMN_RIGHT, NULL},
    {"at", 0, NULL},
    {"seconds", COLUMN_RIGHT, NULL},
    {"argv", COLUMN_JSON_ONLY, NULL},
    {NULL, 0, NULL},
};

static struct output *open_output(enum output_format format)
{
    return output_open(format, columns);
}

static void add_full_row(struct output *output)
{
    output_row(output);
    output_text(output, "id-1");
    output_text(output, "a \"b\"\n\xc3\xa4");
    output_number(output, 2);
    output_bool(output, true);
    output_int(output, 1234567890123);
    output_time(output, "2026-01-31 08:00:00.123457+00");
    output_seconds(output, 1.23456);
    output_json(output, "[\"x\"]");
}

static void add_empty_row(struct output *output)
{
    output_row(output);
    output_text(output, NULL);
    output_text(output, "zero");
    output_number(output, 0);
    output_bool(output, false);
    output_int(output, -1);
    output_time(output, NULL);
    output_seconds(output, 0);
    output_json(output, NULL);
}

/* What `close` prints on standard output; the caller's (free()). */
static char *printed(struct output *output, void (*close_output)(struct output *))
{
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    char block[4096];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    close_output(output);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    rewind(file);
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
        buffer_append(&text, block, got);
    fclose(file);
    return buffer_take(&text);
}

TEST(json_has_every_column_with_its_type)
{
    struct output *output = open_output(OUTPUT_JSON);
    add_full_row(output);
    add_empty_row(output);
    _cleanup_free_ char *text = printed(output, output_close);
    assert_string_equal(
        text,
        "[\n  {\"id\": \"id-1\", \"master\": \"a \\\"b\\\"\\u000a\xc3\xa4\", \"instance\": 2, "
        "\"active\": true, \"docs\": 1234567890123, \"at\": \"2026-01-31T08:00:00.123457Z\", "
        "\"seconds\": 1.235, \"argv\": [\"x\"]},\n"
        "  {\"id\": null, \"master\": \"zero\", \"instance\": null, \"active\": false, "
        "\"docs\": null, \"at\": null, \"seconds\": 0.000, \"argv\": null}\n]\n");
    struct error err = {};
    _cleanup_(json_freep) json *parsed = json_parse(text, strlen(text), &err);
    assert_int_equal(json_length(parsed), 2);
}

TEST(json_without_rows_is_an_empty_array)
{
    _cleanup_free_ char *text = printed(open_output(OUTPUT_JSON), output_close);
    assert_string_equal(text, "[]\n");
}

TEST(a_table_shows_what_is_for_people)
{
    struct output *output = open_output(OUTPUT_TABLE);
    add_full_row(output);
    add_empty_row(output);
    _cleanup_free_ char *text = printed(output, output_close);
    char *second = strchr(text, '\n');
    assert_non_null(second);
    *second++ = '\0';
    static const char *const shown[] = {
        "yes", "1234567890123", "2026-01-31T08:00:00Z", "1.2", "zero", "?", "0.0"};
    static const char *const hidden[] = {"id-1", "[\"x\"]", ".123457", "null", "false", "\"b\\\""};
    for (size_t i = 0; columns[i].name; i++) {
        if (columns[i].flags & COLUMN_JSON_ONLY)
            assert_lacks(text, columns[i].name);
        else
            assert_contains(text, columns[i].name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        assert_contains(second, shown[i]);
    for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
        assert_lacks(second, hidden[i]);
}

TEST(a_table_without_rows_is_nothing)
{
    _cleanup_free_ char *text = printed(open_output(OUTPUT_TABLE), output_close);
    assert_string_equal(text, "");
}

TEST(upright_shows_every_column_that_has_something)
{
    static const struct column some[] = {
        {"id", COLUMN_JSON_ONLY, NULL}, {"error", 0, NULL}, {"host", 0, NULL}, {NULL, 0, NULL}};
    struct output *output = output_open(OUTPUT_TABLE, some);
    output_row(output);
    output_text(output, "id-1");
    output_text(output, NULL);
    output_text(output, "h");
    _cleanup_free_ char *text = printed(output, output_close_upright);
    assert_string_equal(text, "id               id-1\nhost             h\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_every_column_with_its_type),
        cmocka_unit_test(json_without_rows_is_an_empty_array),
        cmocka_unit_test(a_table_shows_what_is_for_people),
        cmocka_unit_test(a_table_without_rows_is_nothing),
        cmocka_unit_test(upright_shows_every_column_that_has_something),
    };
    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
