/* clients/copy_reader: the binary COPY format, byte by byte */
#include "support.h"

#include "clients/copy_reader.h"

/* Signature, no flags, no extension. */
#define HEADER "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
#define TRAILER "\xff\xff"

/* A text constant with its bytes counted, those that are NUL too. */
#define BYTES(text) text, sizeof(text) - 1

/* A message in memory of its own size, so that a sanitizer sees a read beyond it. */
static char *give(struct copy_reader *reader, const char *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    copy_reader_give(reader, copy, length);
    return copy;
}

static void check_field(struct span field, const char *wanted)
{
    if (!wanted) {
        assert_null(field.data);
        return;
    }
    assert_non_null(field.data);
    assert_int_equal(field.length, strlen(wanted));
    assert_memory_equal(field.data, wanted, field.length);
}

TEST(rows_are_read_message_by_message)
{
    struct copy_reader reader = {};
    struct span fields[2];
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_MORE);

    _cleanup_free_ char *first = give(&reader, BYTES(HEADER "\0\2\0\0\0\2id\0\0\0\3abc"));
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_ROW);
    check_field(fields[0], "id");
    check_field(fields[1], "abc");
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_MORE);

    _cleanup_free_ char *second = give(&reader, BYTES("\0\2\0\0\0\0\xff\xff\xff\xff"));
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_ROW);
    check_field(fields[0], "");
    check_field(fields[1], NULL);
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_MORE);

    _cleanup_free_ char *last = give(&reader, BYTES(TRAILER));
    assert_int_equal(copy_reader_next(&reader, fields, 2), COPY_TRAILER);
}

TEST(a_message_may_have_several_rows)
{
    struct copy_reader reader = {};
    struct span fields[1];
    _cleanup_free_ char *message =
        give(&reader, BYTES(HEADER "\0\1\0\0\0\1a\0\1\0\0\0\1b" TRAILER));
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    check_field(fields[0], "a");
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    check_field(fields[0], "b");
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_TRAILER);
}

TEST(a_header_alone_asks_for_more)
{
    struct copy_reader reader = {};
    struct span fields[1];
    _cleanup_free_ char *header = give(&reader, BYTES(HEADER));
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_MORE);
    _cleanup_free_ char *row = give(&reader, BYTES("\0\1\0\0\0\1a"));
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    check_field(fields[0], "a");
}

TEST(an_extension_of_the_header_is_skipped)
{
    struct copy_reader reader = {};
    struct span fields[1];
    _cleanup_free_ char *message =
        give(&reader, BYTES("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\5xxxxx\0\1\0\0\0\1a"));
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    check_field(fields[0], "a");
}

TEST(null_bytes_in_a_field_are_kept)
{
    struct copy_reader reader = {};
    struct span fields[1];
    _cleanup_free_ char *message = give(&reader, BYTES(HEADER "\0\1\0\0\0\4\0\0\0\7"));
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    assert_int_equal(fields[0].length, 4);
    assert_memory_equal(fields[0].data, "\0\0\0\7", 4);
}

TEST(a_field_larger_than_64_kib_is_read)
{
    enum { SIZE = 70000 };
    struct copy_reader reader = {};
    struct span fields[1];
    _cleanup_(buffer_release) struct buffer text = BUFFER(100000);
    buffer_append(&text, BYTES(HEADER "\0\1\0\1\x11\x70")); /* 0x11170 = 70000 */
    for (int i = 0; i < SIZE; i++)
        buffer_char(&text, (char)('a' + i % 26));
    _cleanup_free_ char *message = give(&reader, text.data, text.length);
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_ROW);
    assert_int_equal(fields[0].length, SIZE);
    assert_int_equal(fields[0].data[SIZE - 1], 'a' + (SIZE - 1) % 26);
    assert_int_equal(copy_reader_next(&reader, fields, 1), COPY_MORE);
}

TEST(what_copy_does_not_write_is_broken)
{
    static const struct {
        const char *bytes;
        size_t length;
    } rows[] = {
        {BYTES("PGCOPY\n\xff\r\n\1\0\0\0\0\0\0\0\0\0\1\0\0\0\1a")}, /* another signature */
        {BYTES("id\ttitle\n")},                                     /* text format */
        {BYTES("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\x7fxxxxx")},       /* extension too long */
        {BYTES(HEADER "\0\2\0\0\0\1a\0\0\0\1b")},                   /* a column too many */
        {BYTES(HEADER "\0\0")},                                     /* none */
        {BYTES(HEADER "\0\1\0\0\0\5abcd")},                         /* field too long */
        {BYTES(HEADER "\0\1\x7f\xff\xff\xff"
                      "abcd")},
        {BYTES(HEADER "\0\1\xff\xff\xff\xfe")}, /* a length of -2 */
        {BYTES(HEADER "\0\1\x80\0\0\0")},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct copy_reader reader = {};
        struct span fields[1];
        _cleanup_free_ char *message = give(&reader, rows[i].bytes, rows[i].length);
        if (copy_reader_next(&reader, fields, 1) != COPY_BROKEN)
            fail_msg("accepted: row %zu", i);
    }
}

TEST(a_cut_message_is_never_a_row)
{
    static const char whole[] = HEADER "\0\2\0\0\0\2id\xff\xff\xff\xff";
    for (size_t length = 0; length < sizeof(whole) - 1; length++) {
        struct copy_reader reader = {};
        struct span fields[2];
        _cleanup_free_ char *message = give(&reader, whole, length);
        enum copy_state wanted =
            length == 0 || length == sizeof(HEADER) - 1 ? COPY_MORE : COPY_BROKEN;
        assert_int_equal(copy_reader_next(&reader, fields, 2), wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_message_by_message),
        cmocka_unit_test(a_message_may_have_several_rows),
        cmocka_unit_test(a_header_alone_asks_for_more),
        cmocka_unit_test(an_extension_of_the_header_is_skipped),
        cmocka_unit_test(null_bytes_in_a_field_are_kept),
        cmocka_unit_test(a_field_larger_than_64_kib_is_read),
        cmocka_unit_test(what_copy_does_not_write_is_broken),
        cmocka_unit_test(a_cut_message_is_never_a_row),
    };
    return cmocka_run_group_tests_name("copy reader", tests, NULL, NULL);
}
