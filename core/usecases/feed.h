/*
 * What a run that reads the source and writes documents into an instance begins and ends with:
 * es_update, and es_retry.
 */
#ifndef ESMIGRATE_USECASES_FEED_H
#define ESMIGRATE_USECASES_FEED_H

#include "usecases/report.h"
#include "usecases/run.h"

/* The master's options: a declaration at hand beats what the history stored of them, and what is
 * set in `sending` beats both. */
int feed_options(struct context *context, const struct master *master,
                 const struct send_limits *sending, struct master_options *ret_options,
                 struct error *err);

/* Opens the source of an instance, ready to read with the SQL that the instance keeps. */
int feed_open_source(struct context *context, const struct instance *instance,
                     const struct master_options *options, struct source **ret_source,
                     struct error *err);

/* Issues the next read version (rule R3), after the fence and before the snapshot. */
int feed_take_version(struct context *context, const struct run *run, int64_t *ret_version,
                      struct error *err);

/* What a request says of rejected documents. */
struct rejected_limits {
    int64_t allowed; /* so many open ones at the end are no failure */
    bool stops;      /* more than `most` met in the run end it; else master.json decides */
    int64_t most;
};

/* The sender of a run; `write_alias` is borrowed. Never fails. */
struct sender *feed_open_sender(struct context *context, const struct instance *instance,
                                const struct run *run, const char *write_alias, int64_t version,
                                const struct source *source, const struct master_options *options,
                                const struct rejected_limits *limits);

/* What was done so far, for the row and the report, whatever comes of it; `sender` may be NULL. */
void feed_note(const struct sender *sender, struct run *run, struct report_item *item);

/*
 * A run has failed: after a stop the requests in flight are finished first; then the error says
 * where the index is left, and after a stop what goes on. `sender` is NULL where nothing was
 * written yet; `full`: everything is read. Returns -1.
 */
int feed_failed(const struct run *run, const struct instance *instance, struct sender *sender,
                bool full, struct error *err);

#endif
