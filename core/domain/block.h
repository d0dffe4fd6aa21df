/*
 * Blocks: what an engine answers when it does not let an index be written to. The one that users
 * meet is set by the engine itself, when a disk is nearly full.
 */
#ifndef ESMIGRATE_DOMAIN_BLOCK_H
#define ESMIGRATE_DOMAIN_BLOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Whether this reason of a cluster_block_exception is index.blocks.read_only_allow_delete. */
bool block_is_disk_full(const char *reason);

/*
 * Replaces an error of the engine that tells of such a block by what it means; `state` is a
 * sentence about what has become of the command. Other errors stay what they are. Returns -1.
 */
int block_explain(const char *index_name, const char *state, struct error *err);

#endif
