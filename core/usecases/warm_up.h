/* The application's queries, asked of an instance before readers ask them. */
#ifndef ESMIGRATE_USECASES_WARM_UP_H
#define ESMIGRATE_USECASES_WARM_UP_H

#include "usecases/context.h"

/*
 * Asks the instance every query of queries.ndjson some times, so that the first readers do not wait
 * for what the engine reads from disk once; without the file there is nothing to ask. What the
 * engine refuses, and a file that is wrong, is warned of, no more; only a stop is an error.
 */
int warm_up(struct context *context, const struct instance *instance, struct error *err);

#endif
