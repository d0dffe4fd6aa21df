/* What es_clear and es_drop share: plan, confirmation, run. */
#ifndef ESMIGRATE_CLI_REMOVE_H
#define ESMIGRATE_CLI_REMOVE_H

#include "command.h"
#include "usecases/remove.h"

typedef int remove_use_case(struct context *context, const struct remove_request *request,
                            struct report *report, struct error *err);

/* Fills in targets and force from the options. `verb`: "drop these indexes". */
int remove_with_confirmation(struct session *session, struct remove_request *request,
                             remove_use_case *use_case, const char *verb, struct error *err);

#endif
