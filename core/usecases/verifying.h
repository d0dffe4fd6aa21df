/* Inside es_verify: what its checks work with. For the verify_*.c files only. */
#ifndef ESMIGRATE_USECASES_VERIFYING_H
#define ESMIGRATE_USECASES_VERIFYING_H

#include "load/compare_ids.h"
#include "load/look.h"
#include "usecases/verify.h"

/* More differences than this are not looked for: a full update is what is needed then. */
enum { DIFFERENCES_MOST = 200 * 1000 };

struct verifying {
    struct context *context;
    const struct verify_request *request;
    const struct master *master;
    const struct instance *instance;
    struct run *run;
    struct verification *result;
    struct master_options options;
    struct source *source;
    struct look look;

    char **sample; /* ids of the source chosen at random */
    size_t sample_count;
    char **differing; /* ids that a repair has to send */
    size_t differing_count;
    size_t differing_capacity;
    char **pending; /* ids that the next update would send; a repair sends them, too */
    size_t pending_count;
    size_t pending_capacity;
    int64_t not_indexed; /* ids of the source that are rejected, and not in the index */
};

/* Remember an id for the repair. */
void verify_differs(struct verifying *verifying, const char *id);
void verify_pends(struct verifying *verifying, const char *id);

/* Each check, or those that are made of one reading; each ends its checks. */
int verify_ids(struct verifying *verifying, struct error *err); /* ids, versions and counts */
int verify_content(struct verifying *verifying, struct error *err);
int verify_rejected(struct verifying *verifying, struct error *err);
int verify_mapping(struct verifying *verifying, struct error *err); /* and dynamic_fields */
int verify_settings(struct verifying *verifying, struct error *err);
int verify_queries(struct verifying *verifying, struct error *err); /* their results and latency */

/* Whether two JSON values are the same to an engine, which writes 1 as "1" and an array of one
 * element as the element itself. */
bool verify_same_value(const json *declared, const json *live);

#endif
