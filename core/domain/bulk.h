/*
 * A bulk request: documents and deletes for one write alias, and what the engine answered to each
 * of them (rules R3 and R4). The body is built once; the items remember where they stand in it.
 */
#ifndef ESMIGRATE_DOMAIN_BULK_H
#define ESMIGRATE_DOMAIN_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "domain/json_document.h"

enum bulk_kind {
    BULK_INDEX,
    BULK_DELETE,
    BULK_DELETE_COPY, /* of a document that is elsewhere, too: it does not count as one */
};

struct bulk_item {
    size_t offset; /* of its lines in the body */
    size_t length;
    size_t id_offset; /* of its id, as it came from the source, in `ids` */
    size_t id_length;
    enum bulk_kind kind;
};

struct bulk {
    struct buffer body;
    struct buffer ids;
    struct bulk_item *items;
    size_t count;
    size_t capacity;
    size_t document_offset; /* in the body, of the document that was added last */
    char tail[80];          /* of the action lines with tail_version, its text written once */
    size_t tail_length;
    int64_t tail_version;
};

/* The body may have this many bytes at most; a single item always fits an empty one if it is
 * shorter than that. */
void bulk_init(struct bulk *bulk, size_t maximum_bytes);
void bulk_release(struct bulk *bulk);
void bulk_clear(struct bulk *bulk);

/*
 * Adds a document, or a delete. `document` is JSON; line breaks between its tokens become spaces,
 * since they would end the line. routing.data NULL: none. -1 if the body is full.
 */
int bulk_add_document(struct bulk *bulk, struct span id, struct span routing, int64_t version,
                      struct span document);
int bulk_add_delete(struct bulk *bulk, struct span id, struct span routing, int64_t version);
int bulk_add_copy_delete(struct bulk *bulk, struct span id, struct span routing, int64_t version);

/* The same of a document that is a row; it is written right into the body. */
int bulk_add_row(struct bulk *bulk, struct span id, struct span routing, int64_t version,
                 const struct json_row *row);
/* The document that was just added; lives until the next one is. */
struct span bulk_last_document(const struct bulk *bulk);
/* Takes back what was added last. */
void bulk_drop_last(struct bulk *bulk);

/* Adds an item of another bulk as it stands there. -1 if the body is full. */
int bulk_add_item(struct bulk *bulk, const struct bulk *from, size_t item);

/* Its id; the caller's (free()). */
char *bulk_item_id(const struct bulk *bulk, size_t item);

/* What became of an item. */
enum bulk_verdict {
    BULK_ACCEPTED,
    BULK_BUSY,     /* try again later: the engine has no room for it now */
    BULK_BLOCKED,  /* try again for a short while: a block that seldom goes away by itself */
    BULK_CONFLICT, /* the engine has a newer version; see version_in_reason() */
    BULK_REJECTED, /* refused for its content */
    BULK_SUSPECT,  /* refused for a reason that is not known: send it alone, then decide */
    BULK_REPLACED, /* the write alias is gone: another writer has taken over (rule R2) */
    BULK_FATAL,    /* refused for another reason: the run cannot go on */
};

/* What a refusal puts the blame on. */
enum bulk_blame {
    BLAME_UNKNOWN,
    BLAME_DOCUMENT,
    BLAME_WRITER, /* another one has taken over */
    BLAME_BUSY,
    BLAME_BLOCK,
    BLAME_INDEX,
    BLAME_PIPELINE,
    BLAME_RIGHT,
};

struct bulk_result {
    enum bulk_verdict verdict;
    enum bulk_blame blame; /* of what was not accepted */
    int status;
    const char *type;   /* of the error, NULL or "" without one; both live as long as the visit */
    const char *reason; /* cut where the engine quotes the request */
};

/* What is to blame for a refusal with this status, error type and reason ("" if none). */
enum bulk_blame bulk_blame(int status, const char *type, const char *reason);

/* Judges an item by kind, status, and error type and reason ("" if none). */
enum bulk_verdict bulk_judge(enum bulk_kind kind, int status, const char *type, const char *reason);

/*
 * Calls visit for every item of the answer to this bulk, in order; without errors in the answer,
 * all of them are accepted and the answer is not parsed. A visit that returns -1 has set *err and
 * ends the reading. An answer that does not fit the bulk is ERR_ENGINE.
 */
int bulk_read_answer(const struct bulk *bulk, const char *answer, size_t length,
                     int (*visit)(size_t item, const struct bulk_result *result, void *data,
                                  struct error *err),
                     void *data, struct error *err);

/*
 * The largest body, in bytes, that the limit which a whole request met has room for, out of an
 * answer 429 of a circuit breaker or of the indexing pressure; -1 if it names none. A larger
 * request fits at no time.
 */
int64_t bulk_limit_in_answer(const char *answer, size_t length);

/* The engine's version of the document out of a version conflict's reason, or -1. */
int64_t version_in_reason(const char *reason);

#endif
