/* Everything the source has, range by range, as a full update keeps account of it. */
#ifndef ESMIGRATE_LOAD_RANGES_H
#define ESMIGRATE_LOAD_RANGES_H

#include "load/load.h"

/*
 * The ranges of a full update that are left, and waits until everything is accounted for. Each is
 * recorded as soon as that is so of it. When others were done by an earlier run, the documents
 * that are rejected are read and sent again too.
 */
int load_all(struct load *load, const struct full_load *full, struct error *err);

/* Records the ranges that were read and are accounted for: also of a load that is given up. */
int load_record_ranges(struct load *load, struct error *err);

/* Frees what load_all() keeps account with; after the sender was closed. */
void load_release(struct load *load);

#endif
