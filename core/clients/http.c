#include "clients/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/retry.h"

enum { IDLE_HANDLES = 16 };

_Static_assert(sizeof(((struct http_request *)0)->words) >= CURL_ERROR_SIZE,
               "libcurl's words must fit");

/* A URL that could not be connected to, or was silent, is passed over for so long. */
static const int64_t pass_over_ms = 30 * 1000;

struct endpoint {
    char *url; /* without user, password and final '/' */
    char *user;
    char *password;
    int64_t passed_over_until; /* monotonic ms */
};

struct http {
    CURLM *multi;
    struct endpoint *endpoints;
    size_t count;
    size_t turn;
    char *authorization;     /* a whole header line, or NULL: Basic by user and password, if any */
    enum http_access access; /* which that line is */
    char *ca;
    char *certificate;
    char *key;
    struct http_request *done; /* ended, not yet handed back; oldest first */
    CURL *idle[IDLE_HANDLES];  /* for reuse: they keep their buffers */
    size_t idle_count;
    const struct ticker *ticker;
};

static int set_up(void)
{
    static int state;
    if (!state)
        state = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 1 : -1;
    return state;
}

static char *url_part(CURLU *url, CURLUPart part, unsigned int flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = x_strdup(text);
    curl_free(text);
    return copy;
}

static int parse_url(const char *text, const struct http_options *options,
                     struct endpoint *endpoint, struct error *err)
{
    CURLU *url = curl_url();
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME);
    if (code == CURLUE_OK) {
        endpoint->user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
        endpoint->password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
        curl_url_set(url, CURLUPART_USER, NULL, 0);
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
        endpoint->url = url_part(url, CURLUPART_URL, 0);
    }
    curl_url_cleanup(url);
    bool speaks_http = endpoint->url && strncmp(endpoint->url, "http", 4) == 0;
    if (!speaks_http || strpbrk(endpoint->url, "?#")) {
        error_set(err, ERR_USAGE, "the engine's URL is malformed");
        return error_hint(err, "Write it as http[s]://[user:password@]host[:port][/prefix]; "
                               "several with commas between them.");
    }
    size_t length = strlen(endpoint->url);
    while (length && endpoint->url[length - 1] == '/')
        endpoint->url[--length] = '\0';
    if (!endpoint->user && !endpoint->password) {
        endpoint->user = x_strdup(options->user);
        endpoint->password = x_strdup(options->password);
    } else if (!endpoint->password && !options->user) {
        endpoint->password = x_strdup(options->password);
    }
    return 0;
}

/* Whether a URL begins here: not so in the middle of a password that has a comma in it. */
static bool begins_url(const char *text)
{
    size_t length = strcspn(text, ",/");
    bool has_scheme = length && text[length - 1] == ':' && text[length] == '/';
    return has_scheme || !memchr(text, '@', length);
}

/* Cuts the next of several URLs out of *rest; NULL at the end. */
static char *next_url(char **rest)
{
    *rest += strspn(*rest, ", ");
    if (!**rest)
        return NULL;
    char *url = *rest;
    char *end = url + strcspn(url, ",");
    while (*end && !begins_url(end + 1))
        end += 1 + strcspn(end + 1, ",");
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return url;
}

static int parse_urls(struct http *http, const struct http_options *options, struct error *err)
{
    _cleanup_free_ char *urls = x_strdup(options->urls);
    size_t capacity = 0;
    for (char *rest = urls, *url; (url = next_url(&rest));) {
        http->endpoints = x_grow(http->endpoints, http->count, &capacity, sizeof(*http->endpoints));
        http->endpoints[http->count] = (struct endpoint){};
        if (parse_url(url, options, &http->endpoints[http->count++], err) < 0)
            return -1;
    }
    return http->count ? 0 : error_set(err, ERR_USAGE, "the engine's URL is empty");
}

int http_open(const struct http_options *options, struct http **ret_http, struct error *err)
{
    _cleanup_(http_closep) struct http *http = x_calloc(1, sizeof(*http));
    if (set_up() < 0 || !(http->multi = curl_multi_init()))
        return error_set(err, ERR_ENGINE, "libcurl cannot be set up");
    if (parse_urls(http, options, err) < 0)
        return -1;
    if (options->api_key) {
        http->access = HTTP_API_KEY;
        http->authorization = x_printf("Authorization: ApiKey %s", options->api_key);
    } else if (options->bearer) {
        http->access = HTTP_BEARER;
        http->authorization = x_printf("Authorization: Bearer %s", options->bearer);
    }
    http->ca = x_strdup(options->ca);
    http->certificate = x_strdup(options->certificate);
    http->key = x_strdup(options->key);
    *ret_http = TAKE_PTR(http);
    return 0;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->idle_count; i++)
        curl_easy_cleanup(http->idle[i]);
    if (http->multi)
        curl_multi_cleanup(http->multi);
    for (size_t i = 0; i < http->count; i++) {
        free(http->endpoints[i].url);
        free(http->endpoints[i].user);
        free(http->endpoints[i].password);
    }
    free(http->endpoints);
    free(http->authorization);
    free(http->ca);
    free(http->certificate);
    free(http->key);
    free(http);
}

size_t http_url_count(const struct http *http)
{
    return http->count;
}

const char *http_url(const struct http *http, size_t place)
{
    return http->endpoints[place - 1].url;
}

void http_basic_secrets(const char *user, const char *password, struct secrets *secrets)
{
    if (!password)
        return;
    _cleanup_free_ char *pair = x_printf("%s:%s", user ? user : "", password);
    secrets_add(secrets, pair);
    secrets_add(secrets, password);
}

char *http_urls_public(const char *urls)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(http_closep) struct http *http = x_calloc(1, sizeof(*http));
    struct http_options options = {.urls = urls};
    if (parse_urls(http, &options, &ignored) < 0)
        return NULL;
    struct buffer text = BUFFER(BUFFER_TEXT_MAX);
    for (size_t i = 0; i < http->count; i++)
        buffer_printf(&text, "%s%s", i ? "," : "", http->endpoints[i].url);
    return buffer_take(&text);
}

bool http_urls_name_user(const char *urls, bool each)
{
    _cleanup_(error_release) struct error ignored = {};
    _cleanup_(http_closep) struct http *http = x_calloc(1, sizeof(*http));
    struct http_options options = {.urls = urls};
    size_t users = 0;
    parse_urls(http, &options, &ignored);
    for (size_t i = 0; i < http->count; i++)
        users += http->endpoints[i].user || http->endpoints[i].password;
    return users && (!each || users == http->count);
}

void http_url_secrets(const char *urls, const char *password, struct secrets *secrets)
{
    _cleanup_free_ char *copy = x_strdup(urls);
    for (char *rest = copy, *text; (text = next_url(&rest));) {
        CURLU *url = curl_url();
        if (curl_url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME) == CURLUE_OK) {
            _cleanup_free_ char *user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
            _cleanup_free_ char *own = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
            _cleanup_free_ char *encoded = url_part(url, CURLUPART_PASSWORD, 0);
            http_basic_secrets(user, own ? own : password, secrets);
            secrets_add(secrets, encoded);
        }
        curl_url_cleanup(url);
    }
}

/* ---- requests ---- */

static size_t receive(char *data, size_t size, size_t count, void *request_pointer)
{
    struct http_request *request = request_pointer;
    if (buffer_append(&request->response, data, size * count) < 0)
        return 0;
    return size * count;
}

static void set_headers_and_body(struct http *http, CURL *easy, struct http_request *request)
{
    /* Waiting for "100 Continue" would cost a round trip for every body. */
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    if (http->authorization)
        headers = curl_slist_append(headers, http->authorization);
    if (request->content_type) {
        _cleanup_free_ char *type = x_printf("Content-Type: %s", request->content_type);
        headers = curl_slist_append(headers, type);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
    if (request->content_encoding) {
        _cleanup_free_ char *encoding = x_printf("Content-Encoding: %s", request->content_encoding);
        headers = curl_slist_append(headers, encoding);
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    request->headers = headers;
}

static enum http_access access_of(const struct http *http, const struct endpoint *endpoint)
{
    if (http->authorization)
        return http->access;
    return endpoint->user || endpoint->password ? HTTP_BASIC : HTTP_ANONYMOUS;
}

static void set_access(const struct http *http, const struct endpoint *endpoint, CURL *easy)
{
    if (access_of(http, endpoint) == HTTP_BASIC) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, endpoint->user ? endpoint->user : "");
        curl_easy_setopt(easy, CURLOPT_PASSWORD, endpoint->password ? endpoint->password : "");
    }
    if (http->ca) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL); /* or the system's would count as well */
    }
    if (http->certificate)
        curl_easy_setopt(easy, CURLOPT_SSLCERT, http->certificate);
    curl_easy_setopt(easy, CURLOPT_KEYPASSWD, ""); /* or OpenSSL asks for one on the terminal */
    if (http->key)
        curl_easy_setopt(easy, CURLOPT_SSLKEY, http->key);
}

/* The place whose turn it is, from 1; those that could not be connected to are passed over, unless
 * that is all of them. */
static size_t choose_place(struct http *http)
{
    int64_t now = clock_ms();
    for (size_t i = 0; i < http->count; i++) {
        size_t at = http->turn;
        http->turn = at + 1 < http->count ? at + 1 : 0;
        if (http->endpoints[at].passed_over_until <= now)
            return at + 1;
    }
    return http->turn + 1;
}

static void set_request(struct http *http, CURL *easy, struct http_request *request)
{
    const struct endpoint *endpoint = &http->endpoints[request->used - 1];
    _cleanup_free_ char *url = x_printf("%s%s", endpoint->url, request->path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    set_headers_and_body(http, easy, request);
    set_access(http, endpoint, easy);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->words);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 10L);
    /* A gateway must not forget a connection that waits for a merge; one that did is noticed. */
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 30L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 10L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long)(request->timeout_s ? request->timeout_s : 60));
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "esmigrate");
}

int http_start(struct http *http, struct http_request *request, struct error *err)
{
    CURL *easy = http->idle_count ? http->idle[--http->idle_count] : curl_easy_init();
    if (!easy)
        return error_set(err, ERR_ENGINE, "libcurl cannot make a request");

    request->status = 0;
    request->failure = request->redirect = NULL;
    request->trouble = HTTP_NO_ADVICE;
    request->retry_after = 0;
    request->used = request->place ? request->place : choose_place(http);
    request->access = access_of(http, &http->endpoints[request->used - 1]);
    request->done = false;
    request->response = BUFFER(HTTP_RESPONSE_MAX);
    request->handle = easy;
    *request->words = '\0';

    set_request(http, easy, request);
    if (curl_multi_add_handle(http->multi, easy) != CURLM_OK) {
        curl_easy_cleanup(easy);
        request->handle = NULL;
        return error_set(err, ERR_ENGINE, "libcurl cannot start a request");
    }
    return 0;
}

static void put_back(struct http *http, struct http_request *request)
{
    CURL *easy = request->handle;
    curl_multi_remove_handle(http->multi, easy);
    curl_slist_free_all(request->headers);
    request->handle = request->headers = NULL;
    if (http->idle_count == IDLE_HANDLES) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    http->idle[http->idle_count++] = easy;
}

/* By OpenSSL's X509_V_ERR_ number; libcurl itself compares the names, after that. */
static enum http_trouble certificate_trouble(CURL *easy)
{
    enum { OK, UNSPECIFIED, NO_ISSUER, SELF_SIGNED = 18, SELF_SIGNED_ROOT, NO_LOCAL_ISSUER, LEAF };
    long result = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
    switch (result) {
    case NO_ISSUER:
    case SELF_SIGNED:
    case SELF_SIGNED_ROOT:
    case NO_LOCAL_ISSUER:
    case LEAF:
        return HTTP_UNTRUSTED;
    case OK:
    case UNSPECIFIED: /* libcurl's value until OpenSSL gives one */
        return HTTP_OTHER_NAME;
    default:
        return HTTP_NOT_VALID;
    }
}

/* By the alert the server sent, or the first bytes of what is no TLS: OpenSSL's words only. */
static enum http_trouble tls_trouble(const char *words, CURLcode code)
{
    static const struct {
        const char *words;
        enum http_trouble trouble;
    } known[] = {
        {"wrong version number", HTTP_NO_TLS},
        {"packet length too long", HTTP_NO_TLS},
        {"alert certificate required", HTTP_CERTIFICATE}, /* TLS 1.3 */
        {"alert unknown ca", HTTP_CERTIFICATE},
        {"alert bad certificate", HTTP_CERTIFICATE},
        {"alert certificate expired", HTTP_CERTIFICATE},
        {"alert certificate unknown", HTTP_CERTIFICATE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strstr(words, known[i].words))
            return known[i].trouble;
    bool hung_up = code == CURLE_SSL_CONNECT_ERROR || code == CURLE_SEND_ERROR ||
                   code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING;
    return hung_up ? HTTP_MAYBE_CERTIFICATE : HTTP_NO_ADVICE;
}

static enum http_trouble trouble_of(const struct http *http, const struct http_request *request,
                                    CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
        return certificate_trouble(request->handle);
    case CURLE_SSL_CACERT_BADFILE:
        return HTTP_CA_FILE;
    case CURLE_SSL_CERTPROBLEM:
        return HTTP_CERTIFICATE_FILE;
    default:
        break;
    }
    if (strncmp(http->endpoints[request->used - 1].url, "https:", 6) == 0)
        return tls_trouble(request->words, code);
    /* UNSUPPORTED_PROTOCOL: a TLS alert looks like an answer in HTTP/0.9. */
    bool hung_up =
        code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_UNSUPPORTED_PROTOCOL;
    return hung_up ? HTTP_MAYBE_TLS : HTTP_NO_ADVICE;
}

static bool unconnected(const struct http_request *request)
{
    return request->trouble >= HTTP_UNREACHABLE;
}

static void note_failure(struct http *http, struct http_request *request, CURLcode code)
{
    struct endpoint *endpoint = &http->endpoints[request->used - 1];
    /* There it repeats the URL, or tells which function failed. */
    bool says_less = code == CURLE_COULDNT_CONNECT || code == CURLE_SEND_ERROR || !*request->words;
    request->failure =
        x_printf("%s: %s", endpoint->url, says_less ? curl_easy_strerror(code) : request->words);
    request->trouble = trouble_of(http, request, code);
    if (unconnected(request) || code == CURLE_OPERATION_TIMEDOUT)
        endpoint->passed_over_until = clock_ms() + pass_over_ms;
}

static void note_answer(struct http_request *request)
{
    long status = 0;
    curl_off_t retry_after = 0;
    char *redirect = NULL;
    curl_easy_getinfo(request->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(request->handle, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(request->handle, CURLINFO_REDIRECT_URL, &redirect);
    request->status = (int)status;
    request->retry_after = retry_after > 3600 ? 3600 : (int)retry_after;
    request->redirect = x_strdup(redirect);
}

static void finish(struct http *http, struct http_request *request, CURLcode code)
{
    if (code == CURLE_OK)
        note_answer(request);
    else
        note_failure(http, request, code);
    put_back(http, request);
    request->done = true;
    request->next = NULL;
    struct http_request **end = &http->done;
    while (*end)
        end = &(*end)->next;
    *end = request;
}

static int progress(struct http *http, struct error *err)
{
    int running = 0;
    CURLMcode code = curl_multi_perform(http->multi, &running);
    if (code != CURLM_OK)
        return error_set(err, ERR_ENGINE, "libcurl: %s", curl_multi_strerror(code));

    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct http_request *request = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        finish(http, request, result);
    }
    return 0;
}

int http_wait(struct http *http, struct pollfd *others, size_t count, int timeout_ms,
              struct error *err)
{
    enum { OTHERS = 4 };
    struct curl_waitfd wait[OTHERS] = {};
    if (count > OTHERS)
        __builtin_trap();
    if (progress(http, err) < 0)
        return -1;
    if (http->done)
        return 0;

    unsigned int used = 0;
    size_t places[OTHERS];
    for (size_t i = 0; i < count; i++) {
        others[i].revents = 0;
        if (others[i].fd < 0)
            continue;
        wait[used].fd = others[i].fd;
        wait[used].events = (short)(((others[i].events & POLLIN) ? CURL_WAIT_POLLIN : 0) |
                                    ((others[i].events & POLLOUT) ? CURL_WAIT_POLLOUT : 0));
        places[used++] = i;
    }
    int limit_ms = ticker_limit(http->ticker, timeout_ms);
    CURLMcode code = curl_multi_poll(http->multi, wait, used, limit_ms, NULL);
    if (code != CURLM_OK)
        return error_set(err, ERR_ENGINE, "libcurl: %s", curl_multi_strerror(code));
    for (unsigned int i = 0; i < used; i++)
        others[places[i]].revents = wait[i].revents;
    ticker_call(http->ticker);
    return progress(http, err);
}

void http_set_ticker(struct http *http, const struct ticker *ticker)
{
    http->ticker = ticker;
}

struct http_request *http_next_done(struct http *http)
{
    struct http_request *request = http->done;
    if (request) {
        http->done = request->next;
        request->next = NULL;
    }
    return request;
}

static void unlink_done(struct http *http, struct http_request *request)
{
    for (struct http_request **at = &http->done; *at; at = &(*at)->next) {
        if (*at == request) {
            *at = request->next;
            request->next = NULL;
            return;
        }
    }
}

static int perform_once(struct http *http, struct http_request *request, struct error *err)
{
    if (http_start(http, request, err) < 0)
        return -1;
    while (!request->done) {
        if (progress(http, err) < 0)
            return -1;
        int limit_ms = ticker_limit(http->ticker, 1000);
        if (!request->done && curl_multi_poll(http->multi, NULL, 0, limit_ms, NULL) != CURLM_OK)
            return error_set(err, ERR_ENGINE, "libcurl cannot wait");
        ticker_call(http->ticker);
    }
    unlink_done(http, request);
    return 0;
}

int http_perform(struct http *http, struct http_request *request, struct error *err)
{
    size_t tries = request->place ? 1 : http->count;
    if (perform_once(http, request, err) < 0)
        return -1;
    /* What could not be connected to has certainly not carried anything out. */
    while (unconnected(request) && --tries) {
        http_request_release(request);
        if (perform_once(http, request, err) < 0)
            return -1;
    }
    return 0;
}

void http_abort(struct http *http, struct http_request *request)
{
    if (request->handle)
        put_back(http, request);
    unlink_done(http, request);
    http_request_release(request);
}

void http_request_release(struct http_request *request)
{
    free(request->failure);
    free(request->redirect);
    request->failure = request->redirect = NULL;
    buffer_release(&request->response);
}
