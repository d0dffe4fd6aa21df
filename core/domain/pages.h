/*
 * Documents of an index by the page, as their bytes are: what is read back to be compared. Unlike
 * engine_documents() it reads versions and documents, and all of an index in no order, which is
 * several times faster than in one.
 */
#ifndef ESMIGRATE_DOMAIN_PAGES_H
#define ESMIGRATE_DOMAIN_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "domain/engine.h"

struct page_hit {
    struct span id;
    struct span routing; /* data NULL: none */
    struct span source;  /* the document as the engine keeps it; data NULL: not read, or not kept */
    int64_t version;
};

/* Hits are in the page's own text. Zero-initialise it, and use it again for the next page. */
struct page {
    struct buffer text;
    struct page_hit *hits;
    size_t count;
    size_t capacity;
};
void page_release(struct page *page);

/* ---- all of an index ---- */

struct scroll {
    struct engine *engine;
    struct http_request request;
    char *path, *body; /* of the request */
    char *id;          /* NULL before the first page */
    char *doing;       /* for messages */
    bool asked;        /* a request is under way */
    bool ended;
};

/* `size`: of a page, at most index.max_result_window. What was written must have been refreshed to
 * be seen. Asks for the first page. */
int scroll_open(struct scroll *scroll, struct engine *engine, const char *index, size_t size,
                struct error *err);

/* After http_next_done() has handed back scroll->request: fills the page, and asks for the next one
 * if there may be one. */
int scroll_take(struct scroll *scroll, struct page *page, struct error *err);

/* Also in the middle; an empty one is fine. */
void scroll_close(struct scroll *scroll);

/* ---- some documents ---- */

/* Those with these ids, on whatever shard, whole; at most `size`, which is at most
 * index.max_result_window. */
int page_look_up(struct engine *engine, const char *index, const char *const *ids, size_t count,
                 size_t size, struct page *page, struct error *err);

#endif
