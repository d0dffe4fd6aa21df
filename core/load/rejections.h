/*
 * Documents refused for their content, collected and written to rejected_document in one
 * statement per bulk answer.
 */
#ifndef ESMIGRATE_LOAD_REJECTIONS_H
#define ESMIGRATE_LOAD_REJECTIONS_H

#include <stddef.h>

#include "base/error.h"
#include "domain/history.h"

struct rejection {
    char *id;
    char *status; /* decimal, or NULL if it was not sent */
    char *type;
    char *reason;
};

struct rejections {
    struct rejection *list;
    size_t count;
    size_t capacity;
    char *example; /* the first one ever, for messages; NULL: none yet */
};
void rejections_release(struct rejections *rejections);

/* Takes over `id` and `reason`; status 0: it was not sent. */
void rejections_add(struct rejections *rejections, char *id, int status, const char *type,
                    char *reason);

/* Writes and forgets them. With too many open ones for the instance the run fails. */
int rejections_flush(struct rejections *rejections, struct history *history, int64_t instance_id,
                     const char *action_id, const char *index_name, struct error *err);

/* A statement for psql that shows those of an index; the caller's (free()). */
char *rejections_query(const char *index_name);

#endif
