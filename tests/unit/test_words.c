/* base/utf8 and base/nearest */
#include "support.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"

/* ---- utf8 ---- */

TEST(a_text_is_cut_between_characters)
{
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1, 2, 3, 4, 1 bytes */
    static const size_t wanted[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t length = 0; length < ARRAY_SIZE(wanted); length++)
        assert_int_equal(utf8_cut(text, length), wanted[length]);
}

TEST(bytes_that_are_no_character_become_question_marks)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"plain\n\x01\x7f", "plain\n\x01\x7f"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80", "\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80"},
        {"\xff\xfe", "??"},
        {"a\x80z", "a?z"},
        {"\xc3", "?"}, /* cut off */
        {"\xe2\x82", "??"},
        {"\xf0\x9f\x98", "???"},
        {"\xe2\x82z", "??z"},
        {"\xc0\x80", "??"}, /* overlong */
        {"\xc1\xbf", "??"},
        {"\xe0\x9f\xbf", "???"},
        {"\xf0\x8f\xbf\xbf", "????"},
        {"\xed\xa0\x80", "???"},      /* a surrogate */
        {"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", "????"},
        {"k\xe4se \xc3\xa4", "k?se \xc3\xa4"}, /* Latin-1 */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *clean = utf8_clean(rows[i][0]);
        assert_string_equal(clean, rows[i][1]);
    }
    assert_null(utf8_clean(NULL));
}

/* ---- nearest ---- */

static const char *const names[] = {"es_list", "es_create", "es_update", "course_search", "ab"};

static void check_nearest(const char *word, const char *wanted)
{
    const char *nearest = nearest_name(word, names, ARRAY_SIZE(names));
    if (!wanted && nearest)
        fail_msg("%s is taken for %s", word, nearest);
    if (wanted && (!nearest || strcmp(nearest, wanted) != 0))
        fail_msg("%s is taken for %s", word, nearest ? nearest : "nothing");
}

TEST(a_mistyped_word_finds_its_name)
{
    check_nearest("es_list", "es_list");
    check_nearest("es_lst", "es_list");   /* left out */
    check_nearest("es_liist", "es_list"); /* put in */
    check_nearest("es-list", "es_list");  /* replaced */
    check_nearest("es_lits", "es_list");  /* swapped */
    check_nearest("se_lits", "es_list");  /* swapped twice */
    check_nearest("es_craete", "es_create");
    check_nearest("update", NULL); /* three of six letters are missing */
    check_nearest("coursesearch", "course_search");
    check_nearest("curse_serach", "course_search");
}

TEST(a_word_that_is_far_from_every_name_finds_none)
{
    check_nearest("ex_lxsx", NULL);
    check_nearest("xyz", NULL);
    check_nearest("a", NULL); /* one change would be the whole of it */
    check_nearest("", NULL);
    check_nearest("es_", NULL);
    assert_null(nearest_name("es_list", NULL, 0));
}

TEST(long_words_are_not_compared)
{
    enum { LONG = 200000 };
    _cleanup_free_ char *word = x_malloc(LONG + 1);
    memset(word, 'x', LONG);
    word[LONG] = '\0';
    const char *const lengths[] = {word, word + LONG - 65, word + LONG - 64};
    assert_null(nearest_name(word, lengths, 3));
    assert_null(nearest_name(lengths[1], lengths, 3));
    assert_ptr_equal(nearest_name(word + LONG - 63, lengths, 3), lengths[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(bytes_that_are_no_character_become_question_marks),
        cmocka_unit_test(a_mistyped_word_finds_its_name),
        cmocka_unit_test(a_word_that_is_far_from_every_name_finds_none),
        cmocka_unit_test(long_words_are_not_compared),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
