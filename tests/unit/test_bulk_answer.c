/* domain/bulk: judging and reading the answer (rules R2, R3, R4) */
#include "support.h"

#include <stdio.h>

#include "domain/bulk.h"

/* ---- judging ---- */

TEST(items_are_judged_by_status_and_type)
{
    static const struct {
        enum bulk_kind kind;
        int status;
        const char *type;
        enum bulk_verdict wanted;
    } rows[] = {
        {BULK_INDEX, 200, "", BULK_ACCEPTED},
        {BULK_INDEX, 201, "", BULK_ACCEPTED},
        {BULK_DELETE, 200, "", BULK_ACCEPTED},
        {BULK_DELETE, 404, "", BULK_ACCEPTED}, /* it is gone either way */
        {BULK_DELETE_COPY, 404, "", BULK_ACCEPTED},

        /* no room now: OpenSearch's and Elasticsearch's names */
        {BULK_INDEX, 429, "rejected_execution_exception", BULK_BUSY},
        {BULK_INDEX, 429, "es_rejected_execution_exception", BULK_BUSY},
        {BULK_DELETE, 429, "circuit_breaking_exception", BULK_BUSY},
        {BULK_INDEX, 503, "unavailable_shards_exception", BULK_BUSY},
        {BULK_INDEX, 503, "", BULK_BUSY},

        /* a block: of the flood stage, or one that somebody has set */
        {BULK_INDEX, 429, "cluster_block_exception", BULK_BLOCKED},
        {BULK_DELETE, 429, "cluster_block_exception", BULK_BLOCKED},
        {BULK_INDEX, 403, "cluster_block_exception", BULK_FATAL},

        {BULK_INDEX, 409, "version_conflict_engine_exception", BULK_CONFLICT},
        {BULK_DELETE, 409, "version_conflict_engine_exception", BULK_CONFLICT},

        /* the document's own fault, in both families' words */
        {BULK_INDEX, 400, "mapper_parsing_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "document_parsing_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "strict_dynamic_mapping_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "illegal_argument_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "x_content_parse_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "json_parse_exception", BULK_REJECTED},
        {BULK_INDEX, 400, "max_bytes_length_exceeded_exception", BULK_REJECTED},

        /* the write alias is gone (rule R2) */
        {BULK_INDEX, 400, "invalid_index_name_exception", BULK_REPLACED},
        {BULK_DELETE, 400, "invalid_index_name_exception", BULK_REPLACED},

        /* the index, a right, or the engine is at fault */
        {BULK_INDEX, 400, "index_closed_exception", BULK_FATAL},
        {BULK_INDEX, 404, "index_not_found_exception", BULK_FATAL},
        {BULK_DELETE, 404, "index_not_found_exception", BULK_FATAL},
        {BULK_INDEX, 404, "alias_not_found_exception", BULK_FATAL},
        {BULK_INDEX, 403, "security_exception", BULK_FATAL},
        {BULK_INDEX, 401, "security_exception", BULK_FATAL},
        {BULK_INDEX, 500, "null_pointer_exception", BULK_FATAL},
        {BULK_INDEX, 404, "", BULK_FATAL}, /* only a delete may find nothing */
        {BULK_INDEX, 409, "resource_already_exists_exception", BULK_FATAL},

        /* it cannot be known */
        {BULK_INDEX, 400, "illegal_state_exception", BULK_SUSPECT},
        {BULK_INDEX, 400, "never_heard_of_exception", BULK_SUSPECT},
        {BULK_DELETE, 400, "never_heard_of_exception", BULK_SUSPECT},
        {BULK_INDEX, 413, "never_heard_of_exception", BULK_SUSPECT},
        {BULK_INDEX, 400, "", BULK_SUSPECT},
        {BULK_INDEX, 500, "never_heard_of_exception", BULK_FATAL},
        {BULK_INDEX, 403, "never_heard_of_exception", BULK_FATAL},

        /* a pipeline's own refusal; a node that goes */
        {BULK_INDEX, 500, "fail_processor_exception", BULK_REJECTED},
        {BULK_INDEX, 500, "node_closed_exception", BULK_BUSY},
        {BULK_INDEX, 504, "", BULK_BUSY},

        {BULK_INDEX, 500, "mapper_parsing_exception", BULK_FATAL},
        {BULK_INDEX, 301, "", BULK_FATAL},
        {BULK_INDEX, 199, "", BULK_FATAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum bulk_verdict verdict = bulk_judge(rows[i].kind, rows[i].status, rows[i].type, "");
        if (verdict != rows[i].wanted)
            fail_msg("%d %s is judged %d, not %d", rows[i].status, rows[i].type, verdict,
                     rows[i].wanted);
    }
}

/* The same type may blame a document, the index or a pipeline: the reason tells. */
TEST(what_is_to_blame_is_told_by_the_reason_too)
{
    static const struct {
        int status;
        const char *type;
        const char *reason;
        enum bulk_blame wanted;
    } rows[] = {
        {400, "illegal_argument_exception", "Limit of total fields [3] has been exceeded",
         BLAME_DOCUMENT},
        {400, "illegal_argument_exception", "pipeline with id [gone] does not exist",
         BLAME_PIPELINE},
        {500, "illegal_state_exception",
         "Pipeline processor configured for non-existent pipeline [nope]", BLAME_PIPELINE},
        {400, "illegal_argument_exception",
         "no write index is defined for alias [x]. The write index may be explicitly disabled",
         BLAME_INDEX},
        {400, "illegal_argument_exception",
         "Number of documents in shard [x][0] exceeds the limit of [2147483519] documents per "
         "shard",
         BLAME_INDEX},
        {400, "index_closed_exception", "closed", BLAME_INDEX},
        {403, "cluster_block_exception", "index write (api)", BLAME_BLOCK},
        {403, "security_exception", "no permissions for [indices:data/write/bulk]", BLAME_RIGHT},
        {403, "", "", BLAME_RIGHT},
        {400, "invalid_index_name_exception", "must be lowercase", BLAME_WRITER},
        {400, "never_heard_of_exception", "pipeline with id [", BLAME_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (bulk_blame(rows[i].status, rows[i].type, rows[i].reason) != rows[i].wanted)
            fail_msg("%s: %s", rows[i].type, rows[i].reason);
}

/* The whole cluster is blocked while it has no master or its state is not recovered yet. */
TEST(a_block_that_goes_away_with_the_next_master_is_waited_for)
{
    enum bulk_verdict verdict = bulk_judge(BULK_INDEX, 503, "cluster_block_exception", "");
    assert_true(verdict == BULK_BUSY || verdict == BULK_BLOCKED);
}

TEST(the_engines_version_is_read_from_the_reason)
{
    static const struct {
        const char *reason;
        int64_t wanted;
    } rows[] = {
        {"[42]: version conflict, current version [1764000000123457] is higher than the one "
         "provided [1764000000123456]",
         1764000000123457},
        {"[x]: version conflict, current version [7] is higher or equal to the one provided [7]",
         7},
        {"[1]: version conflict, current version [0] is higher than the one provided [0]", 0},
        {"version conflict, document already exists", -1},
        {"", -1},
        {NULL, -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_true(version_in_reason(rows[i].reason) == rows[i].wanted);
}

TEST(the_limit_of_a_whole_request_is_read)
{
    static const struct {
        const char *answer;
        int64_t wanted;
    } rows[] = {
        {"{\"error\":{\"type\":\"circuit_breaking_exception\",\"reason\":\"[in_flight_requests] "
         "Data "
         "too large\",\"bytes_wanted\":6066,\"bytes_limit\":1024},\"status\":429}",
         512},
        {"{\"error\":{\"type\":\"rejected_execution_exception\",\"reason\":\"rejected execution of "
         "coordinating operation [all_bytes=0, coordinating_operation_bytes=63000124, "
         "max_coordinating_and_primary_bytes=53687091]\"},\"status\":429}",
         53687091},
        {"{\"error\":{\"reason\":\"rejected execution: queue capacity 1\"},\"status\":429}", -1},
        {"{\"error\":{\"reason\":\"max_coordinating_and_primary_bytes\"},\"status\":429}", -1},
        {"<html>429</html>", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_true(bulk_limit_in_answer(rows[i].answer, strlen(rows[i].answer)) == rows[i].wanted);
}

/* ---- reading ---- */

/* What a visit was told, a line per item: "number verdict status type: reason". */
struct told {
    struct buffer lines;
    int stop_at; /* the visit of this item fails */
};

static int visit(size_t item, const struct bulk_result *result, void *data, struct error *err)
{
    struct told *told = data;
    buffer_printf(&told->lines, "%zu %d %d %s: %s\n", item, (int)result->verdict, result->status,
                  result->type ? result->type : "", result->reason ? result->reason : "");
    if ((int)item == told->stop_at)
        return error_set(err, ERR_BUSY, "stopped by the visit");
    return 0;
}

/* An index, a delete, and an index. */
static void three_items(struct bulk *bulk)
{
    const struct span none = {};
    bulk_init(bulk, 1000);
    bulk_add_document(bulk, span_of("1"), none, 5, span_of("{}"));
    bulk_add_delete(bulk, span_of("2"), none, 5);
    bulk_add_document(bulk, span_of("3"), none, 5, span_of("{}"));
}

static int read_answer(const char *answer, struct told *told, struct error *err)
{
    _cleanup_(bulk_release) struct bulk bulk;
    three_items(&bulk);
    return bulk_read_answer(&bulk, answer, strlen(answer), visit, told, err);
}

static void check_told(const char *answer, const char *wanted)
{
    struct told told = {.lines = BUFFER(10000), .stop_at = -1};
    _cleanup_(error_release) struct error err = {};
    if (read_answer(answer, &told, &err) < 0)
        fail_msg("%s: %s", answer, err.message);
    assert_string_equal(buffer_cstr(&told.lines), wanted);
    buffer_release(&told.lines);
}

static void check_refused(const char *answer, const char *message)
{
    struct told told = {.lines = BUFFER(10000), .stop_at = -1};
    _cleanup_(error_release) struct error err = {};
    assert_int_equal(read_answer(answer, &told, &err), -1);
    assert_error(&err, ERR_ENGINE, message);
    buffer_release(&told.lines);
}

TEST(an_answer_without_errors_accepts_all)
{
    static const char all[] = "0 0 200 : \n1 0 200 : \n2 0 200 : \n";
    check_told("{\"errors\":false}", all);
    check_told("{\"errors\":false,\"items\":[{\"index\":{\"status\":201}}]}", all);
}

TEST(without_errors_the_items_are_looked_at_when_a_pipeline_dropped_one)
{
    check_told(
        "{\"errors\":false,\"items\":[{\"index\":{\"result\":\"created\",\"status\":201}},"
        "{\"delete\":{\"result\":\"deleted\",\"status\":200}},"
        "{\"index\":{\"result\":\"noop\",\"status\":200}}]}",
        "0 0 201 : \n1 0 200 : \n"
        "2 4 200 dropped_by_pipeline: an ingest pipeline of the index dropped the document\n");
}

TEST(each_item_is_judged_in_its_place)
{
    check_told(
        "{\"errors\":true,\"items\":["
        "{\"index\":{\"status\":429,\"error\":{\"type\":\"es_rejected_execution_exception\","
        "\"reason\":\"queue full\"}}},"
        "{\"delete\":{\"status\":404,\"result\":\"not_found\"}},"
        "{\"index\":{\"status\":400,\"error\":{\"type\":\"mapper_parsing_exception\","
        "\"reason\":\"failed to parse field [n]\",\"caused_by\":{\"type\":"
        "\"illegal_argument_exception\",\"reason\":\"outer cause\",\"caused_by\":{\"type\":"
        "\"number_format_exception\",\"reason\":\"For input string: \\\"x\\\"\"}}}}}]}",
        "0 1 429 es_rejected_execution_exception: queue full\n"
        "1 0 404 : \n"
        "2 4 400 mapper_parsing_exception: failed to parse field [n]: For input string: \"x\"\n");
}

TEST(the_order_of_members_does_not_matter)
{
    check_told(
        "{\"items\":[{\"index\":{\"status\":200}},{\"delete\":{\"status\":200}},"
        "{\"index\":{\"error\":{\"reason\":\"r\",\"type\":\"parsing_exception\"},\"status\":400}}],"
        "\"took\":3,\"errors\":true}",
        "0 0 200 : \n1 0 200 : \n2 4 400 parsing_exception: r\n");
    check_told("{\"took\":3,\"errors\":false,\"items\":[{\"index\":{\"status\":201}},"
               "{\"delete\":{\"status\":404}},{\"index\":{\"status\":200}}]}",
               "0 0 201 : \n1 0 404 : \n2 0 200 : \n");
}

TEST(reasons_are_cut_where_they_quote_the_request)
{
    check_told("{\"errors\":true,\"items\":[{\"index\":{\"status\":400,\"error\":{\"type\":\"a\","
               "\"reason\":\"bad at [Source: (secret)\",\"caused_by\":{\"type\":\"b\","
               "\"reason\":\"worse\\n at [Source: (secret)\"}}}},"
               "{\"delete\":{\"status\":200}},{\"index\":{\"status\":200}}]}",
               "0 5 400 a: bad: worse\n1 0 200 : \n2 0 200 : \n");
}

TEST(an_answer_of_another_size_is_refused)
{
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":201}},"
                  "{\"delete\":{\"status\":200}}]}",
                  "engine: bulk: the answer has 2 items for 3 documents");
    check_refused("{\"errors\":true,\"items\":[{},{},{},{}]}",
                  "engine: bulk: the answer has 4 items for 3 documents");
    check_refused("{\"errors\":true}", "engine: bulk: the answer has 0 items for 3 documents");
    check_refused("{\"errors\":true,\"items\":{}}",
                  "engine: bulk: the answer has 0 items for 3 documents");
}

TEST(garbage_is_refused)
{
    static const char *const answers[] = {
        "",
        "x",
        "[]",
        "null",
        "{",
        "<html>502 Bad Gateway</html>",
        "{\"errors\":true,\"items\":[",
        "{\"error\":{\"type\":\"x\"},\"status\":500}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
        check_refused(answers[i], "engine: bulk: the answer has 0 items for 3 documents");
}

TEST(an_item_without_status_is_refused)
{
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":200}},{\"delete\":{}},"
                  "{\"index\":{\"status\":200}}]}",
                  "engine: bulk: item 1 of the answer has no status");
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":\"200\"}},{},{}]}",
                  "engine: bulk: item 0 of the answer has no status");
    check_refused("{\"errors\":true,\"items\":[null,{},{}]}",
                  "engine: bulk: item 0 of the answer has no status");
}

TEST(a_status_beyond_an_int_is_none)
{
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":4294967496}},{},{}]}",
                  "engine: bulk: item 0 of the answer has no status"); /* 2^32 + 200 */
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":-200}},{},{}]}",
                  "engine: bulk: item 0 of the answer has no status");
}

TEST(an_item_of_another_kind_is_refused)
{
    check_refused("{\"errors\":true,\"items\":[{\"index\":{\"status\":200}},"
                  "{\"index\":{\"status\":200}},{\"index\":{\"status\":200}}]}",
                  "engine: bulk: item 1 of the answer has no status");
}

TEST(a_visit_may_end_the_reading)
{
    static const char *const answers[] = {
        "{\"errors\":false}",
        "{\"errors\":true,\"items\":[{\"index\":{\"status\":200}},{\"delete\":{\"status\":200}},"
        "{\"index\":{\"status\":200}}]}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        struct told told = {.lines = BUFFER(10000), .stop_at = 1};
        _cleanup_(error_release) struct error err = {};
        assert_int_equal(read_answer(answers[i], &told, &err), -1);
        assert_error(&err, ERR_BUSY, "stopped by the visit");
        assert_string_equal(buffer_cstr(&told.lines), "0 0 200 : \n1 0 200 : \n");
        buffer_release(&told.lines);
    }
}

TEST(an_error_without_a_type_is_judged_by_its_status)
{
    check_told("{\"errors\":true,\"items\":[{\"index\":{\"status\":500,\"error\":\"boom\"}},"
               "{\"delete\":{\"status\":200}},{\"index\":{\"status\":200}}]}",
               "0 7 500 : \n1 0 200 : \n2 0 200 : \n");
}

TEST(a_long_answer_is_read_item_by_item)
{
    enum { COUNT = 1000 };
    const struct span none = {};
    _cleanup_(bulk_release) struct bulk bulk;
    _cleanup_(buffer_release) struct buffer answer = BUFFER(BUFFER_TEXT_MAX);
    struct told told = {.lines = BUFFER(BUFFER_TEXT_MAX), .stop_at = -1};
    struct error err = {};
    bulk_init(&bulk, 1000000);
    buffer_text(&answer, "{\"errors\":true,\"items\":[");
    for (int i = 0; i < COUNT; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%d", i);
        bulk_add_document(&bulk, span_of(id), none, 5, span_of("{}"));
        buffer_printf(&answer, "%s{\"index\":{\"status\":%d}}", i ? "," : "", i == 777 ? 429 : 200);
    }
    buffer_text(&answer, "]}");
    assert_int_equal(
        bulk_read_answer(&bulk, buffer_cstr(&answer), answer.length, visit, &told, &err), 0);
    assert_contains(buffer_cstr(&told.lines), "\n776 0 200 : \n777 1 429 : \n778 0 200 : \n");
    assert_contains(buffer_cstr(&told.lines), "\n999 0 200 : \n");
    buffer_release(&told.lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_judged_by_status_and_type),
        cmocka_unit_test(what_is_to_blame_is_told_by_the_reason_too),
        cmocka_unit_test(a_block_that_goes_away_with_the_next_master_is_waited_for),
        cmocka_unit_test(the_engines_version_is_read_from_the_reason),
        cmocka_unit_test(the_limit_of_a_whole_request_is_read),
        cmocka_unit_test(an_answer_without_errors_accepts_all),
        cmocka_unit_test(without_errors_the_items_are_looked_at_when_a_pipeline_dropped_one),
        cmocka_unit_test(each_item_is_judged_in_its_place),
        cmocka_unit_test(the_order_of_members_does_not_matter),
        cmocka_unit_test(reasons_are_cut_where_they_quote_the_request),
        cmocka_unit_test(an_answer_of_another_size_is_refused),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(an_item_without_status_is_refused),
        cmocka_unit_test(a_status_beyond_an_int_is_none),
        cmocka_unit_test(an_item_of_another_kind_is_refused),
        cmocka_unit_test(a_visit_may_end_the_reading),
        cmocka_unit_test(an_error_without_a_type_is_judged_by_its_status),
        cmocka_unit_test(a_long_answer_is_read_item_by_item),
    };
    return cmocka_run_group_tests_name("bulk answer", tests, NULL, NULL);
}
