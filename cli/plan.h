/* What es_plan and es_deploy --dry-run print of a plan. */
#ifndef ESMIGRATE_CLI_PLAN_H
#define ESMIGRATE_CLI_PLAN_H

#include <stdio.h>

#include "command.h"
#include "usecases/plan.h"

/* For people, as a diff. */
void session_print_plan(const struct plan *plan, FILE *out);

/* In a line what follows from it. */
void session_say_plan(const struct session *session, const struct plan *plan);

#endif
