/* Further sessions of the source, which read ranges of a full update at the same time. */
#ifndef ESMIGRATE_USECASES_HELPERS_H
#define ESMIGRATE_USECASES_HELPERS_H

#include "usecases/context.h"

struct helpers {
    struct source **list; /* each in a transaction with the snapshot of the first session */
    size_t count;
};
void helpers_release(struct helpers *helpers);

/*
 * Opens so many, for a source whose transaction has begun. There are fewer, and it is said, where
 * they cannot read in its snapshot: behind a name that stands for several servers the next session
 * may be on another one, whose state rule R1 knows nothing of. The ticker, which is borrowed,
 * is called after each one, and in their waits.
 */
int helpers_open(struct context *context, const struct instance *instance,
                 const struct master_options *options, struct source *source, size_t count,
                 const struct ticker *ticker, struct helpers *ret_helpers, struct error *err);

#endif
