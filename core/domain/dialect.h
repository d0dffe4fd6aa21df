/*
 * In what engines differ, as far as esmigrate needs to know: one row for each family.
 *
 * What they say alike is not here: they share a history up to Elasticsearch 7.10, and the errors
 * of both are judged by status and by types that both have (bulk.h).
 */
#ifndef ESMIGRATE_DOMAIN_DIALECT_H
#define ESMIGRATE_DOMAIN_DIALECT_H

#include "base/error.h"

struct dialect {
    const char *family;       /* "opensearch" */
    const char *title;        /* "OpenSearch" */
    const char *distribution; /* version.distribution of GET /; NULL: it has none */
    int oldest_major;         /* older ones are refused */
    int oldest_minor;
};

/*
 * The row for what GET / answers, `distribution` may be NULL; ERR_ENGINE for an engine that is not
 * known or too old. `url` is for messages.
 */
int dialect_find(const char *distribution, const char *version, const char *url,
                 const struct dialect **ret_dialect, struct error *err);

#endif
