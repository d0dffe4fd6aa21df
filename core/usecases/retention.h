/*
 * Which instances es_prune may drop. Retired is an instance with a number below the active one's:
 * what is newer is being made ready, or was left by a rollback, and goes once a newer one than it
 * is active. It is since the alias left it; since the active one is active, if it never had it.
 */
#ifndef ESMIGRATE_USECASES_RETENTION_H
#define ESMIGRATE_USECASES_RETENTION_H

#include "usecases/targets.h"

struct retention {
    const char *older_than; /* interval; NULL: the master's "retain", or 7 days */
    int64_t retain;         /* so many that were active last stay, however old they are */
};

/*
 * Chooses what is retired for longer than that, and not kept for a rollback. Where an alias still
 * points to it, someone may search it: it is left, and the log says so.
 */
int retention_choose(struct context *context, const struct retention *retention,
                     struct choice *choice, struct error *err);

/* The instance, whose lock is held, would still be chosen; else ERR_FAILED. */
int retention_check(struct context *context, const struct retention *retention,
                    const struct instance *instance, struct error *err);

#endif
