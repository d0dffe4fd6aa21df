/*
 * The stop flag: the only global of the library. A signal handler sets it; whoever waits polls
 * its descriptor too, so that a stop is noticed at once and no wait has to be cut short. What is
 * under way may be finished after a stop; a second request says not to wait for that either.
 */
#ifndef ESMIGRATE_BASE_STOP_H
#define ESMIGRATE_BASE_STOP_H

#include <stdbool.h>

#include "base/error.h"

/* Makes the descriptor; without it stop_fd() is -1 and only the flag works. */
void stop_prepare(void);

/* Async-signal-safe. The first signal is the one that counts; another one asks again. */
void stop_request(int signal_number);

/* The signal that asked to stop, or 0. */
int stop_signal(void);

/* Readable once a stop was asked for; -1 before stop_prepare(). Never read from it. */
int stop_fd(void);

/* Whether a stop was asked for again, and a descriptor that is readable then. */
bool stop_again(void);
int stop_again_fd(void);

/* 0, or -1 with ERR_STOPPED when a stop was asked for. */
int stop_check(struct error *err);

/* Waits at most that long, less if a stop is asked for (then -1 with ERR_STOPPED). */
int stop_sleep(int milliseconds, struct error *err);

#endif
