/*
 * A close look at some documents, which tells a difference from a change that is under way.
 *
 * The order of reading makes it exact, whatever is written meanwhile: first changed_through, then
 * the index, then the source in a snapshot of its own. A row that changed before changed_through
 * was in the index when that was read (rule R5), so what the index shows must be what the source
 * has; one that changed later is the next update's business: it is pending.
 *
 * A different one is read from the source once more, in another snapshot: what differs from itself,
 * such as now(), cannot be compared.
 */
#ifndef ESMIGRATE_LOAD_LOOK_H
#define ESMIGRATE_LOAD_LOOK_H

#include "domain/history.h"
#include "domain/pages.h"
#include "domain/reading.h"

enum look_verdict {
    LOOK_SAME, /* also: on neither side */
    LOOK_MISSING,
    LOOK_LEFT_OVER,
    LOOK_DIFFERENT,
    LOOK_PENDING,
    LOOK_REJECTED, /* missing or different, and known to be refused by the engine */
    LOOK_UNSTABLE, /* different only in fields that the source returns anew with each reading */
};

struct look {
    struct source *source; /* outside of a transaction */
    struct engine *engine;
    struct history *history;
    const char *index_name;
    int64_t instance_id;
    size_t window;         /* how many documents the engine returns at once */
    bool compares_content; /* else only whether the document is there */

    /* private, zero */
    struct page page;
    struct buffer built;      /* a document of the source out of its columns */
    int64_t bytes, documents; /* read of the index so far */
};
void look_release(struct look *look);

struct looked {
    enum look_verdict verdict;
    char *field;     /* where a different or unstable one first differs; "" of the whole */
    int64_t version; /* in the index; -1: it is not there */
    bool unissued;   /* above what the history has issued: someone else wrote it */
};
void looked_free(struct looked *list, size_t count);

/* ret_list[i] for ids[i], which are all different; a caller's array, whose texts become the
 * caller's. */
int look_at(struct look *look, const char *const *ids, size_t count, struct looked *ret_list,
            struct error *err);

#endif
