/* es_retry: reads the rejected documents of an instance and sends them again; nothing else. */
#ifndef ESMIGRATE_USECASES_RETRY_H
#define ESMIGRATE_USECASES_RETRY_H

#include "usecases/update.h"

/* Of the request only targets, choice and rejected matter. As update_instances() in everything
 * else; changed_through stays. */
int retry_instances(struct context *context, const struct update_request *request,
                    struct report *report, struct error *err);

#endif
