/*
 * What a use case reports: one item per instance it began with, in order, also when it failed.
 */
#ifndef ESMIGRATE_USECASES_REPORT_H
#define ESMIGRATE_USECASES_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/action.h"
#include "load/sender.h"

struct report_item {
    char id[ACTION_ID_SIZE]; /* of the action; "" if no row was written */
    const char *action;
    char *master;
    int number;  /* of the instance; 0: none */
    char *index; /* or NULL */
    const char *result;
    const char *status;
    bool kept; /* updated beside the active one: its failure is not the command's */

    int64_t folded; /* of es_prune: rows of the history */

    /* of es_update and es_retry */
    const char *mode;
    struct sender_totals totals;
    char *changed_from;
    char *changed_through;
    double seconds;
    int64_t rejected_open;
    char *partial;        /* what the row says of them; NULL: none is open */
    char *rejected_types; /* of them, as JSON; NULL of a run that failed */
};

struct report {
    struct report_item *items;
    size_t count;
    size_t capacity;
};

/* A new empty item at the end; valid until the next one is added. */
struct report_item *report_add(struct report *report, const char *action, const char *master);
/* The instance an item is about. */
void report_set_instance(struct report_item *item, const struct instance *instance);
void report_release(struct report *report);

#endif
