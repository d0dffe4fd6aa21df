/* What a run says of documents that stay rejected. */
#ifndef ESMIGRATE_USECASES_REJECTED_H
#define ESMIGRATE_USECASES_REJECTED_H

#include "usecases/report.h"
#include "usecases/run.h"

/* "2 rejected documents are open"; NULL for none. The caller's (free()). */
char *rejected_words(int64_t open);

/* How many are open of an instance. */
int rejected_count(struct context *context, int64_t instance_id, int64_t *ret_open,
                   struct error *err);

/* At the end of a run that read them all: those it did not reject again were accepted or are gone.
 * The item gets how many are still open, and of which types. */
int rejected_settle(struct context *context, int64_t instance_id, const struct run *run,
                    struct report_item *item, struct error *err);

/* The same at the end of one that left those of earlier runs as they are. */
int rejected_keep(struct context *context, int64_t instance_id, struct report_item *item,
                  struct error *err);

/*
 * Says of each instance which rejected documents are open: as a warning where no more are than
 * are allowed; else ERR_REJECTED about the first, and warnings about the others.
 */
int rejected_judge(struct context *context, int64_t allowed, const struct report *report,
                   struct error *err);

#endif
