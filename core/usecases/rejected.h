/* What an update says of documents that stay rejected. */
#ifndef ESMIGRATE_USECASES_REJECTED_H
#define ESMIGRATE_USECASES_REJECTED_H

#include "usecases/context.h"
#include "usecases/report.h"

/* "2 rejected documents are open"; NULL for none. The caller's (free()). */
char *rejected_words(int64_t open);

/* ERR_REJECTED about the first instance that has more of them open than are allowed. */
int rejected_judge(struct context *context, int64_t allowed, const struct report *report,
                   struct error *err);

#endif
