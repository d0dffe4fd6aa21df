/* Inside es_verify: what its checks work with. For the verify_*.c files only. */
#ifndef ESMIGRATE_USECASES_VERIFYING_H
#define ESMIGRATE_USECASES_VERIFYING_H

#include "load/compare_ids.h"
#include "load/freshness.h"
#include "load/look.h"
#include "load/progress.h"
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
    char *behind; /* it lacks what the index has already, and how far; NULL: it does not */
    struct look look;
    struct meter meter;

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

/* Documents that are older than their rows: found while all versions are read, and looked at
 * closely after that. */
struct staleness {
    struct verifying *verifying;
    struct freshness freshness;
    bool applies;     /* there are changed times to go by */
    int64_t ahead_us; /* the source's clock, of the history's */
    char **ids;       /* that seem to be stale */
    size_t id_count, id_capacity;
    bool too_many; /* for all of them to be kept */
    int64_t stale; /* that are */
};
/* Reads the rows that changed. Outside of a transaction, as the others. */
int staleness_open(struct staleness *staleness, struct verifying *verifying, struct error *err);
void staleness_release(struct staleness *staleness);
/* A document of the index. */
void staleness_note(struct staleness *staleness, const struct sided_key *key);
/* Whether all documents have to be read once more, since not all rows fitted into the memory. */
bool staleness_next(struct staleness *staleness, int *ret_result, struct error *err);
int staleness_look(struct staleness *staleness, struct check *check, struct error *err);

/* Each check, or those that are made of one reading; each ends its checks. */
int verify_ids(struct verifying *verifying, struct error *err); /* ids, versions and counts */
int verify_content(struct verifying *verifying, struct error *err);
int verify_rejected(struct verifying *verifying, struct error *err);
int verify_mapping(struct verifying *verifying, struct error *err); /* and dynamic_fields */
int verify_settings(struct verifying *verifying, struct error *err);
int verify_queries(struct verifying *verifying, struct error *err); /* their results and latency */

#endif
