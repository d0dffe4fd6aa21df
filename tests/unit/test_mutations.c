/*
 * Robustness: valid texts are damaged at random, and what must hold for any text is checked. The
 * seed is fixed, so a failure can be repeated. Worth most under the sanitizers.
 */
#include "support.h"

#include "base/memory.h"
#include "base/secrets.h"
#include "domain/bulk.h"
#include "domain/canonical.h"
#include "domain/sqltext.h"

enum { ROUNDS = 8000 };

struct damage {
    uint64_t seed;
    const char *alphabet; /* what is put in, besides any byte */
};

static size_t below(struct damage *damage, size_t limit)
{
    return limit ? (size_t)(next_random(&damage->seed) % limit) : 0;
}

static char any_character(struct damage *damage)
{
    if (below(damage, 8) == 0)
        return (char)(1 + below(damage, 255));
    return damage->alphabet[below(damage, strlen(damage->alphabet))];
}

/* Removes, repeats, overwrites or inserts a piece of the text in place. */
static void damage_once(struct damage *damage, struct buffer *text)
{
    size_t start = below(damage, text->length + 1);
    size_t length = below(damage, 1 + (text->length - start < 12 ? text->length - start : 12));
    _cleanup_(buffer_release) struct buffer result = BUFFER(BUFFER_TEXT_MAX);
    buffer_append(&result, text->data, start);
    switch (below(damage, 4)) {
    case 0: /* left out */
        break;
    case 1: /* twice */
        buffer_append(&result, text->data + start, length);
        buffer_append(&result, text->data + start, length);
        break;
    case 2: /* replaced */
        for (size_t i = 0; i < length; i++)
            buffer_char(&result, any_character(damage));
        break;
    default: /* pushed away */
        buffer_char(&result, any_character(damage));
        buffer_append(&result, text->data + start, length);
        break;
    }
    buffer_text(&result, text->data + start + length);
    buffer_clear(text);
    buffer_append(text, buffer_cstr(&result), result.length);
}

/* One of the texts with a few damages. */
static void damaged(struct damage *damage, const char *const *texts, size_t count,
                    struct buffer *ret_text)
{
    buffer_clear(ret_text);
    buffer_text(ret_text, texts[below(damage, count)]);
    for (size_t i = below(damage, 4); i-- > 0;)
        damage_once(damage, ret_text);
}

TEST(a_canonical_form_is_stable)
{
    static const char *const texts[] = {
        "{\"settings\":{\"index\":{\"x\":1.0,\"y\":[1,-2e5,true,null]}},\"mappings\":{}}",
        "{\"b\":\"\\u00e4\\ud83d\\ude00\\n\",\"a\":{\"\":[],\"k\":{}},\"c\":[[[0]]]}",
        "[\"\xc3\xa4\xf0\x9f\x98\x80\", \"\\\"\\\\\", 123456789012345678901234567890]",
    };
    struct damage damage = {0x2545f4914f6cdd1d, "{}[]\",:\\u0123abdn \n-.eE+"};
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    int read = 0;
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_(error_release) struct error err = {};
        damaged(&damage, texts, ARRAY_SIZE(texts), &text);
        _cleanup_free_ char *once = canonical_json(buffer_cstr(&text), &err);
        if (!once) {
            assert_int_equal(err.kind, ERR_USAGE);
            assert_int_equal(strncmp(err.message, "line ", 5), 0);
            continue;
        }
        assert_false(error_is_set(&err));
        _cleanup_free_ char *twice = canonical_json(once, &err);
        if (!twice || strcmp(once, twice) != 0)
            fail_msg("%s: %s, then %s", text.data, once, twice ? twice : err.message);
        read++;
    }
    /* Neither all nor nothing may have got through, or the loop would prove little. */
    assert_in_range(read, ROUNDS / 10, ROUNDS - ROUNDS / 10);
}

TEST(a_statement_is_cut_once_and_at_a_semicolon)
{
    static const char *const texts[] = {
        "SELECT id AS _id, 'it''s;' || E'\\';' FROM c WHERE x >= $1; -- end;\n",
        "/* a /* ; */ b */ SELECT $t$;$t$, $$;$$, \"a;b\" ;\n;",
        "WITH d AS (SELECT 1) -- ;\nSELECT U&'\\0041;', date'2026-01-01' FROM d;",
    };
    struct damage damage = {0x9e3779b97f4a7c15, ";;'\"$$-/*\\eE \nt1"};
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (int i = 0; i < ROUNDS; i++) {
        damaged(&damage, texts, ARRAY_SIZE(texts), &text);
        _cleanup_free_ char *once = sqltext_statement(buffer_cstr(&text));
        _cleanup_free_ char *twice = sqltext_statement(once);
        size_t length = strlen(once);
        assert_int_equal(strncmp(once, buffer_cstr(&text), length), 0);
        assert_true(length == text.length || text.data[length] == ';');
        if (strcmp(once, twice) != 0)
            fail_msg("[%s] became [%s], then [%s]", text.data, once, twice);
    }
}

static int count_visit(size_t item, const struct bulk_result *result, void *data, struct error *err)
{
    size_t *visited = data;
    (void)err;
    assert_int_equal(item, *visited);
    assert_in_range(result->verdict, BULK_ACCEPTED, BULK_FATAL);
    assert_true(result->status);
    ++*visited;
    return 0;
}

TEST(a_damaged_answer_is_read_to_its_end_or_refused)
{
    static const char *const texts[] = {
        "{\"errors\":false,\"items\":[{\"index\":{\"status\":201}}]}",
        "{\"errors\":true,\"items\":[{\"index\":{\"status\":201,\"result\":\"noop\"}},"
        "{\"delete\":{\"status\":404}},{\"index\":{\"status\":429,\"error\":{\"type\":"
        "\"rejected_execution_exception\",\"reason\":\"x at [Source: y\"}}}]}",
        "{\"errors\":true,\"items\":[{\"index\":{\"status\":400,\"error\":{\"type\":\"a\","
        "\"reason\":\"b\",\"caused_by\":{\"type\":\"c\",\"caused_by\":{\"reason\":\"d\"}}}}},"
        "{\"delete\":{\"status\":200}},{\"index\":{\"status\":200}}]}",
    };
    struct damage damage = {0xd1b54a32d192ed03, "{}[]\",:0123 indexstaurod"};
    const struct span none = {};
    _cleanup_(bulk_release) struct bulk bulk;
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    int accepted = 0;
    bulk_init(&bulk, 1000);
    bulk_add_document(&bulk, span_of("1"), none, 5, span_of("{}"));
    bulk_add_delete(&bulk, span_of("2"), none, 5);
    bulk_add_document(&bulk, span_of("3"), none, 5, span_of("{}"));
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_(error_release) struct error err = {};
        size_t visited = 0;
        damaged(&damage, texts, ARRAY_SIZE(texts), &text);
        int result =
            bulk_read_answer(&bulk, buffer_cstr(&text), text.length, count_visit, &visited, &err);
        assert_int_equal(err.kind, result < 0 ? ERR_ENGINE : ERR_NONE);
        assert_true(result < 0 || visited == 3);
        accepted += result == 0;
    }
    assert_in_range(accepted, ROUNDS / 10, ROUNDS - ROUNDS / 10);
}

TEST(no_known_secret_survives_the_mask)
{
    static const char *const secrets[] = {"geheim", "geheim+mehr", "p@ss/wort", "user:p@ss/wort"};
    static const char *const texts[] = {
        "http://user:p%40ss%2Fwort@host, geheim+mehr and geheim",
        "Basic dXNlcjpwQHNzL3dvcnQ= p@ss/wort user:p@ss/wort",
        "gegeheimheim geheimgeheim+mehr",
    };
    struct damage damage = {0x94d049bb133111eb, "geheim+r*p@s/wort%2F:"};
    _cleanup_(secrets_release) struct secrets known = {};
    _cleanup_(buffer_release) struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(secrets); i++)
        secrets_add(&known, secrets[i]);
    for (int i = 0; i < ROUNDS; i++) {
        damaged(&damage, texts, ARRAY_SIZE(texts), &text);
        _cleanup_free_ char *once = secrets_mask(&known, buffer_cstr(&text));
        _cleanup_free_ char *twice = secrets_mask(&known, once);
        assert_string_equal(once, twice);
        for (size_t k = 0; k < known.count; k++)
            assert_lacks(once, known.values[k]);
    }
}

TEST(any_id_and_document_are_two_lines)
{
    static const char *const texts[] = {"id-1", "a\"b\\c", "{\"a\":\n\"b\"}", "\xc3\xa4\r\n\x01"};
    struct damage damage = {0xbf58476d1ce4e5b9, "\"\\\n\r\t\x7f{} a"};
    _cleanup_(buffer_release) struct buffer id = BUFFER(10000), text = BUFFER(10000);
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_(bulk_release) struct bulk bulk;
        bulk_init(&bulk, 10000);
        damaged(&damage, texts, ARRAY_SIZE(texts), &id);
        damaged(&damage, texts, ARRAY_SIZE(texts), &text);
        const struct span span = {buffer_cstr(&id), id.length};
        const struct span document = {buffer_cstr(&text), text.length};
        assert_int_equal(bulk_add_document(&bulk, span, span, 5, document), 0);
        const char *end = strchr(bulk.body.data, '\n');
        assert_int_equal(bulk.body.length, (size_t)(end - bulk.body.data) + text.length + 2);
        assert_ptr_equal(strchr(end + 1, '\n'), bulk.body.data + bulk.body.length - 1);
        assert_null(strchr(bulk.body.data, '\r'));
        _cleanup_free_ char *kept = bulk_item_id(&bulk, 0);
        assert_string_equal(kept, span.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_canonical_form_is_stable),
        cmocka_unit_test(a_statement_is_cut_once_and_at_a_semicolon),
        cmocka_unit_test(a_damaged_answer_is_read_to_its_end_or_refused),
        cmocka_unit_test(no_known_secret_survives_the_mask),
        cmocka_unit_test(any_id_and_document_are_two_lines),
    };
    return cmocka_run_group_tests_name("mutations", tests, NULL, NULL);
}
