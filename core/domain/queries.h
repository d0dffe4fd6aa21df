/*
 * queries.ndjson of a declaration: searches that the application makes, by which two instances are
 * compared. One JSON object a line; empty lines do not count.
 */
#ifndef ESMIGRATE_DOMAIN_QUERIES_H
#define ESMIGRATE_DOMAIN_QUERIES_H

#include <stddef.h>

#include "base/error.h"
#include "clients/json.h"
#include "domain/engine.h"

/* So many times a query is asked before its answers are as fast as they get. */
enum { QUERY_WARM_UP = 5 };

/* A limit that is negative was not given. */
struct query {
    char *name;
    char *body;                  /* of the search, JSON */
    double max_total_divergence; /* of how many are found: 0.1 is a tenth of the larger number */
    double min_overlap;          /* of the top hits: the part that both have */
    double max_latency_growth;   /* of the median: 1.5 is half as long again */
};

struct queries {
    struct query *list;
    size_t count;
};
void queries_release(struct queries *queries);

/* None if the file is not there; what is wrong with it is ERR_USAGE with path and line. */
int queries_read(const char *directory, const char *master, struct queries *ret_queries,
                 struct error *err);

/* Asks the index, and not its cache of answers. *ret_answer is the caller's. */
int query_ask(struct engine *engine, const struct query *query, const char *index,
              json **ret_answer, struct error *err);

#endif
