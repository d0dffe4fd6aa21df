/* domain/declaration: fingerprint, create body and settings of a content */
#include "support.h"

#include "base/memory.h"
#include "clients/json.h"
#include "domain/declaration.h"

/* A text constant where the struct, which owns its texts elsewhere, has none const. */
#define TEXT(text) ((char *)(text))

/* Texts are borrowed; contents made here are not released. */
static struct content content_of(const char *body)
{
    return (struct content){.body = TEXT(body), .documents_sql = TEXT("SELECT 1")};
}

/* ---- fingerprint ---- */

static char *fingerprint(const struct content *content)
{
    _cleanup_(error_release) struct error err = {};
    char *text = content_fingerprint(content, &err);
    if (!text)
        fail_msg("%s", err.message);
    return text;
}

static bool same(const struct content *a, const struct content *b)
{
    _cleanup_free_ char *one = fingerprint(a), *other = fingerprint(b);
    return strcmp(one, other) == 0;
}

TEST(the_fingerprint_is_a_contract)
{
    /* Stored in every history: a change of the algorithm needs another number in front.
     * printf '%s' '2:{}8:SELECT 1-:-:' | sha256sum */
    const struct content content = content_of(" { } ");
    _cleanup_free_ char *text = fingerprint(&content);
    assert_string_equal(text, "1:3e175e3d47375d3558482b674a2313aff067b26059d3a4fd694dac0dc9f82f50");

    struct content full = content_of("{\"b\":1.0,\"a\":\"\\u00e4\"}");
    full.changed_sql = TEXT("SELECT 2");
    full.changed_at_zone = TEXT("UTC");
    _cleanup_free_ char *of_all = fingerprint(&full);
    assert_string_equal(of_all,
                        "1:a8db8978b0df82e8dd7587492c95e40dee03dc4aaf2e5c1d96a2c98f91c2d216");
}

TEST(order_white_space_and_escapes_of_the_body_do_not_count)
{
    const struct content a =
        content_of("{\"settings\":{\"x\":1,\"y\":\"\\u0061\"},\"mappings\":{}}");
    const struct content b =
        content_of("{\n  \"mappings\": {},\n  \"settings\": {\"y\": \"a\", \"x\": 1}\n}\n");
    assert_true(same(&a, &b));
}

TEST(every_part_of_the_body_counts)
{
    static const char *const bodies[] = {
        "{}",
        "{\"settings\":{}}",
        "{\"settings\":{\"x\":1}}",
        "{\"settings\":{\"x\":1.0}}",
        "{\"settings\":{\"x\":\"1\"}}",
        "{\"settings\":{\"x\":[1,2]}}",
        "{\"settings\":{\"x\":[2,1]}}",
        "{\"settings\":{\"x\":null}}",
        "{\"settings\":{\"x\":\"\"}}",
        "{\"settings\":{\"x\":\" \"}}",
        "{\"mappings\":{\"x\":1}}",
        "{\"settings\":{\"x\":123456789012345678901234567890}}",
        "{\"settings\":{\"x\":123456789012345678901234567891}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        for (size_t k = 0; k < i; k++) {
            const struct content a = content_of(bodies[i]), b = content_of(bodies[k]);
            if (same(&a, &b))
                fail_msg("%s is as %s", bodies[i], bodies[k]);
        }
    }
}

TEST(each_text_counts_to_the_byte)
{
    const struct content plain = content_of("{}");
    struct content documents = plain, changed = plain, empty = plain, zone = plain;
    documents.documents_sql = TEXT("SELECT 1 ");
    changed.changed_sql = TEXT("SELECT 1");
    empty.changed_sql = TEXT("");
    zone.changed_at_zone = TEXT("UTC");
    const struct content *all[] = {&plain, &documents, &changed, &empty, &zone};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        for (size_t k = 0; k < i; k++)
            assert_false(same(all[i], all[k]));
}

TEST(text_that_moves_from_one_part_to_the_next_counts)
{
    static const char *const parts[][3] = {
        {"ab", "c", NULL},   {"a", "bc", NULL}, {"abc", NULL, NULL},    {"abc", "", NULL},
        {"abc", NULL, ""},   {"", "abc", NULL}, {"ab", NULL, "c"},      {"", NULL, "abc"},
        {"a1:b", NULL, "c"}, {"a", "b", "c"},   {"a1:b-:", NULL, NULL}, {"a-:-:", NULL, NULL},
        {"a", "-:", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        for (size_t k = 0; k < i; k++) {
            struct content pair[2] = {content_of("{}"), content_of("{}")};
            for (size_t side = 0; side < 2; side++) {
                const char *const *row = parts[side ? k : i];
                pair[side].documents_sql = TEXT(row[0]);
                pair[side].changed_sql = TEXT(row[1]);
                pair[side].changed_at_zone = TEXT(row[2]);
            }
            if (same(&pair[0], &pair[1]))
                fail_msg("rows %zu and %zu have the same fingerprint", i, k);
        }
    }
}

TEST(a_body_with_a_key_twice_has_no_fingerprint)
{
    _cleanup_(error_release) struct error err = {};
    const struct content content = content_of("{\"settings\":{},\"settings\":{}}");
    assert_null(content_fingerprint(&content, &err));
    assert_error(&err, ERR_USAGE, "line 1, column 16: the key \"settings\" appears twice");
}

/* ---- the body of "create index" ---- */

static char *create_body(const char *body)
{
    _cleanup_(error_release) struct error err = {};
    const struct content content = content_of(body);
    char *text = content_create_body(&content, "qa_course-2.W1", "action-id", &err);
    if (!text)
        fail_msg("%s: %s", body, err.message);
    return text;
}

TEST(the_create_body_has_alias_mark_and_the_settings_that_rules_need)
{
    _cleanup_free_ char *made = create_body("{}");
    assert_string_equal(made,
                        "{\"mappings\":{\"_meta\":{\"esmigrate\":{\"action\":\"action-id\"}}},"
                        "\"settings\":{\"index.gc_deletes\":\"10m\","
                        "\"index.translog.durability\":\"request\"},"
                        "\"aliases\":{\"qa_course-2.W1\":{}}}");
}

TEST(the_create_body_keeps_what_was_declared)
{
    _cleanup_free_ char *made =
        create_body("{\"settings\":{\"index\":{\"number_of_shards\":2}},"
                    "\"mappings\":{\"dynamic\":\"strict\",\"_meta\":{\"owner\":\"me\"},"
                    "\"properties\":{\"a/b\":{\"type\":\"double\",\"null_value\":1.50}}}}");
    struct error err = {};
    _cleanup_(json_freep) json *parsed = json_parse(made, strlen(made), &err);
    assert_int_equal(json_int(JSON_PATH(parsed, "settings", "index", "number_of_shards"), 0), 2);
    assert_string_equal(json_text(JSON_PATH(parsed, "mappings", "dynamic"), ""), "strict");
    assert_string_equal(json_text(JSON_PATH(parsed, "mappings", "_meta", "owner"), ""), "me");
    assert_string_equal(
        json_text(JSON_PATH(parsed, "mappings", "_meta", "esmigrate", "action"), ""), "action-id");
    assert_string_equal(json_text(JSON_PATH(parsed, "settings", "index.gc_deletes"), ""), "10m");
    assert_true(json_is_object(JSON_PATH(parsed, "aliases", "qa_course-2.W1")));
    assert_contains(made, "\"a/b\"");
    assert_contains(made, "\"null_value\":1.50");
}

TEST(own_gc_deletes_are_kept_in_every_spelling)
{
    static const char *const settings[] = {
        "{\"index\":{\"gc_deletes\":\"1h\"}}",
        "{\"index.gc_deletes\":\"1h\"}",
        "{\"gc_deletes\":\"1h\"}",
        "{\"index\":{\"number_of_shards\":1,\"gc_deletes\":\"1h\"},\"x\":1}",
        "{\"index\":{\"analysis\":{\"a\":{\"b\":1}}},\"gc_deletes\":\"1h\"}",
        "{\"\\u0067c_deletes\":\"1h\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        _cleanup_(buffer_release) struct buffer body = BUFFER(1000);
        buffer_printf(&body, "{\"settings\":%s}", settings[i]);
        _cleanup_free_ char *made = create_body(buffer_cstr(&body));
        assert_contains(made, "gc_deletes\":\"1h\"");
        assert_lacks(made, "10m");
    }
}

TEST(a_gc_deletes_of_something_else_is_not_the_setting)
{
    static const char *const bodies[] = {
        "{\"settings\":{\"analysis\":{\"gc_deletes\":\"1h\"}}}",
        "{\"settings\":{\"index\":{\"x\":{\"gc_deletes\":\"1h\"}}}}",
        "{\"mappings\":{\"properties\":{\"gc_deletes\":{\"type\":\"keyword\"}}}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        _cleanup_free_ char *made = create_body(bodies[i]);
        assert_contains(made, "\"index.gc_deletes\":\"10m\"");
    }
}

TEST(a_durability_of_its_own_is_kept_in_every_spelling)
{
    static const char *const settings[] = {
        "{\"index\":{\"translog\":{\"durability\":\"REQUEST\"}}}",
        "{\"index\":{\"translog.durability\":\"REQUEST\"}}",
        "{\"index.translog\":{\"durability\":\"REQUEST\"}}",
        "{\"index.translog.durability\":\"REQUEST\"}",
        "{\"translog\":{\"durability\":\"REQUEST\",\"sync_interval\":\"1s\"}}",
        "{\"translog.durability\":\"REQUEST\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        _cleanup_free_ char *body = x_printf("{\"settings\":%s}", settings[i]);
        _cleanup_free_ char *made = create_body(body);
        assert_contains(made, "durability\":\"REQUEST\"");
        assert_lacks(made, "\"request\"");
    }
}

TEST(the_rest_of_the_translog_settings_does_not_hide_a_missing_durability)
{
    _cleanup_free_ char *made =
        create_body("{\"settings\":{\"index\":{\"translog\":{\"sync_interval\":\"1s\"},"
                    "\"durability\":\"async\"}}}");
    assert_contains(made, "\"index.translog.durability\":\"request\"");
}

TEST(a_create_body_of_the_wrong_shape_is_refused)
{
    static const char *const bodies[] = {
        "{\"settings\":[]}",
        "{\"mappings\":\"x\"}",
        "{\"mappings\":{\"_meta\":7}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        _cleanup_(error_release) struct error err = {};
        const struct content content = content_of(bodies[i]);
        assert_null(content_create_body(&content, "a", "b", &err));
        assert_error(&err, ERR_USAGE,
                     "\"settings\", \"mappings\" and \"mappings._meta\" must be objects");
    }
}

/* ---- settings ---- */

TEST(a_setting_is_found_in_every_spelling)
{
    static const char *const settings[] = {
        "{\"index\":{\"routing\":{\"x\":\"7\"}}}",
        "{\"index.routing.x\":\"7\"}",
        "{\"routing\":{\"x\":7}}",
        "{\"index.routing\":{\"x\":7}}",
        "{\"index\":{\"routing.x\":7}}",
        "{\"routing.x\":\"7\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
        _cleanup_(buffer_release) struct buffer body = BUFFER(1000);
        _cleanup_(error_release) struct error err = {};
        buffer_printf(&body, "{\"settings\":%s}", settings[i]);
        const struct content content = content_of(buffer_cstr(&body));
        _cleanup_free_ char *found = content_setting(&content, "routing.x", &err);
        if (!found || strcmp(found, "7") != 0)
            fail_msg("%s: %s", settings[i], found ? found : "not found");
        assert_null(content_setting(&content, "x", &err));
        assert_null(content_setting(&content, "routing", &err));
        assert_false(error_is_set(&err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fingerprint_is_a_contract),
        cmocka_unit_test(order_white_space_and_escapes_of_the_body_do_not_count),
        cmocka_unit_test(every_part_of_the_body_counts),
        cmocka_unit_test(each_text_counts_to_the_byte),
        cmocka_unit_test(text_that_moves_from_one_part_to_the_next_counts),
        cmocka_unit_test(a_body_with_a_key_twice_has_no_fingerprint),
        cmocka_unit_test(the_create_body_has_alias_mark_and_the_settings_that_rules_need),
        cmocka_unit_test(the_create_body_keeps_what_was_declared),
        cmocka_unit_test(own_gc_deletes_are_kept_in_every_spelling),
        cmocka_unit_test(a_gc_deletes_of_something_else_is_not_the_setting),
        cmocka_unit_test(a_durability_of_its_own_is_kept_in_every_spelling),
        cmocka_unit_test(the_rest_of_the_translog_settings_does_not_hide_a_missing_durability),
        cmocka_unit_test(a_create_body_of_the_wrong_shape_is_refused),
        cmocka_unit_test(a_setting_is_found_in_every_spelling),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
