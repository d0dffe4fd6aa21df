/*
 * The canonical form of a JSON text: no white space, keys sorted by the bytes of
 * their quoted form, strings escaped
 * in one way, numbers exactly as they were written. Two texts that mean the same to the engine
 * have the same form, and 1.0 stays different from 1.
 */
#ifndef ESMIGRATE_DOMAIN_CANONICAL_H
#define ESMIGRATE_DOMAIN_CANONICAL_H

#include "base/error.h"

/*
 * The caller's (free()); NULL and ERR_USAGE with line and column for what RFC 8259 does not allow,
 * or a key that stands twice in one object. Stricter than json_parse(): a user's file goes through
 * here first.
 */
char *canonical_json(const char *text, struct error *err);

#endif
