/* base/secrets (rule R10) */
#include "support.h"

#include "base/secrets.h"

/* What is left of a text when these secrets, up to three, are known. */
static char *mask(const char *const secrets[3], const char *text)
{
    _cleanup_(secrets_release) struct secrets known = {};
    for (size_t i = 0; i < 3; i++)
        secrets_add(&known, secrets[i]);
    return secrets_mask(&known, text);
}

static void check(const char *const secrets[3], const char *text, const char *wanted)
{
    _cleanup_free_ char *masked = mask(secrets, text);
    assert_string_equal(masked, wanted);
}

TEST(a_secret_is_masked_wherever_it_stands)
{
    const char *const secrets[3] = {"s3cret"};
    check(secrets, "s3cret", "***");
    check(secrets, "s3cret at both ends s3cret", "*** at both ends ***");
    check(secrets, "s3crets3cret", "******");
    check(secrets, "s3s3cretcret", "s3***cret");
    check(secrets, "S3cret and s3cre", "S3cret and s3cre");
    check(secrets, "", "");
}

TEST(a_secret_in_base64_is_masked)
{
    /* "elastic:changeme", as the Authorization header has it */
    const char *const secrets[3] = {"elastic:changeme"};
    check(secrets, "Authorization: Basic ZWxhc3RpYzpjaGFuZ2VtZQ==, was quoted",
          "Authorization: Basic ***, was quoted");
}

TEST(a_percent_encoded_secret_is_masked)
{
    const char *const secrets[3] = {"p@ss/w\xc3\xb6rd ~x"};
    check(secrets, "http://u:p%40ss%2Fw%C3%B6rd%20~x@host:9200", "http://u:***@host:9200");
}

TEST(a_secret_that_is_encoded_in_part_is_masked)
{
    const char *const secrets[3] = {"p@ss:w%rd", "%25", "ab/c"};
    check(secrets, "u:p%40ss:w%25rd@", "u:***@");
    check(secrets, "u:%70%40ss%3aw%25r%64@", "u:***@");
    check(secrets, "%25 and %2525", "*** and ***");
    check(secrets, "YWIvYw== and YWIvYw%3D%3d", "*** and ***");
    check(secrets, "%4 %4g ab/%63 %", "%4 %4g *** %");
}

TEST(a_secret_that_is_not_utf8_is_masked_before_and_after_it_is_made_so)
{
    const char *const secrets[3] = {"k\xe4senot"};
    check(secrets, "k\xe4senot k?senot k%E4senot", "*** *** ***");
}

TEST(percent_encoding_with_lower_case_digits_is_masked)
{
    const char *const secrets[3] = {"p@ss/w\xc3\xb6rd"};
    check(secrets, "http://u:p%40ss%2fw%c3%b6rd@host:9200", "http://u:***@host:9200");
}

TEST(the_longest_of_several_secrets_is_masked)
{
    const char *const short_first[3] = {"secret", "secret-of-mine", "secret-of"};
    const char *const long_first[3] = {"secret-of-mine", "secret-of", "secret"};
    const char text[] = "secret-of-mine, secret-of yours, secret";
    check(short_first, text, "***, *** yours, ***");
    check(long_first, text, "***, *** yours, ***");
}

TEST(a_secret_inside_another_one_is_masked_alone_too)
{
    const char *const secrets[3] = {"user:word", "word"};
    check(secrets, "user:word or word or user:", "*** or *** or user:");
}

TEST(secrets_that_overlap_leave_no_piece)
{
    const char *const secrets[3] = {"mytoken", "kenobi-is-the-key"};
    _cleanup_free_ char *masked = mask(secrets, "[mytokenobi-is-the-key]");
    assert_lacks(masked, "my");
    assert_lacks(masked, "obi");
    assert_lacks(masked, "key");
    assert_int_equal(masked[0], '[');
    assert_int_equal(masked[strlen(masked) - 1], ']');
}

TEST(texts_too_short_for_a_secret_are_ignored)
{
    const char *const secrets[3] = {"", "ab", NULL};
    check(secrets, "abracadabra", "abracadabra");
    const char *const three[3] = {"abr"};
    check(three, "abracadabra", "***acad***a");
}

TEST(a_secret_is_remembered_once)
{
    _cleanup_(secrets_release) struct secrets known = {};
    secrets_add(&known, "plain");
    size_t count = known.count;
    assert_in_range(count, 2, 3);
    secrets_add(&known, "plain");
    assert_int_equal(known.count, count);
}

TEST(many_secrets_are_remembered)
{
    _cleanup_(secrets_release) struct secrets known = {};
    char secret[] = "secret-000";
    for (int i = 0; i < 100; i++) {
        secret[8] = (char)('0' + i / 10);
        secret[9] = (char)('0' + i % 10);
        secrets_add(&known, secret);
    }
    for (int i = 0; i < 100; i++) {
        secret[8] = (char)('0' + i / 10);
        secret[9] = (char)('0' + i % 10);
        _cleanup_free_ char *masked = secrets_mask(&known, secret);
        assert_string_equal(masked, "***");
    }
}

TEST(without_secrets_a_text_stays)
{
    struct secrets none = {};
    _cleanup_free_ char *masked = secrets_mask(&none, "any *** text");
    assert_string_equal(masked, "any *** text");
    assert_null(secrets_mask(&none, NULL));
}

TEST(released_secrets_are_forgotten)
{
    struct secrets known = {};
    secrets_add(&known, "s3cret");
    secrets_release(&known);
    _cleanup_free_ char *masked = secrets_mask(&known, "s3cret");
    assert_string_equal(masked, "s3cret");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_masked_wherever_it_stands),
        cmocka_unit_test(a_secret_in_base64_is_masked),
        cmocka_unit_test(a_percent_encoded_secret_is_masked),
        cmocka_unit_test(a_secret_that_is_encoded_in_part_is_masked),
        cmocka_unit_test(a_secret_that_is_not_utf8_is_masked_before_and_after_it_is_made_so),
        cmocka_unit_test(percent_encoding_with_lower_case_digits_is_masked),
        cmocka_unit_test(the_longest_of_several_secrets_is_masked),
        cmocka_unit_test(a_secret_inside_another_one_is_masked_alone_too),
        cmocka_unit_test(secrets_that_overlap_leave_no_piece),
        cmocka_unit_test(texts_too_short_for_a_secret_are_ignored),
        cmocka_unit_test(a_secret_is_remembered_once),
        cmocka_unit_test(many_secrets_are_remembered),
        cmocka_unit_test(without_secrets_a_text_stays),
        cmocka_unit_test(released_secrets_are_forgotten),
    };
    return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
