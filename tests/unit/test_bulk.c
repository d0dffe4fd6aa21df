/* domain/bulk: building the request */
#include "support.h"

#include <stdio.h>

#include "domain/bulk.h"

static const struct span no_routing = {};

static void check_body(const struct bulk *bulk, const char *wanted)
{
    assert_int_equal(bulk->body.length, strlen(wanted));
    assert_string_equal(buffer_cstr(&bulk->body), wanted);
}

static void check_item(const struct bulk *bulk, size_t number, enum bulk_kind kind, const char *id,
                       const char *lines)
{
    const struct bulk_item *item = &bulk->items[number];
    _cleanup_free_ char *own_id = bulk_item_id(bulk, number);
    assert_int_equal(item->kind, kind);
    assert_string_equal(own_id, id);
    assert_int_equal(item->length, strlen(lines));
    assert_memory_equal(bulk->body.data + item->offset, lines, item->length);
}

static void add_document(struct bulk *bulk, const char *id, const char *document)
{
    assert_int_equal(bulk_add_document(bulk, span_of(id), no_routing, 7, span_of(document)), 0);
}

TEST(a_document_is_two_lines)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    assert_int_equal(
        bulk_add_document(&bulk, span_of("42"), no_routing, 1764000000123457, span_of("{\"a\":1}")),
        0);
    check_body(&bulk, "{\"index\":{\"_id\":\"42\",\"version\":1764000000123457,"
                      "\"version_type\":\"external_gte\"}}\n{\"a\":1}\n");
}

TEST(a_row_is_written_as_its_object)
{
    _cleanup_(bulk_release) struct bulk bulk;
    _cleanup_(json_shape_release) struct json_shape shape = {};
    bulk_init(&bulk, 10000);
    json_shape_add(&shape, "a", JSON_FORM_INT4);
    json_shape_add(&shape, "b", JSON_FORM_JSON);
    const struct span values[] = {{"\0\0\0\1", 4}, span_of("[\n]")};
    const struct json_row row = {&shape, values};
    add_document(&bulk, "1", "{}");
    assert_int_equal(bulk_add_row(&bulk, span_of("2"), span_of("r"), 8, &row), 0);
    check_item(&bulk, 1, BULK_INDEX, "2",
               "{\"index\":{\"_id\":\"2\",\"routing\":\"r\",\"version\":8,"
               "\"version_type\":\"external_gte\"}}\n{\"a\":1,\"b\":[ ]}\n");
    struct span document = bulk_last_document(&bulk);
    assert_int_equal(document.length, strlen("{\"a\":1,\"b\":[ ]}"));
    assert_memory_equal(document.data, "{\"a\":1,\"b\":[ ]}", document.length);
    bulk_drop_last(&bulk);
    add_document(&bulk, "3", "{}");
    check_body(&bulk,
               "{\"index\":{\"_id\":\"1\",\"version\":7,\"version_type\":\"external_gte\"}}\n{}\n"
               "{\"index\":{\"_id\":\"3\",\"version\":7,\"version_type\":\"external_gte\"}}\n{}\n");
    check_item(&bulk, 1, BULK_INDEX, "3",
               "{\"index\":{\"_id\":\"3\",\"version\":7,\"version_type\":\"external_gte\"}}\n{}\n");
}

TEST(a_delete_is_one_line)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    assert_int_equal(bulk_add_delete(&bulk, span_of("42"), no_routing, 9), 0);
    check_body(&bulk,
               "{\"delete\":{\"_id\":\"42\",\"version\":9,\"version_type\":\"external_gte\"}}\n");
}

TEST(routing_stands_in_the_action_line)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    bulk_add_document(&bulk, span_of("1"), span_of("a\"b"), 9, span_of("{}"));
    bulk_add_delete(&bulk, span_of("2"), span_of(""), 9);
    check_body(&bulk, "{\"index\":{\"_id\":\"1\",\"routing\":\"a\\\"b\",\"version\":9,"
                      "\"version_type\":\"external_gte\"}}\n{}\n"
                      "{\"delete\":{\"_id\":\"2\",\"routing\":\"\",\"version\":9,"
                      "\"version_type\":\"external_gte\"}}\n");
}

TEST(ids_are_escaped_and_kept_as_they_came)
{
    static const char id[] = "a\"b\\c/\n\x01\xc3\xa4 {}";
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    add_document(&bulk, id, "{}");
    check_item(&bulk, 0, BULK_INDEX, id,
               "{\"index\":{\"_id\":\"a\\\"b\\\\c/\\u000a\\u0001\xc3\xa4 {}\",\"version\":7,"
               "\"version_type\":\"external_gte\"}}\n{}\n");
}

TEST(an_id_is_not_read_beyond_its_length)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    bulk_add_document(&bulk, (struct span){"abcdef", 3}, (struct span){"xyz", 1}, 7,
                      (struct span){"{}{}", 2});
    check_item(&bulk, 0, BULK_INDEX, "abc",
               "{\"index\":{\"_id\":\"abc\",\"routing\":\"x\",\"version\":7,"
               "\"version_type\":\"external_gte\"}}\n{}\n");
}

TEST(line_breaks_in_a_document_become_spaces)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    const char head[] =
        "{\"index\":{\"_id\":\"1\",\"version\":7,\"version_type\":\"external_gte\"}}\n";
    _cleanup_(buffer_release) struct buffer wanted = BUFFER(1000);
    add_document(&bulk, "1", "\n{\"a\":\r\n\"\\n\",\n\n\"b\":1\r}\n");
    buffer_printf(&wanted, "%s {\"a\":  \"\\n\",  \"b\":1 } \n", head);
    check_body(&bulk, buffer_cstr(&wanted));

    /* The items before stay as they are. */
    add_document(&bulk, "1", "\n");
    buffer_printf(&wanted, "%s \n", head);
    check_body(&bulk, buffer_cstr(&wanted));
}

TEST(items_know_their_places)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 100000);
    size_t expected = 0;
    for (int i = 0; i < 200; i++) {
        char id[16], document[32];
        snprintf(id, sizeof(id), "%d", i);
        snprintf(document, sizeof(document), "{\"n\":%d}", i);
        add_document(&bulk, id, document);
        assert_int_equal(bulk.items[i].offset, expected);
        expected += bulk.items[i].length;
    }
    assert_int_equal(bulk.count, 200);
    assert_int_equal(bulk.body.length, expected);
    check_item(&bulk, 123, BULK_INDEX, "123",
               "{\"index\":{\"_id\":\"123\",\"version\":7,\"version_type\":\"external_gte\"}}\n"
               "{\"n\":123}\n");
}

/* The bytes of a body with one document of that id and text. */
static size_t size_of_item(const char *id, const char *document)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 10000);
    add_document(&bulk, id, document);
    return bulk.body.length;
}

TEST(a_body_is_filled_to_its_last_byte)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 2 * size_of_item("1", "{\"a\":1}"));
    add_document(&bulk, "1", "{\"a\":1}");
    add_document(&bulk, "2", "{\"a\":1}");
    assert_int_equal(bulk.count, 2);
}

TEST(a_full_body_takes_back_the_item)
{
    static const char document[] = "{\"a\":1}";
    size_t size = size_of_item("1", document);
    /* Whichever piece of the second item it is that no longer fits. */
    for (size_t room = size; room < 2 * size; room++) {
        _cleanup_(bulk_release) struct bulk bulk;
        bulk_init(&bulk, room);
        add_document(&bulk, "1", document);
        assert_int_equal(bulk_add_document(&bulk, span_of("2"), no_routing, 7, span_of(document)),
                         -1);
        assert_int_equal(bulk.count, 1);
        assert_int_equal(bulk.body.length, size);
        assert_int_equal(bulk.ids.length, 1);
        check_item(&bulk, 0, BULK_INDEX, "1",
                   "{\"index\":{\"_id\":\"1\",\"version\":7,\"version_type\":\"external_gte\"}}\n"
                   "{\"a\":1}\n");
    }
}

TEST(after_a_full_body_a_smaller_item_fits)
{
    size_t size = size_of_item("1", "{}");
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 2 * size);
    add_document(&bulk, "1", "{}");
    assert_int_equal(
        bulk_add_document(&bulk, span_of("22"), no_routing, 7, span_of("{\"long\":true}")), -1);
    add_document(&bulk, "3", "{}");
    assert_int_equal(bulk.count, 2);
    check_item(&bulk, 1, BULK_INDEX, "3",
               "{\"index\":{\"_id\":\"3\",\"version\":7,\"version_type\":\"external_gte\"}}\n{}\n");
}

TEST(what_is_taken_back_leaves_the_texts_terminated)
{
    size_t size = size_of_item("1", "{}");
    for (size_t room = size; room < 2 * size; room++) {
        _cleanup_(bulk_release) struct bulk bulk;
        bulk_init(&bulk, room);
        add_document(&bulk, "1", "{}");
        assert_int_equal(bulk_add_document(&bulk, span_of("2"), no_routing, 7, span_of("{}")), -1);
        assert_int_equal(strlen(buffer_cstr(&bulk.body)), size);
        assert_int_equal(strlen(buffer_cstr(&bulk.ids)), 1);
    }
}

TEST(an_id_larger_than_the_body_is_taken_back)
{
    char id[300];
    memset(id, 'x', sizeof(id));
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 200);
    assert_int_equal(bulk_add_delete(&bulk, (struct span){id, sizeof(id)}, no_routing, 7), -1);
    assert_int_equal(bulk.count, 0);
    assert_int_equal(bulk.ids.length, 0);
    add_document(&bulk, "1", "{}");
}

TEST(a_cleared_bulk_is_filled_anew)
{
    _cleanup_(bulk_release) struct bulk bulk;
    bulk_init(&bulk, 1000);
    add_document(&bulk, "1", "{\"a\":1}");
    bulk_clear(&bulk);
    assert_int_equal(bulk.count, 0);
    assert_int_equal(bulk_add_delete(&bulk, span_of("2"), no_routing, 3), 0);
    assert_int_equal(bulk.items[0].offset, 0);
    check_item(&bulk, 0, BULK_DELETE, "2",
               "{\"delete\":{\"_id\":\"2\",\"version\":3,\"version_type\":\"external_gte\"}}\n");
}

TEST(an_item_is_copied_as_it_stands)
{
    _cleanup_(bulk_release) struct bulk from, to;
    bulk_init(&from, 1000);
    bulk_init(&to, 1000);
    add_document(&from, "1", "{\"a\":1}");
    bulk_add_delete(&from, span_of("t\"wo"), span_of("r"), 3);
    add_document(&from, "3", "{\n}");
    assert_int_equal(bulk_add_item(&to, &from, 2), 0);
    assert_int_equal(bulk_add_item(&to, &from, 1), 0);
    assert_int_equal(to.count, 2);
    check_item(&to, 0, BULK_INDEX, "3",
               "{\"index\":{\"_id\":\"3\",\"version\":7,\"version_type\":\"external_gte\"}}\n"
               "{ }\n");
    check_item(&to, 1, BULK_DELETE, "t\"wo",
               "{\"delete\":{\"_id\":\"t\\\"wo\",\"routing\":\"r\",\"version\":3,"
               "\"version_type\":\"external_gte\"}}\n");
}

TEST(a_copy_that_does_not_fit_is_taken_back)
{
    _cleanup_(bulk_release) struct bulk from, to;
    bulk_init(&from, 1000);
    add_document(&from, "1", "{\"a\":1}");
    bulk_init(&to, from.body.length - 1);
    assert_int_equal(bulk_add_item(&to, &from, 0), -1);
    assert_int_equal(to.count, 0);
    assert_int_equal(to.body.length, 0);
    assert_int_equal(to.ids.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_two_lines),
        cmocka_unit_test(a_row_is_written_as_its_object),
        cmocka_unit_test(a_delete_is_one_line),
        cmocka_unit_test(routing_stands_in_the_action_line),
        cmocka_unit_test(ids_are_escaped_and_kept_as_they_came),
        cmocka_unit_test(an_id_is_not_read_beyond_its_length),
        cmocka_unit_test(line_breaks_in_a_document_become_spaces),
        cmocka_unit_test(items_know_their_places),
        cmocka_unit_test(a_body_is_filled_to_its_last_byte),
        cmocka_unit_test(a_full_body_takes_back_the_item),
        cmocka_unit_test(after_a_full_body_a_smaller_item_fits),
        cmocka_unit_test(what_is_taken_back_leaves_the_texts_terminated),
        cmocka_unit_test(an_id_larger_than_the_body_is_taken_back),
        cmocka_unit_test(a_cleared_bulk_is_filled_anew),
        cmocka_unit_test(an_item_is_copied_as_it_stands),
        cmocka_unit_test(a_copy_that_does_not_fit_is_taken_back),
    };
    return cmocka_run_group_tests_name("bulk", tests, NULL, NULL);
}
