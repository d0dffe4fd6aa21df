/* The fields of a create body. */
#ifndef ESMIGRATE_DOMAIN_MAPPING_FIELDS_H
#define ESMIGRATE_DOMAIN_MAPPING_FIELDS_H

#include "base/error.h"

/* The fields that the mapping of `body` has and that of `other` has not, by their paths with commas
 * between; NULL if there is none. The caller's (free()). */
int mapping_fields_only_in(const char *body, const char *other, char **ret_fields,
                           struct error *err);

#endif
