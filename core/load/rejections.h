/*
 * Documents refused for their content, collected and written to rejected_document in one
 * statement per bulk answer.
 */
#ifndef ESMIGRATE_LOAD_REJECTIONS_H
#define ESMIGRATE_LOAD_REJECTIONS_H

#include <stdbool.h>
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

/* Whether the document is kept as rejected with that type of error already, by an earlier run. */
int rejections_known(struct history *history, int64_t instance_id, const char *id, const char *type,
                     bool *ret_known, struct error *err);

/*
 * The open ones of an instance by type of error, of one action or (NULL) of all: in words, NULL if
 * there are none, and as a JSON array; either may be NULL. The caller's (free()).
 */
int rejections_summary(struct history *history, int64_t instance_id, const char *action_id,
                       char **ret_words, char **ret_json, struct error *err);

/* A statement for psql that shows those of an index; the caller's (free()). */
char *rejections_query(const char *index_name);

#endif
