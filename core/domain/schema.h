/*
 * The history's own schema: made and upgraded by es_init from migrations/, checked by every other
 * command before it touches anything.
 */
#ifndef ESMIGRATE_DOMAIN_SCHEMA_H
#define ESMIGRATE_DOMAIN_SCHEMA_H

#include "domain/history.h"

struct schema_upgrade {
    int from;    /* version before; 0: none */
    int to;      /* version after */
    bool copied; /* the history was that of another database */
};

/*
 * Applies what is missing, under an advisory lock, in one transaction, and records prefix and
 * identity the first time. Idempotent. With `adopt` the recorded ones are replaced.
 */
int schema_upgrade(struct history *history, const char *prefix, bool adopt,
                   struct schema_upgrade *ret_upgrade, struct error *err);

/* The same, looked at only: what schema_upgrade() would do, or would refuse. */
int schema_plan(struct history *history, const char *prefix, bool adopt,
                struct schema_upgrade *ret_upgrade, struct error *err);

/*
 * Whether this binary may work with this history, else ERR_FAILED: the schema is missing, older
 * than the binary or too new for it; with `writing` also when the prefix or the database is not
 * the recorded one. *ret_prefix is the recorded one (caller's) and *ret_copied whether the history
 * is that of another database; both may be NULL.
 */
int schema_check(struct history *history, const char *prefix, bool writing, char **ret_prefix,
                 bool *ret_copied, struct error *err);

/* Whether the engine is the one the history's indexes are on; the first one is recorded. */
int schema_check_cluster(struct history *history, const char *cluster_uuid, struct error *err);

#endif
