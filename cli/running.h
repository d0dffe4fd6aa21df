/* What es_history --running shows of the actions that are going on. */
#ifndef ESMIGRATE_CLI_RUNNING_H
#define ESMIGRATE_CLI_RUNNING_H

#include "base/log.h"
#include "usecases/actions.h"

/* As a table. */
void running_print(const struct action_records *records);

/* That some of them have crashed. */
void running_say_crashed(const struct log *log, const struct action_records *records);

#endif
