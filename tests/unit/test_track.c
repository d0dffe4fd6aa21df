/* domain/track: the texts of a tracker */
#include "support.h"

#include "base/memory.h"
#include "domain/track.h"

static const struct tracker lesson = {
    .master = "course_search",
    .table = "public.lesson",
    .alias = "lesson",
    .plain = "lesson",
    .expression = "course_id",
    .id_type = "integer",
    .reader = "reader",
};

static void check_name(const struct tracker *tracker, const char *wanted)
{
    _cleanup_free_ char *name = tracker_name(tracker);
    assert_string_equal(name, wanted);
}

TEST(a_name_is_legible_and_its_own)
{
    check_name(&lesson, "course_search_lesson_9b8180dc");
    struct tracker other = lesson;
    other.expression = "id";
    check_name(&other, "course_search_lesson_c896c574");
    other = lesson;
    other.table = "app.lesson";
    check_name(&other, "course_search_lesson_52524841");
    other = lesson;
    other.master = "course";
    check_name(&other, "course_lesson_a93858d4");
}

TEST(a_name_needs_no_quotes_and_is_never_cut)
{
    struct tracker tracker = lesson;
    tracker.master = "course-search.v2";
    tracker.plain = "My \"T\xc3\xa4"
                    "ble\"; DROP";
    _cleanup_free_ char *odd = tracker_name(&tracker);
    assert_int_equal(strspn(odd, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(odd));
    assert_contains(odd, "course_search_v2_my__t__ble___drop_");
    tracker.plain = "a_name_of_sixty_three_bytes_which_is_as_long_as_one_can_be_here";
    _cleanup_free_ char *name = tracker_name(&tracker);
    assert_int_equal(strlen(name) + strlen("_truncate"), 63);
}

static void check_changed_sql(const char *type, const char *wanted)
{
    struct tracker tracker = lesson;
    tracker.id_type = type;
    _cleanup_free_ char *sql = tracker_changed_sql(&tracker);
    assert_string_equal(sql, wanted);
}

TEST(changed_sql_has_the_type_of_id)
{
    check_changed_sql("bigint",
                      "SELECT doc_id::bigint AS _id FROM esmigrate_source.change WHERE tracker = "
                      "'course_search_lesson_9b8180dc' AND changed_at >= $1");
    check_changed_sql("text", "SELECT doc_id AS _id FROM esmigrate_source.change WHERE tracker = "
                              "'course_search_lesson_9b8180dc' AND changed_at >= $1");
}

TEST(a_probe_tells_where_the_expression_begins)
{
    struct tracker tracker = lesson;
    int before;
    tracker.table = "public.\"T\xc3\xa4\"";
    tracker.alias = "\"T\xc3\xa4\"";
    _cleanup_free_ char *probe = tracker_probe(&tracker, &before);
    const char *at = strstr(probe, "course_id");
    assert_int_equal(at - probe, before + 2); /* characters, not bytes */
}

TEST(texts_are_quoted_where_they_stand_in_the_ddl)
{
    struct tracker tracker = lesson;
    tracker.expression = "'it''s \\' || $esmigrate$x$esmigrate$ || name -- $esmigrate_1$";
    tracker.table = "public.\"a\nb\"";
    _cleanup_free_ char *ddl = tracker_ddl(&tracker);
    assert_contains(ddl, "-- Made by esmigrate es_track for the index course_search: each change "
                         "of public.\"a b\",\n");
    assert_contains(ddl, "AS $esmigrate_2$\n");
    assert_contains(ddl, "E'''it''''s \\\\'' || $esmigrate$x$esmigrate$ || name -- "
                         "$esmigrate_1$'");
    assert_contains(ddl, "GRANT USAGE ON SCHEMA esmigrate_source TO reader;");
}

TEST(both_sides_of_an_update_are_recorded)
{
    _cleanup_free_ char *ddl = tracker_ddl(&lesson);
    assert_contains(ddl, "AFTER UPDATE ON public.lesson\n"
                         "            REFERENCING OLD TABLE AS esmigrate_old NEW TABLE AS "
                         "esmigrate_new");
    assert_contains(ddl, "BEFORE TRUNCATE ON public.lesson");
    assert_contains(ddl, "SECURITY DEFINER\n    SET search_path = pg_catalog, pg_temp");
    assert_contains(ddl, "ENABLE ALWAYS TRIGGER course_search_lesson_9b8180dc_delete;");
    assert_lacks(ddl, "DROP TRIGGER IF EXISTS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_legible_and_its_own),
        cmocka_unit_test(a_name_needs_no_quotes_and_is_never_cut),
        cmocka_unit_test(changed_sql_has_the_type_of_id),
        cmocka_unit_test(a_probe_tells_where_the_expression_begins),
        cmocka_unit_test(texts_are_quoted_where_they_stand_in_the_ddl),
        cmocka_unit_test(both_sides_of_an_update_are_recorded),
    };
    return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
