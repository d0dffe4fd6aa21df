/* clients/gzip */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "clients/gzip.h"

/* What a reader of gzip makes of it. */
static void check_unpacked(const struct buffer *packed, const void *data, size_t length)
{
    enum { ANY_GZIP = 15 + 16 };
    unsigned char *text = malloc(length + 1);
    z_stream stream = {
        .next_in = (Bytef *)packed->data,
        .avail_in = (uInt)packed->length,
        .next_out = text,
        .avail_out = (uInt)length + 1,
    };
    assert_int_equal(inflateInit2(&stream, ANY_GZIP), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, length);
    assert_int_equal(stream.avail_in, 0);
    assert_memory_equal(text, data, length);
    inflateEnd(&stream);
    free(text);
}

TEST(what_was_packed_is_unpacked_the_same)
{
    _cleanup_(gzip_closep) struct gzip *gzip = gzip_open();
    _cleanup_(buffer_release) struct buffer packed = BUFFER(0);
    static const size_t lengths[] = {0, 1, 100, 70000, 5000000, 100};
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        unsigned char *data = malloc(lengths[i] + 1);
        unsigned int value = 1;
        for (size_t j = 0; j < lengths[i]; j++) /* half of it does not compress */
            data[j] = j % 2 ? 'x' : (unsigned char)((value = value * 1103515245 + 12345) >> 16);
        gzip_pack(gzip, data, lengths[i], &packed);
        check_unpacked(&packed, data, lengths[i]);
        free(data);
    }
}

TEST(repetition_becomes_small)
{
    _cleanup_(gzip_closep) struct gzip *gzip = gzip_open();
    _cleanup_(buffer_release) struct buffer packed = BUFFER(0);
    static char data[100000];
    memset(data, 'a', sizeof(data));
    gzip_pack(gzip, data, sizeof(data), &packed);
    assert_true(packed.length < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_packed_is_unpacked_the_same),
        cmocka_unit_test(repetition_becomes_small),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
