/*
 * es_check: whether a master is fit for es_create, es_update and es_activate, and whether that is
 * what is to be done. Writes nothing but a scratch index, which it removes again.
 */
#ifndef ESMIGRATE_USECASES_CHECK_H
#define ESMIGRATE_USECASES_CHECK_H

#include <stddef.h>

#include "usecases/context.h"

/* From the best to the worst. */
enum check_verdict { CHECK_OK, CHECK_WARNING, CHECK_PENDING, CHECK_FAILED };
const char *check_verdict_name(enum check_verdict verdict);

struct check_item {
    char *master;
    const char *check;
    enum check_verdict verdict;
    char *value; /* what was found */
    char *limit; /* what it is measured against; NULL: nothing */
    char *fix;   /* what to type or do; NULL: nothing */
};

struct check_report {
    struct check_item *items;
    size_t count;
    size_t capacity;
};
void check_report_release(struct check_report *report);

/* How many lines have this verdict. */
size_t check_report_count(const struct check_report *report, enum check_verdict verdict);

/*
 * Adds a line for each check that could be made. One that failed is a line, not an error: an error
 * are only a name that is none or not declared, and a stop.
 */
int check_master(struct context *context, const char *name, struct check_report *report,
                 struct error *err);

#endif
