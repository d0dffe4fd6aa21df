/* Ranges of what the source has, as a full update keeps account of them. */
#ifndef ESMIGRATE_LOAD_RANGES_H
#define ESMIGRATE_LOAD_RANGES_H

#include "load/load.h"

/*
 * Takes the ranges that are free, one after another, until none is, and waits until everything is
 * accounted for. Each is recorded as soon as that is so of it.
 */
int load_ranges(struct load *load, struct error *err);

/* The documents that are rejected, but by this run, are read and sent again: they may be of ranges
 * that others have read. */
int load_rejected_of_others(struct load *load, struct error *err);

/* Records the ranges that were read and are accounted for: also of a load that is given up. */
int load_record_ranges(struct load *load, struct error *err);

/* Frees what load_ranges() keeps account with; after the sender was closed. */
void load_release(struct load *load);

#endif
