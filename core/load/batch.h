/*
 * Inside the sender: the batches it holds (sender.c), and what becomes of them by the engine's
 * answers (answer.c). For these two files only.
 */
#ifndef ESMIGRATE_LOAD_BATCH_H
#define ESMIGRATE_LOAD_BATCH_H

#include "base/retry.h"
#include "clients/gzip.h"
#include "domain/bulk.h"
#include "load/flow.h"
#include "load/pace.h"
#include "load/rejections.h"
#include "load/sender.h"
#include "load/trouble.h"

enum { BUSY_BUDGET_MS = 5 * 60 * 1000 }; /* how long a busy engine is asked again */

enum batch_state { BATCH_FILLING, BATCH_IN_FLIGHT, BATCH_WAITING };

struct batch {
    struct batch *next;
    struct bulk bulk;
    struct buffer packed; /* the body as it is sent, if it is compressed */
    struct http_request request;
    enum batch_state state;
    struct retry retry;
    int64_t due;              /* when a waiting one is sent again; monotonic ms */
    struct sender_part *part; /* that all its items belong to, or NULL */

    /* of items that were refused for a reason that is not known, on their way to being sent alone
     */
    bool suspect;
    int64_t indexed_before; /* totals.indexed when they were first refused */
};

struct sender {
    struct sender_options options;
    struct sender_totals totals;
    struct batch *batches; /* all that hold items, the filling one among them */
    struct batch *filling;
    struct batch *spares; /* their memory is used again */
    size_t spare_count;
    struct sender_part *part; /* of what is added now, or NULL */
    size_t in_flight;
    size_t held;       /* batches that hold items but the filling one */
    size_t held_bytes; /* of their bodies */
    struct flow flow;
    struct pace pace;
    struct gzip *gzip; /* NULL: bodies are sent as they are */
    char *path;
    struct rejections rejections;
    struct trouble trouble;
    bool expects_refusals;
    char **learned; /* types of error that turned out to blame documents */
    size_t learned_count;
    size_t learned_capacity;
};

/* One more item, of a part or of none, has come to one of its four ends. */
#define ACCOUNT(sender, of_part, end)                                                              \
    do {                                                                                           \
        (sender)->totals.end++;                                                                    \
        if (of_part)                                                                               \
            (of_part)->totals.end++;                                                               \
    } while (0)

/* A new batch among those that the sender holds, to be filled with items of a part, or of none
 * (NULL). Never fails. */
struct batch *batch_new(struct sender *sender, struct sender_part *part);
/* Forgets a batch of which every item is accounted for. */
void batch_drop(struct sender *sender, struct batch *batch);
/* The batch will be sent at that moment, as soon as there is a place in flight. */
void batch_queue(struct batch *batch, int64_t due);

/* Accounts for the items of an answered request, or has them sent again; drops the batch. */
int answer_settle(struct sender *sender, struct batch *batch, const struct http_request *request,
                  struct error *err);

/* Writes down what was refused; stops early when it is too much, or everything. */
int answer_flush_rejections(struct sender *sender, struct error *err);

#endif
