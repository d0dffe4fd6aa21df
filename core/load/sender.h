/*
 * The sender: takes documents and deletes, cuts them into bulk requests, keeps a few of them in
 * flight, and accounts for every single one (rules R3, R4). What the engine has no room for is
 * sent again; what it refuses for its content is recorded in the history; everything else that is
 * not accepted ends the run.
 */
#ifndef ESMIGRATE_LOAD_SENDER_H
#define ESMIGRATE_LOAD_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/secrets.h"
#include "domain/declaration.h"
#include "domain/engine.h"
#include "domain/history.h"
#include "domain/json_document.h"

struct sender;

/* Where a bulk request is cut, if nothing else is asked for. */
enum { SENDER_BATCH_BYTES = 5 * 1024 * 1024 };
struct batch;

struct sender_options {
    struct engine *engine;
    struct history *history;
    const struct log *log;
    const struct secrets *secrets; /* kept out of the reasons of rejections */
    int64_t instance_id;
    const char *action_id;
    const char *index_name;  /* for messages */
    const char *write_alias; /* documents are written through it alone (rule R2) */
    int64_t version;         /* of every write (rule R3) */
    int64_t max_document_bytes;
    bool checks_utf8;     /* the source does not warrant that its texts are UTF-8 */
    bool limits_rejected; /* more than max_rejected in this run end it */
    int64_t max_rejected;
    struct send_limits limits;
};

/* sent = indexed + deleted + superseded + rejected, once everything is answered. */
struct sender_totals {
    int64_t sent;
    int64_t indexed;
    int64_t deleted;
    int64_t rejected;
    int64_t superseded;
    int64_t retries; /* items sent again */
    int64_t bytes;   /* of bodies as they were sent, repeats included */
};

/* A part of what is sent that is accounted for on its own. Zero-initialised by the caller, it lives
 * longer than the sender. */
struct sender_part {
    struct sender_totals totals; /* of its items: indexed, deleted, rejected, superseded */
    size_t open;                 /* requests with items of it that are not accounted for yet */
    struct batch *filling;       /* the request that its next item goes into; the sender's */
};

/* Texts of the options are borrowed. Never fails. */
struct sender *sender_open(const struct sender_options *options);
/* Takes back what is in flight. */
void sender_close(struct sender *sender);
DEFINE_CLEANUP(struct sender *, sender_close)

/* What is added from here on belongs to that part; NULL: to none. Parts may take turns. */
void sender_use_part(struct sender *sender, struct sender_part *part);
/* Nothing more will be added to the part: what is left of it is sent. */
void sender_end_part(struct sender *sender, struct sender_part *part);

/* Whether something may be added now; if not, sender_wait() until it may. */
bool sender_has_room(struct sender *sender);

/* Requests that are in flight now, and that may be (load/flow.h). */
size_t sender_in_flight(const struct sender *sender);
size_t sender_limit(const struct sender *sender);
/* Requests with items that are not accounted for, those that wait to be sent included. */
size_t sender_held(const struct sender *sender);

int sender_add_document(struct sender *sender, struct span id, struct span routing,
                        struct span document, struct error *err);
/* The same of a document that is a row. */
int sender_add_row(struct sender *sender, struct span id, struct span routing,
                   const struct json_row *row, struct error *err);
int sender_add_delete(struct sender *sender, struct span id, struct span routing,
                      struct error *err);
/* Deletes a copy that an earlier run wrote of a document that is elsewhere, too; what this run
 * writes stays, should the copy be on the same shard. It does not count in the totals. */
int sender_add_copy_delete(struct sender *sender, struct span id, struct span routing,
                           struct error *err);
/* Counts a delete of a document that is not in the index. */
void sender_add_absent(struct sender *sender);
/* Records a document that is not worth sending. */
int sender_reject(struct sender *sender, struct span id, const char *type, const char *reason,
                  struct error *err);
/* The same of one of so many bytes, more than max_document_bytes. */
int sender_reject_large(struct sender *sender, struct span id, int64_t bytes, struct error *err);

/*
 * Lets the requests progress; waits at most timeout_ms until one of them, or the descriptor
 * other_fd (-1: none) becoming readable, has something to do. Notices a stop and a lost lock.
 */
int sender_wait(struct sender *sender, int other_fd, int timeout_ms, struct error *err);

/* Sends what is left and waits until every item is accounted for. Parts have been ended. */
int sender_finish(struct sender *sender, struct error *err);

/*
 * After a stop: waits for the requests in flight, for a few seconds at most or until a stop is
 * asked for again, and accounts for their answers. Nothing more is sent.
 */
void sender_stop(struct sender *sender);

/* What follows was refused before: that all of it is again is no reason to stop. */
void sender_expect_refusals(struct sender *sender);

/* ERR_FAILED if documents were refused and not a single one was accepted: the mapping or a pipeline
 * is wrong then, not the documents. The sender itself asks this after the first thousand. */
int sender_check_accepted(const struct sender *sender, struct error *err);

const struct sender_totals *sender_totals(const struct sender *sender);

#endif
