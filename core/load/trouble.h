/*
 * What is said while the engine takes nothing: a warning once that has lasted a few seconds, again
 * every half minute, and a line when it goes on. Shorter trouble is not worth a word.
 */
#ifndef ESMIGRATE_LOAD_TROUBLE_H
#define ESMIGRATE_LOAD_TROUBLE_H

#include <stdint.h>

#include "base/log.h"

struct trouble {
    char *reason;  /* the latest; NULL: there is none */
    int64_t began; /* monotonic ms */
    int64_t said;  /* when it was last spoken of; 0: not yet */
    int64_t until; /* when it will be given up */
};
void trouble_release(struct trouble *trouble);

/* A try failed; the next ones go on until a moment of clock_ms(). */
void trouble_met(struct trouble *trouble, const char *reason, int64_t until);

/* Says it if it is time to; `name` is that of the index. */
void trouble_say(struct trouble *trouble, const struct log *log, const char *name);

/* The engine took something. */
void trouble_over(struct trouble *trouble, const struct log *log, const char *name);

#endif
