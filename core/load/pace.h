/* At most so many documents a second: a token bucket that holds those of one second. */
#ifndef ESMIGRATE_LOAD_PACE_H
#define ESMIGRATE_LOAD_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    int64_t rate; /* documents a second; 0: no limit */
    int64_t filled_us;
    double tokens; /* documents that may go at once */
};

/* Milliseconds until one more may go, at that monotonic time; 0: now. */
int pace_wait_ms(struct pace *pace, int64_t now_us);

/* One went. */
void pace_take(struct pace *pace);

#endif
