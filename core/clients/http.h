/*
 * HTTP to the engine; the only user of libcurl. One event loop for all requests: http_start()
 * puts a request under way, http_wait() lets all of them progress, http_next_done() hands back
 * those that have ended. http_perform() does the three for a single request.
 *
 * A request that got an answer, whatever its status, has failure == NULL; one that got none
 * (refused, reset, timed out) has its reason there.
 */
#ifndef ESMIGRATE_CLIENTS_HTTP_H
#define ESMIGRATE_CLIENTS_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/secrets.h"

struct http;

/* NULL for what is not used. User and password stand for URLs that carry none of their own. */
struct http_options {
    const char *urls; /* [scheme://][user:password@]host[:port][/prefix], several with commas */
    const char *user;
    const char *password; /* also of a user that a URL names without one, unless `user` is given */
    const char *api_key;  /* as the Authorization header wants it, base64 of "id:key" */
    const char *bearer;
    const char *ca;          /* file of certificates that alone the server's is checked against */
    const char *certificate; /* file of the client's certificate */
    const char *key;         /* file of its key, if that is not in the same file */
};

/* What a request showed of who asks. */
enum http_access { HTTP_ANONYMOUS, HTTP_BASIC, HTTP_API_KEY, HTTP_BEARER };

/* Why there was no answer, as far as libcurl and OpenSSL tell what to do about it. */
enum http_trouble {
    HTTP_NO_ADVICE,
    HTTP_MAYBE_TLS,         /* it hung up on plain HTTP */
    HTTP_MAYBE_CERTIFICATE, /* it hung up on TLS: the client's certificate may be why */
    /* From here on the request has certainly not been carried out. */
    HTTP_UNREACHABLE,
    HTTP_NO_TLS,           /* it does not speak TLS */
    HTTP_UNTRUSTED,        /* no known authority has signed its certificate */
    HTTP_NOT_VALID,        /* its certificate has expired, or is otherwise not good */
    HTTP_OTHER_NAME,       /* its certificate is not for the host in the URL */
    HTTP_CERTIFICATE,      /* it wants one of the client, or another one */
    HTTP_CA_FILE,          /* no certificates in it */
    HTTP_CERTIFICATE_FILE, /* certificate or key cannot be used */
};

struct http_request {
    /* set by the caller; texts and body must live until the request has ended */
    const char *method;
    const char *path;             /* begins with '/' */
    const char *content_type;     /* NULL without a body */
    const char *content_encoding; /* NULL: none */
    const void *body;
    size_t body_length; /* bytes */
    int timeout_s;      /* of the whole request; 0: 60 */
    size_t place;       /* 0: any of the URLs; else only the one at this place, from 1 */
    void *owner;        /* for the caller */

    /* set when it has ended */
    int status;    /* HTTP status; 0 without an answer */
    char *failure; /* why there is no answer, or NULL */
    enum http_trouble trouble;
    enum http_access access;
    char *redirect;  /* where an answer 3xx points to, or NULL */
    int retry_after; /* seconds the server asked to wait, 0 if it did not */
    struct buffer response;

    /* private */
    void *handle;
    void *headers;
    struct http_request *next;
    char words[256]; /* libcurl's about a failure */
    size_t used;     /* the place of the URL it went to */
    bool done;
};

/* The response may have this many bytes at most; a longer one is a failure. */
#define HTTP_RESPONSE_MAX ((size_t)256 * 1024 * 1024)

int http_open(const struct http_options *options, struct http **ret_http, struct error *err);
void http_close(struct http *http);
DEFINE_CLEANUP(struct http *, http_close)

/* How many URLs there are, and the one at a place from 1: without user and password. */
size_t http_url_count(const struct http *http);
const char *http_url(const struct http *http, size_t place);

/* The URLs without users and passwords; the caller's (free()). NULL if one cannot be parsed. */
char *http_urls_public(const char *urls);

/* Whether one of them, or each, names a user. */
bool http_urls_name_user(const char *urls, bool each);

/* Adds what URLs carry in secrets, also in the form the Authorization header has. `password` (or
 * NULL) is that of users named without one. */
void http_url_secrets(const char *urls, const char *password, struct secrets *secrets);
/* The same for a user and a password of their own. */
void http_basic_secrets(const char *user, const char *password, struct secrets *secrets);

/* URLs take turns; one that could not be connected to, or was silent, is passed over for a while.
 */
int http_start(struct http *http, struct http_request *request, struct error *err);

/*
 * Lets the requests progress and waits at most timeout_ms for one of them, or for one of the
 * further descriptors (their revents are set), to have something to do.
 */
int http_wait(struct http *http, struct pollfd *others, size_t count, int timeout_ms,
              struct error *err);

/* A request that has ended, or NULL. */
struct http_request *http_next_done(struct http *http);

/* One request from start to end; where a URL cannot be connected to, the next one is tried. */
int http_perform(struct http *http, struct http_request *request, struct error *err);

/* Takes back a request that is under way: its body may be freed afterwards. */
void http_abort(struct http *http, struct http_request *request);

/* Frees what an ended request holds; it may then be started again. */
void http_request_release(struct http_request *request);

#endif
