/* clients/http, against a server that answers as it was told */
#include "server.h"

#include "base/memory.h"
#include "base/retry.h"
#include "clients/http.h"

static struct http *open_with(const struct http_options *options)
{
    _cleanup_(error_release) struct error err = {};
    struct http *http = NULL;
    if (http_open(options, &http, &err) < 0)
        fail_msg("%s: %s", options->urls, err.message);
    return http;
}

static struct http *open_http(const char *urls)
{
    return open_with(&(struct http_options){.urls = urls});
}

/* Performs a request for "/x" on a server that gives this one answer. */
static void ask(const struct server_answer *answer, struct http_request *request)
{
    _cleanup_(error_release) struct error err = {};
    struct server server;
    server_start(&server, answer, 1);
    _cleanup_(http_closep) struct http *http = open_http(server.url);
    *request = (struct http_request){.method = "GET", .path = "/x"};
    assert_int_equal(http_perform(http, request, &err), 0);
    _cleanup_free_ char *asked = server_stop(&server);
}

/* ---- URLs ---- */

TEST(a_url_loses_user_password_and_final_slash)
{
    static const char *const rows[][2] = {
        {"http://h:9200", "http://h:9200"},
        {"http://h:9200/", "http://h:9200"},
        {"https://u:p@h:9200/es/", "https://h:9200/es"},
        {"http://u@h/a/b", "http://h/a/b"},
        {"h:9200", "http://h:9200"},
        {"http://[::1]:9200", "http://[::1]:9200"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(http_closep) struct http *http = open_http(rows[i][0]);
        assert_int_equal(http_url_count(http), 1);
        assert_string_equal(http_url(http, 1), rows[i][1]);
    }
}

TEST(several_urls_stand_with_commas)
{
    _cleanup_(http_closep) struct http *http =
        open_http("http://u:p@one:9200/,two:9201, https://three/es");
    assert_int_equal(http_url_count(http), 3);
    assert_string_equal(http_url(http, 1), "http://one:9200");
    assert_string_equal(http_url(http, 2), "http://two:9201");
    assert_string_equal(http_url(http, 3), "https://three/es");
}

TEST(a_malformed_url_is_refused_without_quoting_it)
{
    static const char *const urls[] = {
        "http://",
        "http://u:geheim@h:port",
        "ftp://u:geheim@h",
        "file:///etc/passwd",
        "http://u:geheim@h/?x=1",
        "http://u:geheim@h/#x",
        "httpx://u:geheim@h",
        "http://one:9200,http://u:geheim@h:port",
    };
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        _cleanup_(error_release) struct error err = {};
        struct http_options options = {.urls = urls[i]};
        struct http *http = NULL;
        if (http_open(&options, &http, &err) == 0)
            fail_msg("accepted: %s", urls[i]);
        assert_error(&err, ERR_USAGE, "the engine's URL is malformed");
        assert_contains(err.hint, "http[s]://");
        assert_null(http_urls_public(urls[i]));
    }
}

TEST(no_url_at_all_is_refused)
{
    static const char *const urls[] = {"", ",", " , "};
    for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
        _cleanup_(error_release) struct error err = {};
        struct http_options options = {.urls = urls[i]};
        struct http *http = NULL;
        assert_int_equal(http_open(&options, &http, &err), -1);
        assert_error(&err, ERR_USAGE, "the engine's URL is empty");
    }
}

TEST(public_urls_have_no_user_and_no_password)
{
    static const char *const rows[][2] = {
        {"http://elastic:geheim@h:9200/", "http://h:9200"},
        {"http://elastic@h:9200/es,https://u:geheim@b", "http://h:9200/es,https://b"},
        {"h:9200", "http://h:9200"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *urls = http_urls_public(rows[i][0]);
        assert_string_equal(urls, rows[i][1]);
    }
}

TEST(what_a_url_carries_is_secret)
{
    static const struct {
        const char *url;
        const char *text;
        const char *wanted;
    } rows[] = {
        {"http://elastic:geheim@h", "pw geheim", "pw ***"},
        {"http://elastic:geheim@h/", "Basic ZWxhc3RpYzpnZWhlaW0=", "Basic ***"},
        {"http://e:g%40heim@h", "g@heim", "***"},
        {"http://e:g%40heim@h", "http://e:g%40heim@h", "http://***@h"},
        {"http://e:g%4fheim@h", "http://x:g%4fheim@h", "http://x:***@h"},
        {"http://a,http://e:one@b,http://e:two@c", "one two", "*** ***"},
        {"http://elastic@host:9200", "elastic@host:9200", "elastic@host:9200"},
        {"http://host:9200/prefix", "host:9200/prefix", "host:9200/prefix"},
        {"not a url", "not a url", "not a url"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(secrets_release) struct secrets secrets = {};
        http_url_secrets(rows[i].url, NULL, &secrets);
        _cleanup_free_ char *masked = secrets_mask(&secrets, rows[i].text);
        assert_string_equal(masked, rows[i].wanted);
    }
}

TEST(a_password_of_its_own_is_secret_with_the_user_of_a_url_that_has_none)
{
    _cleanup_(secrets_release) struct secrets secrets = {};
    http_url_secrets("http://elastic@a,http://e:one@b,http://c", "geheim", &secrets);
    _cleanup_free_ char *masked =
        secrets_mask(&secrets, "Basic ZWxhc3RpYzpnZWhlaW0=, Basic ZTpvbmU=, Basic ZTpnZWhlaW0=");
    assert_string_equal(masked, "Basic ***, Basic ***, Basic ZTpnZWhlaW0=");
}

TEST(which_urls_name_a_user_is_known)
{
    static const struct {
        const char *urls;
        bool one, each;
    } rows[] = {
        {"http://u:p@a", true, true},        {"http://u@a,http://b", true, false},
        {"http://a,http://b", false, false}, {"http://u@a,http://v:w@b", true, true},
        {"http://:p@a", true, true},         {"", false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(http_urls_name_user(rows[i].urls, false), rows[i].one);
        assert_int_equal(http_urls_name_user(rows[i].urls, true), rows[i].each);
    }
}

TEST(a_user_and_a_password_of_their_own_are_secret)
{
    _cleanup_(secrets_release) struct secrets secrets = {};
    http_basic_secrets("elastic", "geheim", &secrets);
    http_basic_secrets("user", NULL, &secrets);
    http_basic_secrets(NULL, "other", &secrets);
    _cleanup_free_ char *masked =
        secrets_mask(&secrets, "geheim, Basic ZWxhc3RpYzpnZWhlaW0=, Basic Om90aGVy, user elastic");
    assert_string_equal(masked, "***, Basic ***, Basic ***, user elastic");
}

/* ---- requests ---- */

TEST(an_answer_has_status_and_body)
{
    struct http_request request;
    ask(&(struct server_answer){200, NULL, "{\"a\":1}"}, &request);
    assert_null(request.failure);
    assert_int_equal(request.status, 200);
    assert_int_equal(request.response.length, 7);
    assert_string_equal(buffer_cstr(&request.response), "{\"a\":1}");
    http_request_release(&request);
}

TEST(an_error_status_is_an_answer_too)
{
    struct http_request request;
    ask(&(struct server_answer){404, NULL, "gone"}, &request);
    assert_null(request.failure);
    assert_int_equal(request.status, 404);
    assert_string_equal(buffer_cstr(&request.response), "gone");
    http_request_release(&request);
}

TEST(a_retry_after_is_read)
{
    static const struct {
        const char *headers;
        int wanted;
    } rows[] = {
        {"Retry-After: 7\r\n", 7},
        {NULL, 0},
        {"Retry-After: 999999\r\n", 3600},
        {"retry-after: 0\r\n", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct http_request request;
        ask(&(struct server_answer){429, rows[i].headers, NULL}, &request);
        assert_int_equal(request.status, 429);
        assert_int_equal(request.retry_after, rows[i].wanted);
        http_request_release(&request);
    }
}

TEST(no_answer_is_a_failure)
{
    struct http_request request;
    ask(&(struct server_answer){0, NULL, NULL}, &request);
    assert_non_null(request.failure);
    assert_int_equal(request.status, 0);
    http_request_release(&request);
}

TEST(a_cut_answer_is_a_failure)
{
    struct http_request request;
    ask(&(struct server_answer){200, "Content-Length: 99\r\n", "{\"errors\":false"}, &request);
    assert_non_null(request.failure);
    assert_int_equal(request.status, 0);
    http_request_release(&request);
}

TEST(a_refused_connection_is_a_failure)
{
    _cleanup_(error_release) struct error err = {};
    char url[48];
    int fd = server_listen(url, sizeof(url));
    close(fd);
    _cleanup_(http_closep) struct http *http = open_http(url);
    struct http_request request = {.method = "GET", .path = "/"};
    assert_int_equal(http_perform(http, &request, &err), 0);
    assert_int_equal(request.status, 0);
    _cleanup_free_ char *wanted = x_printf("%s: ", url);
    assert_contains(request.failure, wanted);
    http_request_release(&request);
}

static void perform(struct http *http, struct http_request *request)
{
    _cleanup_(error_release) struct error err = {};
    assert_int_equal(http_perform(http, request, &err), 0);
    assert_null(request->failure);
    http_request_release(request);
}

TEST(a_request_is_sent_as_it_was_given)
{
    static const struct server_answer answers[] = {{200, NULL, "1"}, {200, NULL, NULL}};
    struct server server;
    server_start(&server, answers, ARRAY_SIZE(answers));
    _cleanup_free_ char *url = x_printf("http://us%%40er:p%%3Ass@%s/es/", server.url + 7);
    _cleanup_(http_closep) struct http *http = open_http(url);
    struct http_request put = {
        .method = "PUT",
        .path = "/course-1?x=%20",
        .content_type = "application/json",
        .body = "{\"a\":1}and more",
        .body_length = 7,
    };
    struct http_request head = {.method = "HEAD", .path = "/y"};
    perform(http, &put);
    perform(http, &head);

    _cleanup_free_ char *asked = server_stop(&server);
    char *second = strchr(asked, '\x1e');
    assert_non_null(second);
    *second++ = '\0';
    assert_int_equal(strncmp(asked, "PUT /es/course-1?x=%20 HTTP/1.1\r\n", 33), 0);
    assert_contains(asked, "\r\nContent-Type: application/json\r\n");
    assert_contains(asked, "\r\nContent-Length: 7\r\n");
    assert_contains(asked, "\r\nAuthorization: Basic dXNAZXI6cDpzcw==\r\n");
    assert_contains(asked, "\r\nAccept-Encoding: ");
    assert_contains(asked, "\r\n\r\n{\"a\":1}");
    assert_lacks(asked, "Expect:");
    assert_lacks(asked, "and more");

    assert_int_equal(strncmp(second, "HEAD /es/y HTTP/1.1\r\n", 21), 0);
    assert_lacks(second, "Content-Type");
    assert_lacks(second, "Content-Length");
}

/* What one request sent in its Authorization header with these options but the URL, "" for none;
 * userinfo: "" or "user:password@" in the URL. The caller's (free()). */
static char *authorization(struct http_options options, const char *userinfo)
{
    static const struct server_answer answer = {200, NULL, NULL};
    struct server server;
    server_start(&server, &answer, 1);
    _cleanup_free_ char *url = x_printf("http://%s%s", userinfo, server.url + 7);
    options.urls = url;
    _cleanup_(http_closep) struct http *http = open_with(&options);
    struct http_request request = {.method = "GET", .path = "/"};
    perform(http, &request);
    _cleanup_free_ char *asked = server_stop(&server);
    const char *found = strstr(asked, "\r\nAuthorization: ");
    if (!found)
        return x_strdup("");
    found += strlen("\r\nAuthorization: ");
    assert_null(strstr(found, "\r\nAuthorization: "));
    return x_strndup(found, strcspn(found, "\r\n"));
}

TEST(one_way_of_access_is_used)
{
    static const struct {
        struct http_options options;
        const char *userinfo;
        const char *wanted;
    } rows[] = {
        {{}, "", ""},
        {{.user = "u", .password = "p"}, "", "Basic dTpw"},
        {{.user = "u", .password = "p"}, "a:b@", "Basic YTpi"}, /* the URL's own */
        {{.password = "p"}, "a@", "Basic YTpw"},
        {{.user = "u", .password = "p"}, "a@", "Basic YTo="}, /* not another user's password */
        {{.api_key = "aWQ6a2V5"}, "", "ApiKey aWQ6a2V5"},
        {{.api_key = "aWQ6a2V5", .user = "u", .password = "p"}, "a:b@", "ApiKey aWQ6a2V5"},
        {{.bearer = "token"}, "a:b@", "Bearer token"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_free_ char *sent = authorization(rows[i].options, rows[i].userinfo);
        assert_string_equal(sent, rows[i].wanted);
    }
}

/* ---- several URLs ---- */

/* A URL that nobody listens at. */
static void dead_url(char *ret_url, size_t size)
{
    close(server_listen(ret_url, size));
}

TEST(urls_take_turns)
{
    static const struct server_answer answers[] = {{200, NULL, "x"}, {200, NULL, "x"}};
    struct server one, other;
    server_start(&one, answers, 2);
    server_start(&other, answers, 2);
    _cleanup_free_ char *urls = x_printf("%s,%s", one.url, other.url);
    _cleanup_(http_closep) struct http *http = open_http(urls);
    for (int i = 0; i < 4; i++) {
        struct http_request request = {.method = "GET", .path = "/turn"};
        perform(http, &request);
    }
    _cleanup_free_ char *asked_one = server_stop(&one), *asked_other = server_stop(&other);
    assert_contains(strchr(asked_one, '\x1e') + 1, "GET /turn");
    assert_contains(strchr(asked_other, '\x1e') + 1, "GET /turn");
}

TEST(a_url_that_cannot_be_connected_to_is_passed_over)
{
    static const struct server_answer answers[] = {
        {200, NULL, "x"}, {200, NULL, "x"}, {200, NULL, "x"}};
    _cleanup_(error_release) struct error err = {};
    struct server server;
    char dead[48];
    dead_url(dead, sizeof(dead));
    server_start(&server, answers, 3);
    _cleanup_free_ char *urls = x_printf("%s,%s", dead, server.url);
    _cleanup_(http_closep) struct http *http = open_http(urls);
    for (int i = 0; i < 2; i++) {
        struct http_request request = {.method = "GET", .path = "/"};
        perform(http, &request);
    }
    /* Now that it is known, a request is not even tried there. */
    struct http_request request = {.method = "GET", .path = "/"};
    assert_int_equal(http_start(http, &request, &err), 0);
    for (int64_t until = clock_ms() + 20000; !request.done && clock_ms() < until;)
        assert_int_equal(http_wait(http, NULL, 0, 100, &err), 0);
    assert_ptr_equal(http_next_done(http), &request);
    assert_int_equal(request.status, 200);
    http_request_release(&request);
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(a_request_for_one_url_goes_to_no_other)
{
    static const struct server_answer answers[] = {{200, NULL, "x"}, {200, NULL, "x"}};
    _cleanup_(error_release) struct error err = {};
    struct server server;
    char dead[48];
    dead_url(dead, sizeof(dead));
    server_start(&server, answers, 2);
    _cleanup_free_ char *urls = x_printf("%s,%s", server.url, dead);
    _cleanup_(http_closep) struct http *http = open_http(urls);
    struct http_request request = {.method = "GET", .path = "/", .place = 2};
    assert_int_equal(http_perform(http, &request, &err), 0);
    assert_contains(request.failure, dead);
    http_request_release(&request);
    for (int i = 0; i < 2; i++) {
        request = (struct http_request){.method = "GET", .path = "/", .place = 1};
        perform(http, &request);
    }
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(a_request_that_got_through_is_not_sent_to_another_url)
{
    static const struct server_answer silent = {0, NULL, NULL}, well = {200, NULL, "x"};
    _cleanup_(error_release) struct error err = {};
    struct server one, other;
    server_start(&one, &silent, 1);
    server_start(&other, &well, 1);
    _cleanup_free_ char *urls = x_printf("%s,%s", one.url, other.url);
    _cleanup_(http_closep) struct http *http = open_http(urls);
    struct http_request request = {.method = "PUT", .path = "/"};
    assert_int_equal(http_perform(http, &request, &err), 0);
    assert_non_null(request.failure);
    http_request_release(&request);
    _cleanup_free_ char *asked_one = server_stop(&one), *asked_other = server_stop(&other);
    assert_contains(asked_one, "PUT / ");
    assert_string_equal(asked_other, "");
}

/* ---- several at a time ---- */

TEST(several_requests_are_under_way_at_once)
{
    static const struct server_answer answers[] = {
        {200, NULL, "a"}, {201, NULL, "b"}, {503, NULL, "c"}};
    _cleanup_(error_release) struct error err = {};
    struct server server;
    struct http_request requests[3];
    int owners[3];
    server_start(&server, answers, 3);
    _cleanup_(http_closep) struct http *http = open_http(server.url);
    for (size_t i = 0; i < 3; i++) {
        requests[i] = (struct http_request){.method = "GET", .path = "/", .owner = &owners[i]};
        assert_int_equal(http_start(http, &requests[i], &err), 0);
    }
    int ended = 0, statuses = 0;
    for (int64_t until = clock_ms() + 20000; ended < 3 && clock_ms() < until;) {
        assert_int_equal(http_wait(http, NULL, 0, 1000, &err), 0);
        for (struct http_request *done; (done = http_next_done(http)); ended++) {
            assert_ptr_equal(done->owner, &owners[done - requests]);
            statuses += done->status;
            http_request_release(done);
        }
    }
    assert_int_equal(ended, 3);
    assert_int_equal(statuses, 200 + 201 + 503);
    assert_null(http_next_done(http));
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(a_wait_ends_when_its_time_is_up)
{
    _cleanup_(error_release) struct error err = {};
    struct server server;
    server_start(&server, NULL, 0);
    _cleanup_(http_closep) struct http *http = open_http(server.url);
    struct http_request request = {.method = "GET", .path = "/"};
    assert_int_equal(http_start(http, &request, &err), 0);
    int64_t began = clock_ms();
    while (clock_ms() - began < 100)
        assert_int_equal(http_wait(http, NULL, 0, 20, &err), 0);
    assert_true(clock_ms() - began < 5000);
    assert_null(http_next_done(http));
    http_abort(http, &request);
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(a_wait_ends_when_another_descriptor_is_ready)
{
    _cleanup_(error_release) struct error err = {};
    struct server server;
    int ready[2], quiet[2];
    server_start(&server, NULL, 0);
    assert_int_equal(pipe(ready) + pipe(quiet), 0);
    _cleanup_(http_closep) struct http *http = open_http(server.url);
    struct http_request request = {.method = "GET", .path = "/"};
    assert_int_equal(http_start(http, &request, &err), 0);
    assert_int_equal(write(ready[1], "x", 1), 1);
    struct pollfd others[] = {
        {.fd = -1, .events = POLLIN},
        {.fd = quiet[0], .events = POLLIN},
        {.fd = ready[0], .events = POLLIN},
    };
    int64_t began = clock_ms();
    assert_int_equal(http_wait(http, others, 3, 15000, &err), 0);
    assert_true(clock_ms() - began < 5000);
    assert_int_equal(others[0].revents, 0);
    assert_int_equal(others[1].revents, 0);
    assert_true(others[2].revents & POLLIN);
    http_abort(http, &request);
    close(ready[0]);
    close(ready[1]);
    close(quiet[0]);
    close(quiet[1]);
    _cleanup_free_ char *asked = server_stop(&server);
}

TEST(a_request_taken_back_is_not_handed_back)
{
    static const struct server_answer answers[] = {{200, NULL, "x"}, {200, NULL, "y"}};
    _cleanup_(error_release) struct error err = {};
    struct server server;
    server_start(&server, answers, 2);
    _cleanup_(http_closep) struct http *http = open_http(server.url);
    struct http_request ended = {.method = "GET", .path = "/"}, other = ended;
    assert_int_equal(http_start(http, &ended, &err), 0);
    for (int64_t until = clock_ms() + 20000; !ended.done && clock_ms() < until;)
        assert_int_equal(http_wait(http, NULL, 0, 100, &err), 0);
    assert_true(ended.done);
    http_abort(http, &ended); /* it has ended already, but nobody has asked for it */
    assert_null(http_next_done(http));

    assert_int_equal(http_perform(http, &other, &err), 0);
    assert_int_equal(other.status, 200);
    http_request_release(&other);
    _cleanup_free_ char *asked = server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_loses_user_password_and_final_slash),
        cmocka_unit_test(several_urls_stand_with_commas),
        cmocka_unit_test(a_malformed_url_is_refused_without_quoting_it),
        cmocka_unit_test(no_url_at_all_is_refused),
        cmocka_unit_test(public_urls_have_no_user_and_no_password),
        cmocka_unit_test(what_a_url_carries_is_secret),
        cmocka_unit_test(a_password_of_its_own_is_secret_with_the_user_of_a_url_that_has_none),
        cmocka_unit_test(which_urls_name_a_user_is_known),
        cmocka_unit_test(a_user_and_a_password_of_their_own_are_secret),
        cmocka_unit_test(an_answer_has_status_and_body),
        cmocka_unit_test(an_error_status_is_an_answer_too),
        cmocka_unit_test(a_retry_after_is_read),
        cmocka_unit_test(no_answer_is_a_failure),
        cmocka_unit_test(a_cut_answer_is_a_failure),
        cmocka_unit_test(a_refused_connection_is_a_failure),
        cmocka_unit_test(a_request_is_sent_as_it_was_given),
        cmocka_unit_test(one_way_of_access_is_used),
        cmocka_unit_test(urls_take_turns),
        cmocka_unit_test(a_url_that_cannot_be_connected_to_is_passed_over),
        cmocka_unit_test(a_request_for_one_url_goes_to_no_other),
        cmocka_unit_test(a_request_that_got_through_is_not_sent_to_another_url),
        cmocka_unit_test(several_requests_are_under_way_at_once),
        cmocka_unit_test(a_wait_ends_when_its_time_is_up),
        cmocka_unit_test(a_wait_ends_when_another_descriptor_is_ready),
        cmocka_unit_test(a_request_taken_back_is_not_handed_back),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
