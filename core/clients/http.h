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
    const char *password;
    const char *api_key; /* as the Authorization header wants it, base64 of "id:key" */
    const char *bearer;
    const char *ca;          /* file of certificates that the server's is checked against */
    const char *certificate; /* file of the client's certificate */
    const char *key;         /* file of its key, if that is not in the same file */
};

struct http_request {
    /* set by the caller; texts and body must live until the request has ended */
    const char *method;
    const char *path;         /* begins with '/' */
    const char *content_type; /* NULL without a body */
    const void *body;
    size_t body_length; /* bytes */
    int timeout_s;      /* of the whole request; 0: 60 */
    size_t place;       /* 0: any of the URLs; else only the one at this place, from 1 */
    void *owner;        /* for the caller */

    /* set when it has ended */
    int status;      /* HTTP status; 0 without an answer */
    char *failure;   /* why there is no answer, or NULL */
    int retry_after; /* seconds the server asked to wait, 0 if it did not */
    struct buffer response;

    /* private */
    void *handle;
    void *headers;
    struct http_request *next;
    size_t used; /* the place of the URL it went to */
    bool unconnected;
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

/* Adds what URLs carry in secrets, also in the form the Authorization header has. */
void http_url_secrets(const char *urls, struct secrets *secrets);
/* The same for a user and a password of their own. */
void http_basic_secrets(const char *user, const char *password, struct secrets *secrets);

/* URLs take turns; one that could not be connected to is passed over for a while. */
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
