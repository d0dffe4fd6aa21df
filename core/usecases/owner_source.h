/*
 * The source as a role that may change it (--owner): the one that documents are read as should not
 * be able to.
 */
#ifndef ESMIGRATE_USECASES_OWNER_SOURCE_H
#define ESMIGRATE_USECASES_OWNER_SOURCE_H

#include "usecases/context.h"

/* `own` is the source in the options of a master, or NULL. *ret_source is the caller's. */
int owner_source_open(struct context *context, const char *own, struct source **ret_source,
                      struct error *err);

/* ERR_USAGE if it is not that database, which is called `database`. */
int owner_source_check(const struct source *source, const char *system_identifier,
                       const char *database_oid, const char *database, struct error *err);

/* After a statement about the table failed: names who holds its lock, or which right is missing.
 * Returns -1. */
int owner_source_failed(struct source *source, const char *table, struct error *err);

#endif
