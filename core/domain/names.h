/*
 * Names of masters and instances, and how a user refers to them.
 */
#ifndef ESMIGRATE_DOMAIN_NAMES_H
#define ESMIGRATE_DOMAIN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/*
 * Whether a master may bear this name: what the engine accepts as an index name with the prefix in
 * front and "-N" behind it, and what cannot be taken for an instance (NAME-N) or a number.
 */
int name_check_master(const char *prefix, const char *name, struct error *err);

/* Whether names with this prefix can be names of indexes; "" is fine. */
int name_check_prefix(const char *prefix, struct error *err);

/* PREFIX + NAME + "-" + NUMBER; the caller's (free()). */
char *name_of_index(const char *prefix, const char *name, int number);

/* INDEX + ".W" + EPOCH (rule R2): an alias may have upper case, an index name must not, so that a
 * write through an alias that is gone can never create an index. The caller's (free()). */
char *name_of_write_alias(const char *index, int epoch);

/* Whether the name ends as that of a write alias, whatever the index. */
bool name_is_write_alias(const char *name);

/* Why the engine or esmigrate cannot have this name, without prefix, for an alias that readers or
 * writers of the application use; NULL: it can. */
const char *name_alias_wrong(const char *name);

/* A positive number written with digits only, or 0. */
int name_parse_number(const char *text);

/* "NAME-N": the length of NAME and N in *ret_number; 0 if the text does not end in "-digits". */
size_t name_split_instance(const char *text, int *ret_number);

#endif
