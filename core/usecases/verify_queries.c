#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"
#include "base/stop.h"
#include "domain/queries.h"
#include "usecases/targets.h"
#include "usecases/verifying.h"

/* One instance, asked one query. */
struct answers {
    const char *index;
    json *first; /* its first answer */
    int64_t *us; /* how long each took */
    int64_t runs;
};

static void answers_release(struct answers *answers)
{
    json_free(answers->first);
    free(answers->us);
}

static int64_t total(const struct answers *answers)
{
    return json_int(JSON_PATH(answers->first, "hits", "total", "value"), 0);
}

static json *hits(const struct answers *answers)
{
    return JSON_PATH(answers->first, "hits", "hits");
}

/* The part of the top hits that both have. */
static double overlap(const struct answers *one, const struct answers *other)
{
    size_t count = json_length(hits(one)), other_count = json_length(hits(other));
    size_t most = count > other_count ? count : other_count, both = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = json_text(json_get(json_at(hits(one), i), "_id"), "");
        bool found = false;
        for (size_t j = 0; j < other_count && !found; j++)
            found = strcmp(id, json_text(json_get(json_at(hits(other), j), "_id"), "")) == 0;
        both += found;
    }
    return most ? (double)both / (double)most : 1;
}

/* How far two numbers are apart, as a part of the larger. */
static double divergence(int64_t one, int64_t other)
{
    int64_t larger = one > other ? one : other, smaller = one > other ? other : one;
    return larger ? (double)(larger - smaller) / (double)larger : 0;
}

/* ---- latency ---- */

static int by_number(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return first < second ? -1 : first > second;
}

/* Of sorted measurements: the smallest that at least this part of them does not exceed. */
static int64_t quantile(const struct answers *answers, double part)
{
    int64_t place = (int64_t)(part * (double)answers->runs + 0.999999);
    return answers->us[place < 1 ? 0 : place - 1];
}

/* In turns, so that what else happens meets both alike. */
static int measure(struct verifying *verifying, const struct query *query, struct answers *list,
                   size_t count, struct error *err)
{
    struct engine *engine = verifying->context->engine;
    int64_t runs = verifying->request->query_runs;
    for (size_t i = 0; i < count; i++)
        list[i].us = x_calloc((size_t)runs, sizeof(int64_t));
    for (int64_t run = -QUERY_WARM_UP; run < runs; run++) {
        for (size_t i = 0; i < count; i++) {
            _cleanup_(json_freep) json *answer = NULL;
            int64_t began = clock_us();
            if (stop_check(err) < 0 || query_ask(engine, query, list[i].index, &answer, err) < 0)
                return -1;
            if (run >= 0)
                list[i].us[list[i].runs++] = clock_us() - began;
        }
    }
    for (size_t i = 0; i < count; i++)
        qsort(list[i].us, (size_t)runs, sizeof(int64_t), by_number);
    return 0;
}

/* ---- checks ---- */

struct query_checks {
    struct verifying *verifying;
    const char *active;             /* the index to compare with; NULL: there is no other */
    struct buffer results, latency; /* JSON objects by the name of the query, without their end */
};

/* An engine that refuses a query says that the query is not for this mapping. */
static int first_answers(struct query_checks *checks, const struct query *query,
                         struct answers *list, size_t count, struct check *check,
                         bool *ret_answered, struct error *err)
{
    struct engine *engine = checks->verifying->context->engine;
    *ret_answered = false;
    for (size_t i = 0; i < count; i++) {
        if (query_ask(engine, query, list[i].index, &list[i].first, err) == 0)
            continue;
        if (err->http_code != 400)
            return -1;
        _cleanup_free_ char *problem = x_printf("%s%s%s", err->message, err->detail ? ": " : "",
                                                err->detail ? err->detail : "");
        check_add_sample(check, "query", query->name, problem);
        error_release(err);
        return 0;
    }
    *ret_answered = true;
    return 0;
}

static void compare_results(const struct query *query, const struct answers *list, size_t count,
                            struct buffer *numbers, struct check *check)
{
    buffer_char(numbers, numbers->length > 1 ? ',' : '{');
    json_write_string(numbers, query->name, strlen(query->name));
    buffer_printf(numbers, ":{\"total\":%" PRId64, total(&list[0]));
    if (count > 1) {
        double apart = divergence(total(&list[0]), total(&list[1]));
        double both = overlap(&list[0], &list[1]);
        buffer_printf(numbers,
                      ",\"active_total\":%" PRId64 ",\"total_divergence\":%.4f,\"overlap\":%.4f",
                      total(&list[1]), apart, both);
        _cleanup_free_ char *totals =
            x_printf("finds %" PRId64 " documents, and %" PRId64 " in \"%s\"", total(&list[0]),
                     total(&list[1]), list[1].index);
        _cleanup_free_ char *tops =
            x_printf("shares %.2f of its top hits with \"%s\"", both, list[1].index);
        if (query->max_total_divergence >= 0 && apart > query->max_total_divergence)
            check_add_sample(check, "query", query->name, totals);
        if (query->min_overlap >= 0 && both < query->min_overlap)
            check_add_sample(check, "query", query->name, tops);
    }
    buffer_char(numbers, '}');
}

static void compare_latency(const struct query *query, const struct answers *list, size_t count,
                            struct buffer *numbers, struct check *check)
{
    buffer_char(numbers, numbers->length > 1 ? ',' : '{');
    json_write_string(numbers, query->name, strlen(query->name));
    int64_t median = quantile(&list[0], 0.5);
    buffer_printf(numbers, ":{\"runs\":%" PRId64 ",\"median_us\":%" PRId64 ",\"p99_us\":%" PRId64,
                  list[0].runs, median, quantile(&list[0], 0.99));
    if (count > 1) {
        int64_t other = quantile(&list[1], 0.5);
        buffer_printf(numbers, ",\"active_median_us\":%" PRId64 ",\"active_p99_us\":%" PRId64,
                      other, quantile(&list[1], 0.99));
        _cleanup_free_ char *problem =
            x_printf("takes %" PRId64 " us, and %" PRId64 " us in \"%s\" (medians)", median, other,
                     list[1].index);
        if (query->max_latency_growth >= 0 &&
            (double)median > query->max_latency_growth * (double)other)
            check_add_sample(check, "query", query->name, problem);
    }
    buffer_char(numbers, '}');
}

static int verify_query(struct query_checks *checks, const struct query *query,
                        struct check *results, struct check *latency, struct error *err)
{
    const char *indexes[] = {checks->verifying->instance->index_name, checks->active};
    size_t count = checks->active ? 2 : 1;
    struct answers list[2] = {};
    bool answered;
    for (size_t i = 0; i < count; i++)
        list[i].index = indexes[i];
    int result = first_answers(checks, query, list, count, results, &answered, err);
    if (result == 0 && answered) {
        compare_results(query, list, count, &checks->results, results);
        if (checks->verifying->request->query_runs > 0) {
            result = measure(checks->verifying, query, list, count, err);
            if (result == 0)
                compare_latency(query, list, count, &checks->latency, latency);
        }
    }
    for (size_t i = 0; i < count; i++)
        answers_release(&list[i]);
    return result;
}

static int end_check(struct verifying *verifying, struct check *check, struct buffer *numbers,
                     size_t queries, struct error *err)
{
    struct buffer found = check_take_words(check);
    check_number(check, "queries", (int64_t)queries);
    buffer_printf(&check->numbers, ",\"by_query\":%s%s",
                  numbers->length ? buffer_cstr(numbers) : "{", "}");
    check_give_words(check, &found);
    if (check->sample_count)
        check->verdict = VERIFIED_FAILED;
    return check_end(verifying->run, verifying->result, check, err);
}

static int verify_list(struct verifying *verifying, const struct queries *queries,
                       const char *active, struct error *err)
{
    struct query_checks checks = {
        .verifying = verifying,
        .active = active,
        .results = BUFFER(BUFFER_TEXT_MAX),
        .latency = BUFFER(BUFFER_TEXT_MAX),
    };
    check_begin(verifying->result, "query_results", CHECK_CRITICAL);
    struct check *latency = check_begin(verifying->result, "query_latency", CHECK_CRITICAL);
    struct check *results = latency - 1; /* the second of two may move the first */
    int result = 0;
    if (!queries->count) {
        check_skip(results, "there is no queries.ndjson at hand");
        check_skip(latency, "there is no queries.ndjson at hand");
    } else if (!verifying->request->query_runs) {
        check_skip(latency, "--query-runs is 0");
    }
    for (size_t i = 0; i < queries->count && result == 0; i++)
        result = verify_query(&checks, &queries->list[i], results, latency, err);
    if (result == 0 && (end_check(verifying, results, &checks.results, queries->count, err) < 0 ||
                        end_check(verifying, latency, &checks.latency, queries->count, err) < 0))
        result = -1;
    buffer_release(&checks.results);
    buffer_release(&checks.latency);
    return result;
}

/* The index of the active instance, if that is another one; NULL, and said: it is gone. */
static int find_other(const struct verifying *verifying, const struct instance *active,
                      const char **ret_index, struct error *err)
{
    _cleanup_(error_release) struct error gone = {};
    *ret_index = NULL;
    if (!active || active->id == verifying->instance->id)
        return 0;
    if (check_ours(verifying->context, active, NULL, &gone) == 0) {
        *ret_index = active->index_name;
        return 0;
    }
    if (gone.kind != ERR_FAILED) {
        error_move(err, &gone);
        return -1;
    }
    log_say(verifying->context->log, LOG_WARNING,
            "%s: its answers to the queries are compared with no other instance's: %s",
            verifying->instance->index_name, gone.message);
    return 0;
}

int verify_queries(struct verifying *verifying, struct error *err)
{
    struct context *context = verifying->context;
    const struct instance *instance = verifying->instance;
    struct queries queries = {};
    _cleanup_(instances_release) struct instances instances = {};
    if (queries_read(context->settings.indexes, instance->master, &queries, err) < 0)
        return -1;
    const char *other = NULL;
    int result = history_find_instances(context->history, instance->master_id, &instances, err);
    if (result == 0 && queries.count)
        result = find_other(verifying, instances_active(&instances), &other, err);
    if (result == 0)
        result = verify_list(verifying, &queries, other, err);
    queries_release(&queries);
    return result;
}
