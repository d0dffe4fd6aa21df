/* base/buffer and base/memory */
#include "support.h"

#include "base/memory.h"

TEST(appended_text_is_counted_and_terminated)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(100);
    assert_int_equal(buffer_text(&b, "ab"), 0);
    assert_int_equal(buffer_char(&b, 'c'), 0);
    assert_int_equal(buffer_append(&b, "d\0e", 3), 0);
    assert_int_equal(buffer_printf(&b, "-%d", 42), 0);
    assert_int_equal(b.length, 9);
    assert_memory_equal(buffer_cstr(&b), "abcd\0e-42", 10);
}

TEST(an_untouched_buffer_is_an_empty_text)
{
    struct buffer b = BUFFER(10);
    assert_string_equal(buffer_cstr(&b), "");
    assert_null(b.data);
}

TEST(the_maximum_is_reached_and_not_passed)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(5);
    assert_int_equal(buffer_text(&b, "abcde"), 0);
    assert_false(b.overflow);
    assert_int_equal(buffer_append(&b, "", 0), 0);
    assert_int_equal(buffer_char(&b, 'f'), -1);
    assert_true(b.overflow);
    assert_int_equal(b.length, 5);
    assert_string_equal(buffer_cstr(&b), "abcde");
}

TEST(an_append_that_does_not_fit_leaves_nothing_behind)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(5);
    buffer_text(&b, "abc");
    assert_int_equal(buffer_printf(&b, "%s", "def"), -1);
    assert_string_equal(buffer_cstr(&b), "abc");
    assert_int_equal(b.length, 3);
}

TEST(after_an_overflow_nothing_is_appended_any_more)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(5);
    buffer_text(&b, "abc");
    buffer_text(&b, "def");
    assert_int_equal(buffer_char(&b, 'd'), -1);
    assert_int_equal(buffer_append(&b, "", 0), -1);
    assert_int_equal(buffer_reserve(&b, 1), -1);
    assert_string_equal(buffer_cstr(&b), "abc");
}

TEST(clearing_forgets_the_overflow_and_keeps_the_memory)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(200);
    for (int i = 0; i < 200; i++)
        buffer_char(&b, 'x');
    assert_int_equal(buffer_char(&b, 'x'), -1);
    const char *memory = b.data;
    buffer_clear(&b);
    assert_string_equal(buffer_cstr(&b), "");
    assert_int_equal(b.length, 0);
    assert_int_equal(buffer_text(&b, "again"), 0);
    assert_ptr_equal(b.data, memory);
}

TEST(reserved_room_counts_from_what_is_in_it)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(10);
    buffer_text(&b, "abcdef");
    assert_int_equal(buffer_reserve(&b, 4), 0);
    assert_true(b.capacity >= 11);
    assert_int_equal(b.length, 6);
    assert_int_equal(buffer_reserve(&b, 5), -1);
    assert_true(b.overflow);
}

TEST(an_absurd_length_is_an_overflow)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(1000);
    buffer_text(&b, "abc");
    assert_int_equal(buffer_reserve(&b, SIZE_MAX), -1);
    assert_string_equal(buffer_cstr(&b), "abc");
}

TEST(memory_stays_within_the_maximum)
{
    _cleanup_(buffer_release) struct buffer b = BUFFER(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buffer_char(&b, 'x'), 0);
    assert_true(b.capacity <= 1001);
}

TEST(growing_keeps_what_is_in_it)
{
    enum { COUNT = 30000 };
    _cleanup_(buffer_release) struct buffer b = BUFFER(BUFFER_TEXT_MAX);
    for (int i = 0; i < COUNT; i++)
        buffer_printf(&b, "%04x", i);
    assert_int_equal(b.length, 4 * COUNT);
    for (int i = 0; i < COUNT; i++) {
        char digits[5] = "";
        memcpy(digits, b.data + 4 * (size_t)i, 4);
        assert_int_equal(strtol(digits, NULL, 16), i);
    }
}

TEST(taking_hands_the_text_over)
{
    struct buffer b = BUFFER(5);
    buffer_text(&b, "abc");
    buffer_text(&b, "too long");
    _cleanup_free_ char *taken = buffer_take(&b);
    assert_string_equal(taken, "abc");
    assert_null(b.data);
    assert_int_equal(b.length, 0);
    assert_false(b.overflow);

    assert_int_equal(buffer_text(&b, "12345"), 0);
    assert_int_equal(buffer_char(&b, '6'), -1);
    assert_string_equal(taken, "abc");
    buffer_release(&b);
}

TEST(taking_from_an_untouched_buffer_gives_an_empty_text)
{
    struct buffer b = BUFFER(5);
    _cleanup_free_ char *taken = buffer_take(&b);
    assert_string_equal(taken, "");
}

TEST(a_released_buffer_keeps_its_maximum)
{
    struct buffer b = BUFFER(3);
    buffer_text(&b, "abc");
    buffer_release(&b);
    assert_null(b.data);
    assert_int_equal(buffer_text(&b, "abcd"), -1);
    assert_int_equal(b.maximum, 3);
    buffer_release(&b);
}

TEST(a_list_grows_and_keeps_its_elements)
{
    size_t capacity = 0;
    _cleanup_free_ int *list = NULL;
    for (int i = 0; i < 1000; i++) {
        list = x_grow(list, (size_t)i, &capacity, sizeof(*list));
        assert_true(capacity > (size_t)i);
        list[i] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(list[i], i);
    assert_true(capacity < 3000);
}

TEST(a_list_with_room_is_not_moved)
{
    size_t capacity = 0;
    _cleanup_free_ char *list = x_grow(NULL, 0, &capacity, 1);
    const char *before = list;
    size_t room = capacity;
    list = x_grow(list, room - 1, &capacity, 1);
    assert_ptr_equal(list, before);
    assert_int_equal(capacity, room);
}

TEST(copies_of_no_text_are_no_text)
{
    assert_null(x_strdup(NULL));
    assert_null(x_strndup(NULL, 3));
    _cleanup_free_ char *part = x_strndup("abcdef", 3);
    assert_string_equal(part, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_text_is_counted_and_terminated),
        cmocka_unit_test(an_untouched_buffer_is_an_empty_text),
        cmocka_unit_test(the_maximum_is_reached_and_not_passed),
        cmocka_unit_test(an_append_that_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(after_an_overflow_nothing_is_appended_any_more),
        cmocka_unit_test(clearing_forgets_the_overflow_and_keeps_the_memory),
        cmocka_unit_test(reserved_room_counts_from_what_is_in_it),
        cmocka_unit_test(an_absurd_length_is_an_overflow),
        cmocka_unit_test(memory_stays_within_the_maximum),
        cmocka_unit_test(growing_keeps_what_is_in_it),
        cmocka_unit_test(taking_hands_the_text_over),
        cmocka_unit_test(taking_from_an_untouched_buffer_gives_an_empty_text),
        cmocka_unit_test(a_released_buffer_keeps_its_maximum),
        cmocka_unit_test(a_list_grows_and_keeps_its_elements),
        cmocka_unit_test(a_list_with_room_is_not_moved),
        cmocka_unit_test(copies_of_no_text_are_no_text),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
