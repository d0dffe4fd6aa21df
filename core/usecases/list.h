/* es_list: every master and instance, as the history, the engine and the files have them. */
#ifndef ESMIGRATE_USECASES_LIST_H
#define ESMIGRATE_USECASES_LIST_H

#include <stdint.h>

#include "usecases/context.h"

enum { LIST_DOCS_UNKNOWN = -1, LIST_NO_INDEX = -2 };

struct list_entry {
    char *master;
    int number;  /* 0: the master has no instance */
    char *index; /* NULL then */
    bool active;
    char *state;  /* NULL for a master without instances */
    int64_t docs; /* or LIST_DOCS_UNKNOWN, LIST_NO_INDEX */
    char *changed_through;
    char *deletes;
    char *kept_until; /* NULL: it is not kept for es_rollback */
    char *created_at;
    char *tag;
};

struct listing {
    struct list_entry *entries;
    size_t count;
    size_t capacity;
};
void listing_release(struct listing *listing);

/* The masters that are named, or all. With the engine down the documents are unknown, and the log
 * says so. */
int list_instances(struct context *context, char *const *names, size_t count,
                   struct listing *listing, struct error *err);

#endif
