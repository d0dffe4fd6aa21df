/*
 * When to try again: exponential backoff with full jitter ("Exponential Backoff And Jitter",
 * AWS Architecture Blog, 2015), within a time budget. A Retry-After of the server is honoured.
 */
#ifndef ESMIGRATE_BASE_RETRY_H
#define ESMIGRATE_BASE_RETRY_H

#include <stdint.h>

struct retry {
    int first_ms;   /* upper bound of the first delay */
    int longest_ms; /* upper bound of any delay, but for a Retry-After */
    int budget_ms;  /* from the first failure; no try is begun after it */
    int attempts;   /* so far */
    int64_t began;  /* monotonic milliseconds of the first failure; 0: none yet */
};

#define RETRY(budget) ((struct retry){.first_ms = 100, .longest_ms = 10000, .budget_ms = (budget)})

/* Milliseconds, and microseconds, of the monotonic clock. */
int64_t clock_ms(void);
int64_t clock_us(void);

/*
 * The delay in ms before the next try, or -1 when the budget is spent. retry_after_ms is what the
 * server asked for, 0 if nothing.
 */
int retry_delay(struct retry *retry, int retry_after_ms);

/* Forgets the failures, after a success. */
void retry_reset(struct retry *retry);

#endif
