/*
 * es_verify: compares an instance with its source, its declaration and its history, and finds out
 * whether it may be served. What differs because a change is under way is told apart (load/look.h).
 */
#ifndef ESMIGRATE_USECASES_VERIFY_H
#define ESMIGRATE_USECASES_VERIFY_H

#include "usecases/feed.h"
#include "usecases/targets.h"
#include "usecases/verification.h"

/* As before a switch. */
enum { VERIFY_SAMPLE = 1000, VERIFY_QUERY_RUNS = 100 };

struct verify_request {
    struct targets targets;
    bool all_content;           /* of all documents, not of a sample */
    int64_t sample;             /* documents chosen at random whose content is compared */
    int64_t query_runs;         /* of each query on each instance, to measure its latency */
    int64_t max_rejected;       /* so many open rejections are no failure */
    bool repair;                /* what differs is sent again, and then looked at again */
    struct send_limits sending; /* of the repair */
};

struct verifications {
    struct verification *list;
    size_t count;
};
void verifications_release(struct verifications *verifications);

/*
 * Verifies each instance that is meant, by default the active one, or the newest where none is.
 * ERR_FAILED if a critical check of one failed, after all were done; *ret is filled in all the
 * same, also in a dry run, which keeps and repairs nothing.
 */
int verify_instances(struct context *context, const struct verify_request *request,
                     struct verifications *ret, struct error *err);

/*
 * Verifies one instance in a run of its own, which has a row of its own: a part of the action
 * `parent_id`, NULL for none. History and engine are open. It takes the lock of verifications, and
 * with `repair` the instance's, which the caller may hold already. `ret` is zero before, and the
 * caller's after. ERR_FAILED as above.
 */
int verify_instance(struct context *context, const char *parent_id,
                    const struct verify_request *request, const struct master *master,
                    const struct instance *instance, struct verification *ret, struct error *err);

/* The same within a run of another action, which holds its locks already: what is found is kept
 * with that action. */
int verify_within(struct run *run, const struct verify_request *request,
                  const struct master *master, const struct instance *instance,
                  struct verification *ret, struct error *err);

#endif
