/*
 * domain/engine against a server that answers as it was told: lost answers, refusals and shards
 * that are not there, which a real engine cannot be made to give on demand (rules R6, R7, R8).
 */
#include "server.h"

#include "base/memory.h"
#include "base/texts.h"
#include "domain/engine.h"

struct bench {
    struct server server;
    struct engine engine;
    struct error err;
};

static void bench_open(struct bench *bench, const struct server_answer *answers, size_t count)
{
    *bench = (struct bench){};
    server_start(&bench->server, answers, count);
    struct http_options options = {.urls = bench->server.url};
    if (http_open(&options, &bench->engine.http, &bench->err) < 0)
        fail_msg("%s", bench->err.message);
}

/* What the server was asked; the caller's (free()). */
static char *bench_close(struct bench *bench)
{
    http_close(bench->engine.http);
    error_release(&bench->err);
    return server_stop(&bench->server);
}

/* ---- connecting ---- */

#define HELLO(uuid)                                                                                \
    "{\"cluster_uuid\":\"" uuid "\",\"version\":{\"number\":\"2.19.6\",\"distribution\":"          \
    "\"opensearch\"}}"

static int open_two(const char *one_body, const char *other_body, struct engine **ret_engine,
                    struct error *err)
{
    const struct server_answer one_answer = {200, NULL, one_body};
    const struct server_answer other_answer = {200, NULL, other_body};
    struct server one, other;
    server_start(&one, &one_answer, 1);
    server_start(&other, &other_answer, 1);
    _cleanup_free_ char *urls = x_printf("%s,%s", one.url, other.url);
    struct http_options options = {.urls = urls};
    int result = engine_open(&options, ret_engine, err);
    _cleanup_free_ char *asked_one = server_stop(&one), *asked_other = server_stop(&other);
    return result;
}

TEST(several_urls_must_be_of_one_cluster)
{
    _cleanup_(error_release) struct error err = {};
    _cleanup_(engine_closep) struct engine *engine = NULL;
    assert_int_equal(open_two(HELLO("A"), HELLO("B"), &engine, &err), -1);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_contains(err.message, "belongs to another cluster");
    assert_string_equal(err.detail, "Its cluster_uuid is B, theirs is A.");
    error_release(&err);

    assert_int_equal(open_two(HELLO("A"), HELLO("A"), &engine, &err), 0);
    assert_string_equal(engine->cluster_uuid, "A");
    assert_string_equal(engine->version, "2.19.6");
    assert_string_equal(engine->dialect->family, "opensearch");
}

TEST(an_engine_without_distribution_is_elasticsearch)
{
    static const struct server_answer answer = {
        200, NULL, "{\"cluster_uuid\":\"A\",\"version\":{\"number\":\"7.10.2\"}}"};
    _cleanup_(error_release) struct error err = {};
    _cleanup_(engine_closep) struct engine *engine = NULL;
    struct server server;
    server_start(&server, &answer, 1);
    struct http_options options = {.urls = server.url};
    assert_int_equal(engine_open(&options, &engine, &err), 0);
    assert_string_equal(engine->dialect->family, "elasticsearch");
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(one_url_that_answers_is_enough)
{
    static const struct server_answer answer = {200, NULL, HELLO("A")};
    for (int dead_first = 0; dead_first < 2; dead_first++) {
        _cleanup_(error_release) struct error err = {};
        _cleanup_(engine_closep) struct engine *engine = NULL;
        struct server server;
        char dead[48];
        close(server_listen(dead, sizeof(dead)));
        server_start(&server, &answer, 1);
        _cleanup_free_ char *urls =
            x_printf("%s,%s", dead_first ? dead : server.url, dead_first ? server.url : dead);
        struct http_options options = {.urls = urls};
        if (engine_open(&options, &engine, &err) < 0)
            fail_msg("%s", err.message);
        assert_false(error_is_set(&err));
        _cleanup_free_ char *asked = server_stop(&server);
    }
}

TEST(a_gateway_without_its_node_is_passed_over)
{
    static const struct server_answer answer = {200, NULL, HELLO("A")};
    static const struct server_answer gone = {503, NULL, "Service Unavailable"};
    _cleanup_(error_release) struct error err = {};
    _cleanup_(engine_closep) struct engine *engine = NULL;
    struct server one, other;
    server_start(&one, &gone, 1);
    server_start(&other, &answer, 1);
    _cleanup_free_ char *urls = x_printf("%s,%s", one.url, other.url);
    struct http_options options = {.urls = urls};
    if (engine_open(&options, &engine, &err) < 0)
        fail_msg("%s", err.message);
    _cleanup_free_ char *asked = server_stop(&one), *also = server_stop(&other);
}

static void check_not_opened(const struct server_answer *answer, const char *message,
                             const char *hint)
{
    _cleanup_(error_release) struct error err = {};
    struct engine *engine = NULL;
    struct server server;
    server_start(&server, answer, 1);
    struct http_options options = {.urls = server.url};
    assert_int_equal(engine_open(&options, &engine, &err), -1);
    assert_int_equal(err.kind, ERR_ENGINE);
    assert_contains(err.message, message);
    if (hint)
        assert_contains(err.hint, hint);
    assert_null(engine);
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(what_is_no_engine_is_told)
{
    check_not_opened(&(struct server_answer){200, NULL, "{\"hello\":1}"},
                     "is neither Elasticsearch nor OpenSearch", NULL);
    check_not_opened(&(struct server_answer){200, NULL, "<html>"},
                     "engine: connect: the answer is not JSON", "Is this URL really");
    check_not_opened(&(struct server_answer){401, NULL, ""}, "engine: connect: HTTP 401",
                     "password");
    check_not_opened(&(struct server_answer){302, "Location: https://es/x\r\n", ""},
                     "engine: connect: HTTP 302: moved to https://es/x", "--engine");
    check_not_opened(&(struct server_answer){0, NULL, NULL},
                     "engine: connect: ", "Is the engine running at http://127.0.0.1");
}

/* ---- creating (rule R7) ---- */

#define DESCRIBED(action)                                                                          \
    "{\"course-1\":{\"aliases\":{\"course-1.W1\":{}},\"mappings\":{\"_meta\":{\"esmigrate\":"      \
    "{\"action\":\"" action "\"}}},\"settings\":{\"index\":{\"number_of_shards\":\"3\","           \
    "\"uuid\":\"UUID\"}}}}"

#define GONE "{\"error\":{\"type\":\"index_not_found_exception\"},\"status\":404}"

static int create(const struct server_answer *answers, size_t count, char **ret_uuid,
                  struct error *err)
{
    struct bench bench;
    bench_open(&bench, answers, count);
    int result =
        engine_create_index(&bench.engine, "course-1", "{}", "action-id", ret_uuid, &bench.err);
    error_move(err, &bench.err);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(strncmp(asked, "PUT /course-1 ", 14), 0);
    return result;
}

TEST(a_created_index_is_looked_at_for_its_uuid)
{
    static const struct server_answer answers[] = {{200, NULL, "{\"acknowledged\":true}"},
                                                   {200, NULL, DESCRIBED("action-id")}};
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *uuid = NULL;
    assert_int_equal(create(answers, 2, &uuid, &err), 0);
    assert_string_equal(uuid, "UUID");
}

TEST(a_lost_answer_is_no_failure_if_the_index_is_ours)
{
    static const int statuses[] = {0, 502, 504};
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
        const struct server_answer answers[] = {{statuses[i], NULL, NULL},
                                                {200, NULL, DESCRIBED("action-id")}};
        _cleanup_(error_release) struct error err = {};
        _cleanup_free_ char *uuid = NULL;
        if (create(answers, 2, &uuid, &err) < 0)
            fail_msg("%d: %s", statuses[i], err.message);
        assert_string_equal(uuid, "UUID");
        assert_false(error_is_set(&err));
    }
}

/* libcurl sends a request again when the connection was closed before the answer. */
TEST(an_index_that_is_there_already_may_be_ours)
{
    static const char exists[] = "{\"error\":{\"type\":\"resource_already_exists_exception\","
                                 "\"reason\":\"index [course-1/UUID] already exists\"}}";
    static const struct server_answer ours[] = {{400, NULL, exists},
                                                {200, NULL, DESCRIBED("action-id")}};
    static const struct server_answer other[] = {{400, NULL, exists},
                                                 {200, NULL, DESCRIBED("other")}};
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *uuid = NULL;
    assert_int_equal(create(other, 2, &uuid, &err), -1);
    assert_contains(err.message, "resource_already_exists_exception");
    assert_int_equal(err.http_code, 400);
    error_release(&err);
    assert_int_equal(create(ours, 2, &uuid, &err), 0);
    assert_string_equal(uuid, "UUID");
    assert_false(error_is_set(&err));
}

TEST(an_index_of_another_action_is_not_ours)
{
    static const struct server_answer lost[] = {{0, NULL, NULL}, {200, NULL, DESCRIBED("other")}};
    static const struct server_answer gone[] = {{0, NULL, NULL}, {404, NULL, GONE}};
    static const struct server_answer alien[] = {
        {0, NULL, NULL},
        {200, NULL, "{\"course-1\":{\"settings\":{\"index\":{\"uuid\":\"UUID\"}}}}"}};
    static const struct server_answer *const cases[] = {lost, gone, alien};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(error_release) struct error err = {};
        char *uuid = NULL;
        assert_int_equal(create(cases[i], 2, &uuid, &err), -1);
        assert_int_equal(err.kind, ERR_ENGINE);
        assert_contains(err.message, "create index \"course-1\": ");
        assert_null(uuid);
    }
}

TEST(a_refusal_is_final)
{
    /* The second answer would turn it into a success, if it were asked for. */
    static const struct server_answer answers[] = {
        {400, NULL, "{\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"no\"}}"},
        {200, NULL, DESCRIBED("action-id")}};
    _cleanup_(error_release) struct error err = {};
    char *uuid = NULL;
    assert_int_equal(create(answers, 2, &uuid, &err), -1);
    assert_error(&err, ERR_ENGINE,
                 "engine: create index \"course-1\": mapper_parsing_exception: no");
    assert_int_equal(err.http_code, 400);
    assert_null(uuid);
}

TEST(only_the_engine_itself_refuses)
{
    static const int refused[] = {400, 403, 404, 409, 429, 499};
    static const int lost[] = {0, 200, 500, 502, 503, 504};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_true(engine_refused(&(struct error){.http_code = refused[i]}));
    for (size_t i = 0; i < ARRAY_SIZE(lost); i++)
        assert_false(engine_refused(&(struct error){.http_code = lost[i]}));
}

/* ---- looking (rule R8) ---- */

TEST(an_index_is_described)
{
    static const struct server_answer answer = {200, NULL, DESCRIBED("action-id")};
    _cleanup_(engine_index_release) struct engine_index index = {};
    struct bench bench;
    bench_open(&bench, &answer, 1);
    assert_int_equal(engine_find_index(&bench.engine, "course-1", &index, &bench.err), 0);
    assert_true(index.exists);
    assert_string_equal(index.uuid, "UUID");
    assert_string_equal(index.made_by, "action-id");
    assert_int_equal(index.shards, 3);
    assert_true(engine_index_has_alias(&index, "course-1.W1"));
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(an_alias_is_not_the_index)
{
    static const struct server_answer answers[] = {{200, NULL, DESCRIBED("action-id")},
                                                   {404, NULL, GONE}};
    _cleanup_(engine_index_release) struct engine_index index = {};
    struct bench bench;
    bench_open(&bench, answers, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(engine_find_index(&bench.engine, "course", &index, &bench.err), 0);
        assert_false(index.exists);
        assert_null(index.uuid);
    }
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(a_deleted_index_that_is_gone_already_is_fine)
{
    static const struct server_answer answers[] = {{404, NULL, "{\"error\":{\"type\":\"x\"}}"},
                                                   {403, NULL, "{\"error\":{\"type\":\"x\"}}"}};
    struct bench bench;
    bench_open(&bench, answers, 2);
    assert_int_equal(engine_delete_index(&bench.engine, "course-1", &bench.err), 0);
    assert_int_equal(engine_delete_index(&bench.engine, "course-1", &bench.err), -1);
    assert_int_equal(bench.err.http_code, 403);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(strncmp(asked, "DELETE /course-1 ", 17), 0);
}

TEST(a_page_that_says_404_does_not_mean_that_anything_is_gone)
{
    static const struct server_answer page = {404, NULL, "default backend - 404"};
    static const struct server_answer answers[] = {page, page, page, page};
    _cleanup_(engine_index_release) struct engine_index index = {};
    struct engine_entry *entries = NULL;
    char **names = NULL;
    size_t count = 0;
    struct bench bench;
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    for (int i = 0; i < 4; i++) {
        struct engine *engine = &bench.engine;
        struct error *err = &bench.err;
        int result = i == 0   ? engine_delete_index(engine, "course-1", err)
                     : i == 1 ? engine_find_index(engine, "course-1", &index, err)
                     : i == 2 ? engine_alias_indexes(engine, "course", &names, &count, err)
                              : engine_list_indexes(engine, "course-*", &entries, &count, err);
        assert_int_equal(result, -1);
        assert_contains(err->message, ": HTTP 404, not from the engine: default backend - 404");
        assert_false(engine_refused(err));
        error_release(err);
    }
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(a_page_that_says_408_is_no_wait_in_vain)
{
    static const struct server_answer answers[] = {
        {408, NULL, "{\"cluster_name\":\"c\",\"timed_out\":true}"},
        {408, NULL, "<html>Request Timeout</html>"},
    };
    bool done = true;
    struct bench bench;
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    assert_int_equal(engine_wait_copies(&bench.engine, "course-1", 1, &done, &bench.err), 0);
    assert_false(done);
    assert_int_equal(engine_wait_copies(&bench.engine, "course-1", 1, &done, &bench.err), -1);
    assert_contains(bench.err.message, "HTTP 408, not from the engine");
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(the_aliases_are_switched_in_one_call)
{
    static const struct server_answer answer = {200, NULL, "{\"acknowledged\":true}"};
    static const struct alias_action actions[] = {
        {.kind = ALIAS_REMOVE, .index = "course-1", .alias = "course"},
        {.index = "course-2", .alias = "course"}};
    struct bench bench;
    bench_open(&bench, &answer, 1);
    assert_int_equal(engine_update_aliases(&bench.engine, actions, 2, &bench.err), 0);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(strncmp(asked, "POST /_aliases ", 15), 0);
    assert_contains(asked,
                    "\r\n\r\n{\"actions\":[{\"remove\":{\"index\":\"course-1\",\"alias\":"
                    "\"course\"}},{\"add\":{\"index\":\"course-2\",\"alias\":\"course\"}}]}");
}

TEST(the_indexes_of_an_alias_are_listed)
{
    static const struct server_answer answers[] = {
        {200, NULL,
         "{\"course-1\":{\"aliases\":{\"course\":{}}},\"course-2\":{\"aliases\":{\"course\":{}}}}"},
        {404, NULL, "{\"error\":\"alias [course] missing\"}"}};
    char **names = NULL;
    size_t count = 0;
    struct bench bench;
    bench_open(&bench, answers, 2);
    assert_int_equal(engine_alias_indexes(&bench.engine, "course", &names, &count, &bench.err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "course-1");
    assert_string_equal(names[1], "course-2");
    texts_free(names, count);
    assert_int_equal(engine_alias_indexes(&bench.engine, "course", &names, &count, &bench.err), 0);
    assert_int_equal(count, 0);
    texts_free(names, count);
    _cleanup_free_ char *asked = bench_close(&bench);
}

#define ALL_SHARDS "\"_shards\":{\"total\":2,\"successful\":2,\"failed\":0}"

TEST(a_count_without_a_number_is_an_error)
{
    static const struct server_answer answers[] = {{200, NULL, "{\"count\":42," ALL_SHARDS "}"},
                                                   {200, NULL, "{\"hits\":42," ALL_SHARDS "}"}};
    int64_t count = 0;
    struct bench bench;
    bench_open(&bench, answers, 2);
    assert_int_equal(engine_count(&bench.engine, "course-1", &count, &bench.err), 0);
    assert_int_equal(count, 42);
    assert_int_equal(engine_count(&bench.engine, "course-1", &count, &bench.err), -1);
    assert_error(&bench.err, ERR_ENGINE, "engine: count \"course-1\": no count in the answer");
    _cleanup_free_ char *asked = bench_close(&bench);
}

/* ---- sequence numbers (rule R6) ---- */

#define COPY_OF(primary, seq_no)                                                                   \
    "{\"routing\":{\"primary\":" primary "},\"seq_no\":{\"max_seq_no\":" seq_no "}}"
#define SHARDS(list) "{\"indices\":{\"course-1\":{\"shards\":{" list "}}}}"
/* What the index is said to be before its marks are read. */
#define TWO_SHARDS                                                                                 \
    "{\"course-1\":{\"mappings\":{},\"aliases\":{},\"settings\":{\"index\":{\"uuid\":\"u\","       \
    "\"number_of_shards\":\"2\"}}}}"

TEST(the_marks_are_those_of_the_primaries)
{
    static const struct server_answer answers[] = {
        {200, NULL, TWO_SHARDS},
        {200, NULL,
         SHARDS("\"1\":[" COPY_OF("false", "99") "," COPY_OF("true", "7") "],\"0\":[" COPY_OF(
             "true", "-1") "," COPY_OF("false", "5") "]")},
    };
    int64_t *marks = NULL;
    size_t shards = 0;
    struct bench bench;
    bench_open(&bench, answers, 2);
    assert_int_equal(engine_max_seq_no(&bench.engine, "course-1", &marks, &shards, &bench.err), 0);
    assert_int_equal(shards, 2);
    assert_int_equal(marks[0], -1);
    assert_int_equal(marks[1], 7);
    free(marks);
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(a_missing_primary_gives_no_marks)
{
    static const char *const bodies[] = {
        SHARDS("\"0\":[" COPY_OF("false", "7") "],\"1\":[" COPY_OF("true", "7") "]"),
        SHARDS("\"0\":[" COPY_OF("true", "7") "]"), /* nor is the last one */
        SHARDS("\"1\":[" COPY_OF("true", "7") "]"), /* shard 0 is not told of */
        SHARDS("\"0\":[{\"routing\":{\"primary\":true}}]"),
        SHARDS(""),
        "{}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        const struct server_answer answers[] = {{200, NULL, TWO_SHARDS}, {200, NULL, bodies[i]}};
        int64_t *marks = NULL;
        size_t shards = 0;
        struct bench bench;
        bench_open(&bench, answers, 2);
        assert_int_equal(engine_max_seq_no(&bench.engine, "course-1", &marks, &shards, &bench.err),
                         -1);
        assert_contains(bench.err.message, "not all shards of the index answered");
        assert_null(marks);
        _cleanup_free_ char *asked = bench_close(&bench);
    }
}

TEST(a_page_of_documents_has_ids_routing_and_places)
{
    static const struct server_answer answer = {
        200, NULL,
        "{\"timed_out\":false,\"_shards\":{\"total\":1,\"successful\":1,\"failed\":0},\"hits\":{"
        "\"hits\":["
        "{\"_id\":\"a\",\"sort\":[4]},{\"_id\":\"b\",\"_routing\":\"r\",\"sort\":[9]}]}}"};
    struct engine_document *list = NULL;
    size_t count = 0;
    struct bench bench;
    bench_open(&bench, &answer, 1);
    assert_int_equal(
        engine_documents(&bench.engine, "course-1", 2, 3, 10, 500, &list, &count, &bench.err), 0);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, "a");
    assert_null(list[0].routing);
    assert_int_equal(list[0].seq_no, 4);
    assert_string_equal(list[1].routing, "r");
    assert_int_equal(list[1].seq_no, 9);
    engine_documents_free(list, count);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_contains(asked, "POST /course-1/_search?preference=_shards:2 ");
    assert_contains(asked, "\"gt\":3,\"lte\":10");
    assert_contains(asked, "\"size\":500");
}

TEST(a_page_that_misses_a_shard_is_an_error)
{
    static const char *const bodies[] = {
        "{\"timed_out\":true,\"_shards\":{\"total\":2,\"successful\":2,\"failed\":0},"
        "\"hits\":{\"hits\":[]}}",
        "{\"timed_out\":false,\"_shards\":{\"total\":2,\"successful\":2,\"failed\":1},"
        "\"hits\":{\"hits\":[]}}",
        "{\"timed_out\":false,\"_shards\":{\"total\":2,\"successful\":1,\"failed\":0},"
        "\"hits\":{\"hits\":[]}}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        const struct server_answer answer = {200, NULL, bodies[i]};
        struct engine_document *list = NULL;
        size_t count = 0;
        struct bench bench;
        bench_open(&bench, &answer, 1);
        assert_int_equal(
            engine_documents(&bench.engine, "course-1", 0, 3, 10, 500, &list, &count, &bench.err),
            -1);
        assert_contains(bench.err.message, "not all shards of the index answered");
        _cleanup_free_ char *asked = bench_close(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_urls_must_be_of_one_cluster),
        cmocka_unit_test(an_engine_without_distribution_is_elasticsearch),
        cmocka_unit_test(one_url_that_answers_is_enough),
        cmocka_unit_test(a_gateway_without_its_node_is_passed_over),
        cmocka_unit_test(what_is_no_engine_is_told),
        cmocka_unit_test(a_created_index_is_looked_at_for_its_uuid),
        cmocka_unit_test(a_lost_answer_is_no_failure_if_the_index_is_ours),
        cmocka_unit_test(an_index_that_is_there_already_may_be_ours),
        cmocka_unit_test(an_index_of_another_action_is_not_ours),
        cmocka_unit_test(a_refusal_is_final),
        cmocka_unit_test(only_the_engine_itself_refuses),
        cmocka_unit_test(an_index_is_described),
        cmocka_unit_test(an_alias_is_not_the_index),
        cmocka_unit_test(a_deleted_index_that_is_gone_already_is_fine),
        cmocka_unit_test(a_page_that_says_404_does_not_mean_that_anything_is_gone),
        cmocka_unit_test(a_page_that_says_408_is_no_wait_in_vain),
        cmocka_unit_test(the_aliases_are_switched_in_one_call),
        cmocka_unit_test(the_indexes_of_an_alias_are_listed),
        cmocka_unit_test(a_count_without_a_number_is_an_error),
        cmocka_unit_test(the_marks_are_those_of_the_primaries),
        cmocka_unit_test(a_missing_primary_gives_no_marks),
        cmocka_unit_test(a_page_of_documents_has_ids_routing_and_places),
        cmocka_unit_test(a_page_that_misses_a_shard_is_an_error),
    };
    return cmocka_run_group_tests_name("engine calls", tests, NULL, NULL);
}
