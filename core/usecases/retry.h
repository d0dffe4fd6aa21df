/* es_retry: reads the rejected documents of an instance and sends them again; nothing else. */
#ifndef ESMIGRATE_USECASES_RETRY_H
#define ESMIGRATE_USECASES_RETRY_H

#include "usecases/run.h"
#include "usecases/update.h"

/* Of the request only targets, choice and rejected matter. As update_instances() in everything
 * else; changed_through stays. */
int retry_instances(struct context *context, const struct update_request *request,
                    struct report *report, struct error *err);

/*
 * Sends these documents again as they are in the source now, and deletes those that are gone from
 * it, along with the rejected ones: what es_verify --repair does. An instance_work of a run that
 * holds the instance's lock.
 */
int resend_documents(struct run *run, const struct update_request *request,
                     const struct master *master, const struct instance *instance, char *const *ids,
                     size_t count, struct report_item *item, struct error *err);

#endif
