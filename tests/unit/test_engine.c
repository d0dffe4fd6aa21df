/* domain/engine: what needs no engine */
#include "support.h"

#include "domain/engine.h"

/* ---- reasons (rule R10) ---- */

static void check_cut(const char *reason, const char *wanted)
{
    _cleanup_free_ char *cut = engine_cut_reason(reason);
    assert_string_equal(cut, wanted);
}

TEST(a_reason_is_cut_where_it_quotes_the_request)
{
    check_cut("Unexpected character ('x')\n at [Source: (byte[])\"Authorization: Basic c2Vj\"; "
              "line: 1] at [Source: again",
              "Unexpected character ('x')");
    check_cut("one\r\n\ttwo\n\n at [Source: three", "one   two");
    check_cut("no quote at all", "no quote at all");
    check_cut(" at [Source: x", "");
    check_cut("bad\tat\n[Source: secret", "bad");
    check_cut("at [Source: (byte[])\"Authorization\"", "");
    check_cut("", "");
}

TEST(a_reason_has_a_thousand_bytes_at_most)
{
    char reason[3000];
    memset(reason, 'r', sizeof(reason));
    reason[sizeof(reason) - 1] = '\0';
    _cleanup_free_ char *cut = engine_cut_reason(reason);
    assert_int_equal(strlen(cut), 1000);

    reason[1000] = '\0';
    _cleanup_free_ char *whole = engine_cut_reason(reason);
    assert_int_equal(strlen(whole), 1000);
}

/* Half a secret would not be recognised as one (rule R10). */
TEST(a_reason_is_cut_between_words)
{
    for (size_t padding = 900; padding < 1010; padding++) {
        _cleanup_(buffer_release) struct buffer reason = BUFFER(5000);
        for (size_t i = 0; i < padding; i++)
            buffer_char(&reason, 'p');
        buffer_text(&reason, " Bearer ");
        for (size_t i = 0; i < 100; i++)
            buffer_char(&reason, 't');
        buffer_text(&reason, " and so on");
        _cleanup_free_ char *cut = engine_cut_reason(buffer_cstr(&reason));
        assert_true(strlen(cut) <= 1000);
        const char *token = strchr(cut, 't');
        assert_true(!token || strspn(token, "t") == 100);
    }
}

/* PostgreSQL refuses half a character, and with it the row that says why a document was rejected.
 */
TEST(a_reason_is_not_cut_inside_a_character)
{
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < ARRAY_SIZE(characters); i++) {
        size_t size = strlen(characters[i]);
        for (size_t shift = 0; shift < size; shift++) {
            _cleanup_(buffer_release) struct buffer reason = BUFFER(5000);
            for (size_t k = 0; k < shift; k++)
                buffer_char(&reason, 'x');
            while (reason.length < 2000)
                buffer_text(&reason, characters[i]);
            _cleanup_free_ char *cut = engine_cut_reason(buffer_cstr(&reason));
            assert_in_range(strlen(cut), 996, 1000);
            if ((strlen(cut) - shift) % size)
                fail_msg("%zu bytes end inside a character of %zu", strlen(cut), size);
        }
    }
}

/* ---- answers ---- */

static void check_answer(int status, const char *body, const char *message, const char *detail)
{
    _cleanup_(error_release) struct error err = {};
    struct http_request request = {.status = status, .response = BUFFER(10000)};
    buffer_text(&request.response, body);
    assert_int_equal(engine_answer_error(&request, "create index \"x\"", &err), -1);
    assert_error(&err, ERR_ENGINE, message);
    assert_int_equal(err.http_code, status);
    assert_string_equal(err.detail ? err.detail : "", detail ? detail : "");
    http_request_release(&request);
}

TEST(an_error_of_the_engine_is_type_and_reason)
{
    check_answer(400,
                 "{\"error\":{\"root_cause\":[{\"type\":\"y\"}],\"type\":\"mapper_exception\","
                 "\"reason\":\"no handler for type [txt]\"},\"status\":400}",
                 "engine: create index \"x\": mapper_exception: no handler for type [txt]", NULL);
}

TEST(its_cause_is_the_detail)
{
    check_answer(400,
                 "{\"error\":{\"type\":\"a\",\"reason\":\"failed at [Source: secret\","
                 "\"caused_by\":{\"type\":\"b\",\"reason\":\"because at [Source: secret\"}}}",
                 "engine: create index \"x\": a: failed", "b: because");
    /* A search, without it on some engines. */
    check_answer(
        400,
        "{\"error\":{\"root_cause\":[{\"type\":\"b\",\"reason\":\"because\"}],\"type\":\"a\","
        "\"reason\":\"all shards failed\"},\"status\":400}",
        "engine: create index \"x\": a: all shards failed", "b: because");
}

TEST(an_error_may_be_a_plain_text)
{
    check_answer(404, "{\"error\":\"alias [x] missing\",\"status\":404}",
                 "engine: create index \"x\": HTTP 404: alias [x] missing", NULL);
    check_answer(405, "{\"error\":{}}", "engine: create index \"x\": HTTP 405", NULL);
    check_answer(500, "", "engine: create index \"x\": HTTP 500", NULL);
}

TEST(an_answer_that_is_not_the_engines_is_quoted)
{
    check_answer(502, "Bad Gateway", "engine: create index \"x\": HTTP 502: Bad Gateway", NULL);
}

static void check_foreign(int status, const char *body, const char *message)
{
    struct http_request request = {.status = status, .response = BUFFER(1000)};
    _cleanup_(error_release) struct error err = {};
    buffer_text(&request.response, body);
    assert_false(engine_is_answer(&request));
    assert_int_equal(engine_answer_error(&request, "delete index \"x\"", &err), -1);
    assert_error(&err, ERR_ENGINE, message);
    assert_int_equal(err.http_code, 0);
    assert_false(engine_refused(&err));
    assert_contains(err.detail, "gateway");
    assert_contains(err.hint, "--engine");
    http_request_release(&request);
}

TEST(a_gateways_404_is_not_the_engines)
{
#define FOREIGN "engine: delete index \"x\": HTTP 404, not from the engine"
    check_foreign(404, "", FOREIGN);
    check_foreign(404, "default backend - 404", FOREIGN ": default backend - 404");
    check_foreign(404, "<html>404</html>\r\n<hr>", FOREIGN ": <html>404</html>");
    check_foreign(404, "{\"message\":\"no Route matched\"}",
                  FOREIGN ": {\"message\":\"no Route matched\"}");
    check_foreign(404, "{\"status\":404,\"error\":\"Not Found\",\"path\":\"/x\"}",
                  FOREIGN ": {\"status\":404,\"error\":\"Not Found\",\"path\":\"/x\"}");
    check_foreign(404, "[]", FOREIGN ": []");
    check_foreign(404, "404", FOREIGN ": 404");
    check_foreign(404, "{\"error\":{\"code\":404}}", FOREIGN ": {\"error\":{\"code\":404}}");
    check_foreign(408, "<html>408</html>",
                  "engine: delete index \"x\": HTTP 408, not from the engine: <html>408</html>");
}

TEST(the_engine_says_404_in_its_own_words)
{
    static const struct {
        int status;
        const char *body;
    } rows[] = {
        {404, "{\"error\":{\"root_cause\":[],\"type\":\"index_not_found_exception\",\"reason\":"
              "\"no such index [x]\"},\"status\":404}"},
        {404, "{\"error\":\"alias [x] missing\",\"status\":404}"},
        {404, "{\"x-1\":{\"aliases\":{}},\"error\":\"aliases [y,z] missing\",\"status\":404}"},
        {408, "{\"cluster_name\":\"c\",\"status\":\"yellow\",\"timed_out\":true}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_request request = {.status = rows[i].status, .response = BUFFER(1000)};
        buffer_text(&request.response, rows[i].body);
        assert_true(engine_is_answer(&request));
        http_request_release(&request);
    }
}

TEST(an_empty_404_is_of_a_pipeline_and_of_nothing_else)
{
    struct http_request request = {.status = 404, .response = BUFFER(1000)};
    buffer_text(&request.response, "{ }");
    assert_false(engine_is_answer(&request));
    http_request_release(&request);
    check_answer(404, "{ }", "engine: create index \"x\": HTTP 404", NULL);
}

TEST(who_is_not_let_in_is_told_what_to_check)
{
    static const struct {
        enum http_access access;
        const char *hint;
    } rows[] = {
        {HTTP_ANONYMOUS, "give --engine-user"},
        {HTTP_BASIC, "Check the user and the password"},
        {HTTP_API_KEY, "Check the key of --api-key-file"},
        {HTTP_BEARER, "Check the token of --bearer-file"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(error_release) struct error err = {};
        struct http_request request = {
            .status = 401, .access = rows[i].access, .response = BUFFER(10)};
        engine_answer_error(&request, "connect", &err);
        assert_contains(err.hint, rows[i].hint);
    }
}

TEST(no_answer_is_told_with_its_failure)
{
    _cleanup_(error_release) struct error err = {};
    char failure[] = "Connection refused";
    struct http_request request = {.failure = failure, .response = BUFFER(10)};
    assert_int_equal(engine_answer_error(&request, "connect", &err), -1);
    assert_error(&err, ERR_ENGINE, "engine: connect: Connection refused");
    assert_int_equal(err.http_code, 0);
}

/* ---- names ---- */

TEST(names_are_escaped_for_a_path)
{
    static const char *const rows[][2] = {
        {"qa_course-search.2", "qa_course-search.2"},
        {"course-2.W1", "course-2.W1"},
        {"a/b?c#d%e", "a%2Fb%3Fc%23d%25e"},
        {"a b\n\"<>\\", "a%20b%0A%22%3C%3E%5C"},
        {"k\xc3\xa4se", "k%C3%A4se"},
        {"..", ".."},
        {"qa_*", "qa_*"}, /* patterns are asked for on purpose */
        {"a,b", "a,b"},
        {"a&b=c+d", "a%26b%3Dc%2Bd"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *escaped = engine_path_escape(rows[i][0]);
        assert_string_equal(escaped, rows[i][1]);
    }
}

TEST(an_alias_is_found_by_its_whole_name)
{
    char one[] = "course", two[] = "course-2.W1";
    char *aliases[] = {one, two};
    const struct engine_index index = {.aliases = aliases, .alias_count = 2};
    assert_true(engine_index_has_alias(&index, "course"));
    assert_true(engine_index_has_alias(&index, "course-2.W1"));
    assert_false(engine_index_has_alias(&index, "course-2.W11"));
    assert_false(engine_index_has_alias(&index, "cours"));
    assert_false(engine_index_has_alias(&(struct engine_index){}, "course"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reason_is_cut_where_it_quotes_the_request),
        cmocka_unit_test(a_reason_has_a_thousand_bytes_at_most),
        cmocka_unit_test(a_reason_is_cut_between_words),
        cmocka_unit_test(a_reason_is_not_cut_inside_a_character),
        cmocka_unit_test(an_error_of_the_engine_is_type_and_reason),
        cmocka_unit_test(its_cause_is_the_detail),
        cmocka_unit_test(an_error_may_be_a_plain_text),
        cmocka_unit_test(an_answer_that_is_not_the_engines_is_quoted),
        cmocka_unit_test(a_gateways_404_is_not_the_engines),
        cmocka_unit_test(the_engine_says_404_in_its_own_words),
        cmocka_unit_test(an_empty_404_is_of_a_pipeline_and_of_nothing_else),
        cmocka_unit_test(who_is_not_let_in_is_told_what_to_check),
        cmocka_unit_test(no_answer_is_told_with_its_failure),
        cmocka_unit_test(names_are_escaped_for_a_path),
        cmocka_unit_test(an_alias_is_found_by_its_whole_name),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
