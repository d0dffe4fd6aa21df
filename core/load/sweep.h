/* Documents that are in the index and no longer in the source (rule R6). */
#ifndef ESMIGRATE_LOAD_SWEEP_H
#define ESMIGRATE_LOAD_SWEEP_H

#include "load/load.h"

/*
 * Deletes what the source no longer has (rule R6). Candidates are the documents that nothing has
 * written since the marks were taken (engine_max_seq_no(), before the first write); each is
 * confirmed in the source. Everything sent must have been accounted for and refreshed.
 */
int load_sweep(struct load *load, const int64_t *marks, size_t shards, struct error *err);

/* As load_sweep(), of all documents, without asking the source: for es_clear. */
int load_sweep_all(struct load *load, const int64_t *marks, size_t shards, struct error *err);

#endif
