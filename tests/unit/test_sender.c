/*
 * load/sender, against a server that answers as it was told: what is sent again, and that every
 * document is accounted for (rules R2 and R4). What touches the history is tested end to end.
 */
#include "server.h"

#include "base/memory.h"
#include "base/retry.h"
#include "load/sender.h"

struct bench {
    struct server server;
    struct engine engine;
    struct history history; /* without connections: no lock, and no rejected document is written */
    struct sender *sender;
};

static void bench_open(struct bench *bench, const struct server_answer *answers, size_t count)
{
    _cleanup_(error_release) struct error err = {};
    server_start(&bench->server, answers, count);
    struct http_options http_options = {.urls = bench->server.url};
    if (http_open(&http_options, &bench->engine.http, &err) < 0)
        fail_msg("%s", err.message);
    const struct sender_options options = {
        .engine = &bench->engine,
        .history = &bench->history,
        .instance_id = 1,
        .action_id = "id",
        .index_name = "course-2",
        .write_alias = "course-2.W1",
        .version = 77,
        .max_document_bytes = 100000,
    };
    bench->sender = sender_open(&options);
}

/* What the server was asked is the caller's (free()). */
static char *bench_close(struct bench *bench)
{
    sender_close(bench->sender);
    http_close(bench->engine.http);
    return server_stop(&bench->server);
}

static void add(struct bench *bench, const char *id)
{
    _cleanup_(error_release) struct error err = {};
    const struct span none = {};
    assert_int_equal(
        sender_add_document(bench->sender, span_of(id), none, span_of("{\"a\":1}"), &err), 0);
}

static void finish(struct bench *bench)
{
    _cleanup_(error_release) struct error err = {};
    if (sender_finish(bench->sender, &err) < 0)
        fail_msg("%s", err.message);
}

static void check_totals(const struct bench *bench, int64_t sent, int64_t indexed, int64_t deleted,
                         int64_t retries)
{
    const struct sender_totals *totals = sender_totals(bench->sender);
    assert_int_equal(totals->sent, sent);
    assert_int_equal(totals->indexed, indexed);
    assert_int_equal(totals->deleted, deleted);
    assert_int_equal(totals->retries, retries);
    assert_int_equal(totals->rejected, 0);
    assert_int_equal(totals->superseded, 0);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

static const char all_well[] = "{\"errors\":false}";

TEST(documents_and_deletes_go_through_the_write_alias)
{
    static const struct server_answer answers[] = {{200, NULL, all_well}};
    _cleanup_(error_release) struct error err = {};
    struct bench bench = {};
    bench_open(&bench, answers, 1);
    add(&bench, "1");
    assert_int_equal(sender_add_delete(bench.sender, span_of("2"), span_of("r"), &err), 0);
    finish(&bench);
    check_totals(&bench, 2, 1, 1, 0);
    int64_t bytes = sender_totals(bench.sender)->bytes;

    static const char body[] =
        "{\"index\":{\"_id\":\"1\",\"version\":77,\"version_type\":\"external_gte\"}}\n"
        "{\"a\":1}\n"
        "{\"delete\":{\"_id\":\"2\",\"routing\":\"r\",\"version\":77,"
        "\"version_type\":\"external_gte\"}}\n";
    assert_int_equal(bytes, strlen(body));
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(strncmp(asked, "POST /course-2.W1/_bulk?filter_path=", 36), 0);
    assert_contains(asked, "items.*.status");
    assert_contains(asked, "items.*.result");
    assert_contains(asked, "Content-Type: application/x-ndjson\r\n");
    assert_contains(asked, body);
}

TEST(nothing_to_send_sends_nothing)
{
    struct bench bench = {};
    bench_open(&bench, NULL, 0);
    finish(&bench);
    check_totals(&bench, 0, 0, 0, 0);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_string_equal(asked, "");
}

TEST(only_the_items_that_found_no_room_are_sent_again)
{
    static const struct server_answer answers[] = {
        {200, NULL,
         "{\"errors\":true,\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"status\":429,"
         "\"error\":{\"type\":\"rejected_execution_exception\",\"reason\":\"full\"}}},"
         "{\"index\":{\"status\":201}},{\"index\":{\"status\":503,\"error\":{\"type\":"
         "\"unavailable_shards_exception\",\"reason\":\"gone\"}}}]}"},
        {200, NULL,
         "{\"errors\":true,\"items\":[{\"index\":{\"status\":201}},{\"index\":{\"status\":429,"
         "\"error\":{\"type\":\"cluster_block_exception\",\"reason\":\"full\"}}}]}"},
        {200, NULL, all_well},
    };
    struct bench bench = {};
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    add(&bench, "one");
    add(&bench, "two");
    add(&bench, "three");
    add(&bench, "four");
    finish(&bench);
    check_totals(&bench, 4, 4, 0, 3);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(count_of(asked, "\x1e"), 3);
    assert_int_equal(count_of(asked, "\"_id\":\"one\""), 1);
    assert_int_equal(count_of(asked, "\"_id\":\"two\""), 2);
    assert_int_equal(count_of(asked, "\"_id\":\"three\""), 1);
    assert_int_equal(count_of(asked, "\"_id\":\"four\""), 3);
}

TEST(a_request_without_answer_or_place_is_sent_again_whole)
{
    static const struct server_answer answers[] = {
        {0, NULL, NULL}, {429, NULL, ""}, {503, NULL, "x"}, {502, NULL, ""}, {200, NULL, all_well},
    };
    struct bench bench = {};
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    add(&bench, "one");
    add(&bench, "two");
    finish(&bench);
    check_totals(&bench, 2, 2, 0, 8);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(count_of(asked, "\"_id\":\"one\""), 5);
    assert_int_equal(count_of(asked, "\"_id\":\"two\""), 5);
}

TEST(a_retry_after_is_waited_for)
{
    static const struct server_answer answers[] = {{429, "Retry-After: 1\r\n", ""},
                                                   {200, NULL, all_well}};
    struct bench bench = {};
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    add(&bench, "one");
    int64_t began = clock_ms();
    finish(&bench);
    assert_true(clock_ms() - began >= 990);
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(a_request_that_is_too_large_is_halved)
{
    static const struct server_answer answers[] = {
        {413, NULL, ""},       {200, NULL, all_well}, {400, NULL, ""},
        {200, NULL, all_well}, {200, NULL, all_well},
    };
    struct bench bench = {};
    bench_open(&bench, answers, ARRAY_SIZE(answers));
    add(&bench, "1");
    add(&bench, "2");
    add(&bench, "3");
    add(&bench, "4");
    add(&bench, "5");
    finish(&bench);
    const struct sender_totals *totals = sender_totals(bench.sender);
    assert_int_equal(totals->sent, 5);
    assert_int_equal(totals->indexed, 5);
    assert_int_equal(totals->rejected, 0);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_int_equal(count_of(asked, "\x1e"), 5);
    for (char id = '1'; id <= '5'; id++) {
        const char sought[] = {'"', '_', 'i', 'd', '"', ':', '"', id, '"', '\0'};
        assert_in_range(count_of(asked, sought), 2, 3);
    }
}

/* ---- what ends the run ---- */

static void check_ended(const struct server_answer *answer, enum error_kind kind,
                        const char *message)
{
    _cleanup_(error_release) struct error err = {};
    struct bench bench = {};
    bench_open(&bench, answer, 1);
    add(&bench, "one");
    assert_int_equal(sender_finish(bench.sender, &err), -1);
    assert_error(&err, kind, message);
    assert_int_equal(sender_totals(bench.sender)->indexed, 0);
    _cleanup_free_ char *asked = bench_close(&bench);
}

TEST(a_replaced_writer_stops)
{
    static const char message[] = "index \"course-2\": another run has taken over as its writer";
    check_ended(&(struct server_answer){200, NULL,
                                        "{\"errors\":true,\"items\":[{\"index\":{\"status\":400,"
                                        "\"error\":{\"type\":\"invalid_index_name_exception\","
                                        "\"reason\":\"must be lowercase\"}}}]}"},
                ERR_FAILED, message);
    check_ended(&(struct server_answer){400, NULL,
                                        "{\"error\":{\"type\":\"invalid_index_name_exception\","
                                        "\"reason\":\"must be lowercase\"},\"status\":400}"},
                ERR_FAILED, message);
}

TEST(what_blames_the_index_or_a_right_stops_the_run)
{
    check_ended(&(struct server_answer){200, NULL,
                                        "{\"errors\":true,\"items\":[{\"index\":{\"status\":403,"
                                        "\"error\":{\"type\":\"security_exception\","
                                        "\"reason\":\"no permission\"}}}]}"},
                ERR_ENGINE,
                "engine: index \"course-2\": document \"one\": HTTP 403 security_exception: no "
                "permission");
    check_ended(&(struct server_answer){401, NULL, ""}, ERR_ENGINE, "engine: bulk: HTTP 401");
}

TEST(an_answer_that_does_not_fit_stops_the_run)
{
    check_ended(&(struct server_answer){200, NULL, "{\"errors\":true,\"items\":[]}"}, ERR_ENGINE,
                "engine: bulk: the answer has 0 items for 1 documents");
    check_ended(&(struct server_answer){200, NULL, "<html>welcome</html>"}, ERR_ENGINE,
                "engine: bulk: the answer has 0 items for 1 documents");
}

TEST(the_first_failure_leaves_nothing_in_flight_behind)
{
    enum { LARGE = 3000000 }; /* bytes; two of them do not share a request */
    static const struct server_answer answers[] = {{401, NULL, ""}};
    _cleanup_(error_release) struct error err = {};
    _cleanup_free_ char *large = x_malloc(LARGE);
    const struct span none = {};
    struct bench bench = {};
    memset(large, ' ', LARGE);
    bench_open(&bench, answers, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(sender_add_document(bench.sender, span_of("1"), none,
                                             (struct span){large, LARGE}, &err),
                         0);
    assert_int_equal(sender_finish(bench.sender, &err), -1);
    assert_int_equal(err.kind, ERR_ENGINE);
    _cleanup_free_ char *asked = bench_close(&bench);
}

/* ---- ids ---- */

TEST(a_delete_that_can_be_in_no_index_is_done)
{
    _cleanup_(error_release) struct error err = {};
    const struct span none = {};
    char id[513];
    struct bench bench = {};
    memset(id, 'x', sizeof(id));
    bench_open(&bench, NULL, 0);
    assert_int_equal(sender_add_delete(bench.sender, (struct span){id, 513}, none, &err), 0);
    assert_int_equal(sender_add_delete(bench.sender, span_of(""), none, &err), 0);
    finish(&bench);
    check_totals(&bench, 2, 0, 2, 0);
    _cleanup_free_ char *asked = bench_close(&bench);
    assert_string_equal(asked, "");
}

TEST(an_id_of_512_bytes_is_sent)
{
    static const struct server_answer answers[] = {{200, NULL, all_well}};
    _cleanup_(error_release) struct error err = {};
    const struct span none = {};
    char id[512];
    struct bench bench = {};
    memset(id, 'x', sizeof(id));
    bench_open(&bench, answers, 1);
    assert_int_equal(
        sender_add_document(bench.sender, (struct span){id, 512}, none, span_of("{}"), &err), 0);
    finish(&bench);
    check_totals(&bench, 1, 1, 0, 0);
    _cleanup_free_ char *asked = bench_close(&bench);
}

/* ---- documents that come as rows ---- */

static const struct json_row *row_of(struct json_shape *shape, struct span *value, size_t length,
                                     struct json_row *ret_row)
{
    json_shape_add(shape, "a", JSON_FORM_STRING);
    char *text = x_malloc(length);
    memset(text, 'x', length);
    *value = (struct span){text, length};
    *ret_row = (struct json_row){shape, value};
    return ret_row;
}

/* The length of the body of the n-th request that was sent. */
static size_t body_length(const char *asked, int n)
{
    static const char name[] = "Content-Length: ";
    while (n-- > 0)
        asked = strstr(asked, name) + strlen(name);
    return strtoul(asked, NULL, 10);
}

TEST(rows_are_cut_into_requests_as_other_documents_are)
{
    enum { ROWS = 600, BYTES = 9900, MOST = 5 * 1024 * 1024 };
    static const struct server_answer answers[] = {{200, NULL, all_well}, {200, NULL, all_well}};
    _cleanup_(error_release) struct error err = {};
    _cleanup_(json_shape_release) struct json_shape shape = {};
    struct bench bench = {};
    struct span value, none = {};
    struct json_row row;
    row_of(&shape, &value, BYTES, &row);
    bench_open(&bench, answers, 2);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(sender_add_row(bench.sender, span_of("1"), none, &row, &err), 0);
    finish(&bench);
    check_totals(&bench, ROWS, ROWS, 0, 0);
    size_t bytes = (size_t)sender_totals(bench.sender)->bytes;
    _cleanup_free_ char *asked = bench_close(&bench);
    size_t one = body_length(asked, 1), other = body_length(asked, 2), item = bytes / ROWS;
    size_t larger = one > other ? one : other;
    assert_int_equal(one + other, bytes);
    assert_true(item > BYTES && larger <= MOST && larger + item > MOST);
    free((char *)value.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_and_deletes_go_through_the_write_alias),
        cmocka_unit_test(nothing_to_send_sends_nothing),
        cmocka_unit_test(only_the_items_that_found_no_room_are_sent_again),
        cmocka_unit_test(a_request_without_answer_or_place_is_sent_again_whole),
        cmocka_unit_test(a_retry_after_is_waited_for),
        cmocka_unit_test(a_request_that_is_too_large_is_halved),
        cmocka_unit_test(a_replaced_writer_stops),
        cmocka_unit_test(what_blames_the_index_or_a_right_stops_the_run),
        cmocka_unit_test(an_answer_that_does_not_fit_stops_the_run),
        cmocka_unit_test(the_first_failure_leaves_nothing_in_flight_behind),
        cmocka_unit_test(a_delete_that_can_be_in_no_index_is_done),
        cmocka_unit_test(an_id_of_512_bytes_is_sent),
        cmocka_unit_test(rows_are_cut_into_requests_as_other_documents_are),
    };
    return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
