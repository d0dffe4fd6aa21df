/* A command of the user's, run by the shell. */
#ifndef ESMIGRATE_BASE_CHILD_H
#define ESMIGRATE_BASE_CHILD_H

#include <stdbool.h>

#include "base/error.h"

struct child_options {
    const char *command; /* for /bin/sh -c */
    const char *const
        *environment; /* NAME=VALUE in addition to the process's own; NULL ends them */
    int timeout_s;
    bool ignores_stop; /* it is not ended when a stop is asked for, only when it is again, and
                          outlives this process if that is killed */
};

/*
 * Runs it to its end, with nothing to read, and what it prints on standard error. Another end than
 * exit status 0 is ERR_FAILED; so is the time that is over, and ERR_STOPPED a stop that was asked
 * for: then it is ended with all it has started (SIGTERM, and SIGKILL two seconds later). The
 * kernel ends the shell if this process is killed.
 */
int child_run(const struct child_options *options, struct error *err);

#endif
