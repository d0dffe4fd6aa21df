/* base/digest: the vectors of FIPS 180-2 and RFC 4648, and a keyed hash */
#include "support.h"

#include "base/digest.h"
#include "base/memory.h"

static void check_sha256(const void *data, size_t length, const char *wanted)
{
    char hex[SHA256_HEX_SIZE];
    memset(hex, 'x', sizeof(hex));
    sha256_hex(data, length, hex);
    assert_string_equal(hex, wanted);
}

TEST(sha256_of_the_standard_vectors)
{
    const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    check_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256(two_blocks, strlen(two_blocks),
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256_of_a_million_letters)
{
    enum { MILLION = 1000000 };
    _cleanup_free_ char *text = x_malloc(MILLION);
    memset(text, 'a', MILLION);
    check_sha256(text, MILLION, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(base64_of_the_standard_vectors)
{
    static const char *const vectors[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
    };
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        _cleanup_free_ char *coded = base64(vectors[i][0], strlen(vectors[i][0]));
        assert_string_equal(coded, vectors[i][1]);
    }
}

TEST(base64_of_bytes_that_are_no_text)
{
    _cleanup_free_ char *coded = base64("\xff\xff\xfe\0\x10", 5);
    assert_string_equal(coded, "///+ABA=");
}

TEST(a_keyed_hash_is_the_same_for_the_same_pair_alone)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(keyed_hash_closep) struct keyed_hash *hash = NULL, *other = NULL;
    struct span none = {};
    assert_int_equal(keyed_hash_open(&hash, &err), 0);
    assert_int_equal(keyed_hash_open(&other, &err), 0);
    uint64_t value = keyed_hash(hash, span_of("ab"), span_of("c"));
    assert_true(value == keyed_hash(hash, span_of("ab"), span_of("c")));
    assert_true(value != keyed_hash(hash, span_of("a"), span_of("bc")));
    assert_true(value != keyed_hash(hash, span_of("abc"), none));
    assert_true(value != keyed_hash(hash, span_of("ab"), span_of("")));
    assert_true(value != keyed_hash(other, span_of("ab"), span_of("c")));
    assert_true(keyed_hash(hash, span_of(""), none) != keyed_hash(hash, span_of(""), span_of("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_the_standard_vectors),
        cmocka_unit_test(sha256_of_a_million_letters),
        cmocka_unit_test(base64_of_the_standard_vectors),
        cmocka_unit_test(base64_of_bytes_that_are_no_text),
        cmocka_unit_test(a_keyed_hash_is_the_same_for_the_same_pair_alone),
    };
    return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
