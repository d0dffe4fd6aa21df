/* domain/mapping and domain/difference */
#include "support.h"

#include <string.h>

#include "base/cleanup.h"
#include "domain/difference.h"
#include "domain/mapping.h"

static json *parsed(const char *text)
{
    _cleanup_(error_release) struct error err = {};
    json *value = json_parse(text, strlen(text), &err);
    assert_non_null(value);
    return value;
}

static void compare(const char *before, const char *after, struct mapping_changes *changes)
{
    _cleanup_(json_freep) json *a = parsed(before);
    _cleanup_(json_freep) json *b = parsed(after);
    mapping_compare(a, b, changes);
}

static void equal_mappings_have_no_changes(void **state)
{
    struct mapping_changes changes = {};
    (void)state;
    compare("{\"dynamic\":\"strict\",\"properties\":{\"a\":{\"type\":\"text\",\"x\":1}}}",
            "{\"properties\":{\"a\":{\"x\":1,\"type\":\"text\"}},\"dynamic\":\"strict\"}",
            &changes);
    assert_int_equal(changes.count, 0);
    compare("{}", "{\"properties\":{}}", &changes);
    assert_int_equal(changes.count, 0);
    mapping_changes_release(&changes);
}

static void a_field_inside_another_is_asked_for_with_what_is_around_it(void **state)
{
    struct mapping_changes changes = {};
    (void)state;
    compare(
        "{\"properties\":{\"n\":{\"type\":\"nested\",\"properties\":{\"a\":{\"type\":\"text\"}}}}}",
        "{\"properties\":{\"n\":{\"type\":\"nested\",\"properties\":{\"a\":{\"type\":\"text\"},"
        "\"b\":{\"type\":\"keyword\"}}}}}",
        &changes);
    assert_int_equal(changes.count, 1);
    assert_string_equal(changes.list[0].path, "n.b");
    assert_null(changes.list[0].before);
    assert_string_equal(changes.list[0].after, "{\"type\":\"keyword\"}");
    _cleanup_(json_freep) json *request = parsed(changes.list[0].request);
    _cleanup_free_ char *canonical = json_canonical(request);
    assert_string_equal(canonical, "{\"properties\":{\"n\":{\"properties\":{\"b\":{\"type\":"
                                   "\"keyword\"}},\"type\":\"nested\"}}}");
    mapping_changes_release(&changes);
}

static void what_is_taken_away_has_no_request(void **state)
{
    struct mapping_changes changes = {};
    (void)state;
    compare("{\"dynamic\":\"false\",\"properties\":{\"a\":{\"type\":\"text\"}}}",
            "{\"properties\":{}}", &changes);
    assert_int_equal(changes.count, 2);
    for (size_t i = 0; i < changes.count; i++) {
        assert_null(changes.list[i].after);
        assert_null(changes.list[i].request);
    }
    mapping_changes_release(&changes);
}

static void an_object_and_the_fields_in_it_change_apart(void **state)
{
    struct mapping_changes changes = {};
    (void)state;
    compare("{\"properties\":{\"o\":{\"dynamic\":\"true\",\"properties\":{\"a\":{\"type\":\"text\"}"
            "}}}}",
            "{\"properties\":{\"o\":{\"dynamic\":\"false\",\"properties\":{\"a\":{\"type\":"
            "\"long\"}}}}}",
            &changes);
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.list[0].path, "o");
    assert_string_equal(changes.list[0].after, "{\"dynamic\":\"false\"}");
    assert_string_equal(changes.list[1].path, "o.a");

    _cleanup_(json_freep) json *half = parsed("{\"properties\":{\"o\":{\"dynamic\":\"false\","
                                              "\"properties\":{\"a\":{\"type\":\"text\"}}}}}");
    assert_true(mapping_has(half, &changes.list[0]));
    assert_false(mapping_has(half, &changes.list[1]));
    mapping_changes_release(&changes);
}

static void esmigrates_mark_is_left_out_and_the_rest_of_meta_is_not(void **state)
{
    (void)state;
    _cleanup_(json_freep) json *marked =
        parsed("{\"_meta\":{\"esmigrate\":{\"action\":\"x\"},\"owner\":\"o\"}}");
    _cleanup_(json_freep) json *clean = mapping_without_mark(marked);
    _cleanup_free_ char *text = json_canonical(clean);
    assert_string_equal(text, "{\"_meta\":{\"owner\":\"o\"}}");
    _cleanup_(json_freep) json *only = parsed("{\"_meta\":{\"esmigrate\":{\"action\":\"x\"}}}");
    _cleanup_(json_freep) json *empty = mapping_without_mark(only);
    _cleanup_free_ char *nothing = json_canonical(empty);
    assert_string_equal(nothing, "{}");
    _cleanup_(json_freep) json *none = mapping_without_mark(NULL);
    assert_true(json_is_object(none));
}

static void differences_are_named_by_their_place(void **state)
{
    struct differences differences = {};
    (void)state;
    _cleanup_(json_freep) json *a = parsed("{\"a\":{\"b\":1,\"c\":[1,2]},\"d\":{\"x\":1}}");
    _cleanup_(json_freep) json *b = parsed("{\"a\":{\"b\":2,\"c\":[1,2]},\"e\":null}");
    differences_find(a, b, &differences);
    assert_int_equal(differences.count, 2);
    assert_string_equal(differences.list[0].path, "a.b");
    assert_string_equal(differences.list[0].before, "1");
    assert_string_equal(differences.list[0].after, "2");
    assert_string_equal(differences.list[1].path, "d");
    assert_string_equal(differences.list[1].before, "{\"x\":1}");
    assert_null(differences.list[1].after);
    differences_release(&differences);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_mappings_have_no_changes),
        cmocka_unit_test(a_field_inside_another_is_asked_for_with_what_is_around_it),
        cmocka_unit_test(what_is_taken_away_has_no_request),
        cmocka_unit_test(an_object_and_the_fields_in_it_change_apart),
        cmocka_unit_test(esmigrates_mark_is_left_out_and_the_rest_of_meta_is_not),
        cmocka_unit_test(differences_are_named_by_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
