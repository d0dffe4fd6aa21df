/* What changed in the source, and what is gone from it, since a time. */
#ifndef ESMIGRATE_LOAD_CHANGES_H
#define ESMIGRATE_LOAD_CHANGES_H

#include "load/load.h"

/*
 * What changed at or after a time: the rows of documents.sql, or the ids that changed.sql names,
 * of which those that documents.sql no longer returns are deleted. Documents that were rejected
 * before are read and sent again, unless they are kept.
 */
int load_changed(struct load *load, const char *since, struct error *err);

/* The ids of the documents that were rejected before, not by this run. */
int load_rejected_ids(struct load *load, struct id_set *ret_set, struct error *err);

/* Reads those of them that were not met meanwhile and sends them again, or deletes them. That all
 * of them are refused again is no reason to stop. */
int load_rejected(struct load *load, struct id_set *rejected, struct error *err);

/* Reads these documents and sends them again; deletes those that the source does not return. They
 * need not be values of the _id's type. */
int load_again(struct load *load, char *const *ids, size_t count, struct error *err);

#endif
