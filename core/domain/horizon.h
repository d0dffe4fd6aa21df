/*
 * The changed-since horizon (rule R1): the moment up to which every change in the source is
 * visible to a snapshot that is taken afterwards.
 */
#ifndef ESMIGRATE_DOMAIN_HORIZON_H
#define ESMIGRATE_DOMAIN_HORIZON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "domain/history.h"
#include "domain/source.h"

struct horizon {
    char *moment;   /* H; NULL: none is known, changed_through stays where it is */
    char *taken_at; /* the source's clock when it was found; NULL on a standby */
    char *boot;     /* uptime_boot() */
    /* Around the reading of taken_at: by a clock that is right it is later than an earlier one by
     * at least the time from after that to before this. */
    int64_t uptime_before_us, uptime_after_us;
};
void horizon_release(struct horizon *horizon);

/*
 * Finds H on the source, in statements of their own, before the reading snapshot is taken, and
 * records it in the history for the rules about prepared transactions and the grace period (R1 b,
 * c). `overlap` is the interval text of master.json, NULL for the default of 5 seconds; an explicit
 * one also stands for what no session can see (R1 d). Which way was used and what holds H back is
 * said through the log.
 */
int horizon_find(struct source *source, struct history *history, const char *overlap,
                 const struct log *log, struct horizon *ret_horizon, struct error *err);

/* The overlap where master.json has none. */
extern const char horizon_default_overlap[];

/*
 * Whether the source shows all that a horizon without an explicit overlap is found from, by a row
 * of sql/source/horizon.sql; an explicit one is the user's answer to what neither pg_stat_activity
 * nor pg_locks can show. ERR_FAILED says what is missing.
 */
int horizon_check(const struct pg_rows *rows, struct error *err);

#endif
