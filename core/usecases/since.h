/*
 * Where an update that reads only what changed begins, and whether that can be trusted (rule R1 e).
 */
#ifndef ESMIGRATE_USECASES_SINCE_H
#define ESMIGRATE_USECASES_SINCE_H

#include "domain/horizon.h"
#include "usecases/context.h"

/* The source must be the database that the instance was filled from, if it was; else ERR_FAILED. */
int since_check_identity(const struct instance *instance, const struct source *source,
                         struct error *err);

/*
 * Decides between an update of what changed and a full one, and says why when the user might
 * wonder: *ret_since is the time to begin with, the caller's (free()), or stays NULL for a full
 * one. `asked` is --since, or NULL. A source that the instance was not filled from, or that was set
 * back since, is ERR_FAILED.
 */
int since_choose(struct context *context, const struct instance *instance,
                 const struct source *source, const char *asked, bool again, char **ret_since,
                 struct error *err);

/*
 * A source whose clock is behind its own past stamps rows where no update will look: ERR_FAILED.
 * One that was set back and is past that time again has done so: it is warned of where it can be
 * known.
 */
int since_check_clock(struct context *context, const struct instance *instance,
                      const struct horizon *horizon, struct error *err);

/*
 * A standby may lack what the instance was brought up to date with, from the primary or another
 * standby: that is not gone. *ret_behind says how far behind it is, the caller's; or stays NULL.
 * Before the snapshot that is read. `overlap` as in master.json, or NULL.
 */
int since_find_behind(const struct instance *instance, const struct source *source,
                      const char *overlap, char **ret_behind, struct error *err);

/* ERR_FAILED: what a standby that is behind lacks must not be taken for gone. */
int since_refuse_behind(const struct instance *instance, const char *behind, struct error *err);

/* Whether a start at `since` leaves a gap behind changed_through, which the mark must not pass. */
int since_leaves_gap(struct context *context, const struct instance *instance, const char *since,
                     bool *ret_gap, struct error *err);

#endif
