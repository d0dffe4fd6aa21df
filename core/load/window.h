/* A sliding window: how much a second came of two counters that only grow, over the last seconds.
 */
#ifndef ESMIGRATE_LOAD_WINDOW_H
#define ESMIGRATE_LOAD_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum {
    WINDOW_MS = 10000,
    WINDOW_STEP_MS = 500, /* a look that comes sooner takes the place of the one before */
    WINDOW_LOOKS = WINDOW_MS / WINDOW_STEP_MS + 2,
};

struct window_look {
    int64_t at; /* monotonic ms */
    int64_t documents;
    int64_t bytes;
};

/* Zero-initialised by the caller. */
struct window {
    struct window_look looks[WINDOW_LOOKS]; /* a ring */
    size_t first, count;
};

/* What the counters are at that moment, which is not before the last one. */
void window_add(struct window *window, int64_t at, int64_t documents, int64_t bytes);

/* A second, from the oldest look in the window to the newest; 0 while there is only one. */
void window_rates(const struct window *window, double *ret_documents, double *ret_bytes);

#endif
