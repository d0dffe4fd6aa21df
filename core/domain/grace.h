/*
 * The grace period (rule R1 b): the horizon of a source whose role may not see when the sessions of
 * other users began. It notes the clock, t0, and waits until each session that was connected then
 * has ended what it may have been doing: then every row stamped before t0 is committed or never
 * will be. What does not end within about a second is waited for by the next updates, through the
 * history.
 */
#ifndef ESMIGRATE_DOMAIN_GRACE_H
#define ESMIGRATE_DOMAIN_GRACE_H

#include <stdbool.h>

#include "domain/history.h"
#include "domain/source.h"

struct grace {
    char *moment;    /* t0; the newest one that is waited for if none is through */
    bool through;    /* whether nothing of t0 can still be running */
    char *waits_for; /* for a message, the sessions that still keep a moment back; NULL: none */
    bool several;    /* of them */
    bool held_back;  /* for more than 15 minutes */
};
void grace_release(struct grace *grace);

int grace_find(struct source *source, struct history *history, struct grace *ret_grace,
               struct error *err);

#endif
