/* domain/history and domain/action: what needs no database */
#include "support.h"

#include "domain/action.h"
#include "domain/history.h"

/* ---- times ---- */

TEST(times_are_rfc_3339)
{
    static const char *const rows[][2] = {
        {"2026-01-31 08:00:00+00", "2026-01-31T08:00:00Z"},
        {"2026-01-31 08:00:00.123457+00", "2026-01-31T08:00:00.123457Z"},
        {"12026-01-31 08:00:00.1+00", "12026-01-31T08:00:00.1Z"},
        {"infinity", "infinity"},
        {"-infinity", "-infinity"},
        {"0044-03-15 12:00:00+00 BC", "0044-03-15 12:00:00+00 BC"},
        {"2026-01-31 08:00:00+01", "2026-01-31 08:00:00+01"},
        {"2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z"},
        {"", ""},
        {"+0", "+0"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *time = time_rfc3339(rows[i][0]);
        assert_string_equal(time, rows[i][1]);
    }
    assert_null(time_rfc3339(NULL));
}

TEST(a_time_without_zone_is_refused_before_the_database_is_asked)
{
    static const char *const times[] = {
        "2026-01-31T08:00:00", "2026-01-31 08:00:00", "2026-01-31", "08:00", "yesterday", "now", "",
    };
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_(buffer_release) struct buffer wanted = BUFFER(200);
        char *time = NULL;
        buffer_printf(&wanted, "the time \"%s\" has no time zone", times[i]);
        assert_int_equal(history_parse_time(NULL, times[i], &time, &err), -1);
        assert_error(&err, ERR_USAGE, buffer_cstr(&wanted));
        assert_contains(err.hint, "2026-01-31T08:00:00Z");
    }
}

/* ---- instances ---- */

/* A text constant where the struct, which owns its texts elsewhere, has none const. */
#define TEXT(text) ((char *)(text))

enum kind { LIVE, DROPPED, UNMADE };

static struct instance instance_of(int64_t id, int number, enum kind kind, const char *fingerprint)
{
    return (struct instance){
        .id = id,
        .number = number,
        .index_uuid = kind == UNMADE ? NULL : TEXT("uuid"),
        .dropped_at = kind == DROPPED ? TEXT("2026-01-31 08:00:00+00") : NULL,
        .fingerprint = TEXT(fingerprint),
    };
}

static int64_t id_of(const struct instance *instance)
{
    return instance ? instance->id : 0;
}

TEST(an_instance_lives_from_its_making_to_its_drop)
{
    const struct instance live = instance_of(1, 1, LIVE, "a");
    const struct instance dropped = instance_of(1, 1, DROPPED, "a");
    const struct instance unmade = instance_of(1, 1, UNMADE, "a");
    assert_true(instance_is_live(&live));
    assert_false(instance_is_live(&dropped));
    assert_false(instance_is_live(&unmade));
}

TEST(an_empty_list_has_no_instance)
{
    const struct instances none = {};
    assert_null(instances_by_id(&none, 1));
    assert_null(instances_by_number(&none, 1));
    assert_null(instances_newest(&none));
    assert_null(instances_by_fingerprint(&none, "a"));
    assert_null(instances_active(&none));
    assert_int_equal(instances_next_number(&none), 1);
}

TEST(only_live_instances_are_chosen)
{
    struct instance list[] = {
        instance_of(11, 1, LIVE, "a"),    instance_of(12, 2, DROPPED, "b"),
        instance_of(13, 3, LIVE, "a"),    instance_of(14, 4, LIVE, "b"),
        instance_of(15, 5, DROPPED, "a"), instance_of(16, 6, UNMADE, "a"),
    };
    const struct instances instances = {list, ARRAY_SIZE(list)};
    assert_int_equal(id_of(instances_by_number(&instances, 3)), 13);
    assert_null(instances_by_number(&instances, 2));
    assert_null(instances_by_number(&instances, 6));
    assert_null(instances_by_number(&instances, 7));
    assert_null(instances_by_number(&instances, 0));
    assert_int_equal(id_of(instances_newest(&instances)), 14);
    assert_int_equal(id_of(instances_by_fingerprint(&instances, "a")), 13);
    assert_int_equal(id_of(instances_by_fingerprint(&instances, "b")), 14);
    assert_null(instances_by_fingerprint(&instances, "c"));
}

TEST(any_instance_is_found_by_its_id)
{
    struct instance list[] = {
        instance_of(11, 1, LIVE, "a"),
        instance_of(12, 2, DROPPED, "b"),
        instance_of(13, 3, UNMADE, "b"),
    };
    const struct instances instances = {list, ARRAY_SIZE(list)};
    for (int64_t id = 11; id <= 13; id++)
        assert_int_equal(id_of(instances_by_id(&instances, id)), id);
    assert_null(instances_by_id(&instances, 1));
}

TEST(the_newest_is_the_highest_number_in_any_order)
{
    struct instance list[] = {
        instance_of(13, 3, LIVE, "a"),
        instance_of(12, 12, LIVE, "a"),
        instance_of(11, 1, LIVE, "a"),
    };
    const struct instances instances = {list, ARRAY_SIZE(list)};
    assert_int_equal(instances_newest(&instances)->number, 12);
}

TEST(numbers_are_never_given_twice)
{
    struct instance list[] = {
        instance_of(11, 1, LIVE, "a"),
        instance_of(17, 7, DROPPED, "a"),
        instance_of(13, 3, LIVE, "a"),
    };
    const struct instances instances = {list, ARRAY_SIZE(list)};
    assert_int_equal(instances_next_number(&instances), 8);
}

TEST(the_active_instance_is_the_one_marked)
{
    struct instance list[] = {
        instance_of(11, 1, LIVE, "a"),
        instance_of(12, 2, LIVE, "a"),
        instance_of(13, 3, LIVE, "a"),
    };
    const struct instances instances = {list, ARRAY_SIZE(list)};
    assert_null(instances_active(&instances));
    list[1].active = true;
    assert_int_equal(id_of(instances_active(&instances)), 12);
}

/* ---- actions ---- */

TEST(action_ids_are_random_uuids)
{
    struct action one = {}, other = {};
    action_new_id(&one);
    action_new_id(&other);
    assert_string_not_equal(one.id, other.id);
    assert_int_equal(strlen(one.id), 36);
    assert_int_equal(strspn(one.id, "0123456789abcdef-"), 36);
    assert_int_equal(one.id[14], '4');
}

TEST(the_names_of_states_are_a_contract)
{
    assert_string_equal(action_status_name(ACTION_COMPLETE), "complete");
    assert_string_equal(action_status_name(ACTION_PARTIAL), "partial");
    assert_string_equal(action_status_name(ACTION_FAILED), "failed");
    assert_string_equal(action_status_name(ACTION_INTERRUPTED), "interrupted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_rfc_3339),
        cmocka_unit_test(a_time_without_zone_is_refused_before_the_database_is_asked),
        cmocka_unit_test(an_instance_lives_from_its_making_to_its_drop),
        cmocka_unit_test(an_empty_list_has_no_instance),
        cmocka_unit_test(only_live_instances_are_chosen),
        cmocka_unit_test(any_instance_is_found_by_its_id),
        cmocka_unit_test(the_newest_is_the_highest_number_in_any_order),
        cmocka_unit_test(numbers_are_never_given_twice),
        cmocka_unit_test(the_active_instance_is_the_one_marked),
        cmocka_unit_test(action_ids_are_random_uuids),
        cmocka_unit_test(the_names_of_states_are_a_contract),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
