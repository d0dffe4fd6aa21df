/*
 * Someone who is called now and then while something else is waited for: progress goes on to be
 * shown although a server is silent.
 */
#ifndef ESMIGRATE_BASE_TICKER_H
#define ESMIGRATE_BASE_TICKER_H

#include <stddef.h>

enum { TICK_MS = 200 }; /* at least so often, while there is a wait */

struct ticker {
    void (*tick)(void *data);
    void *data;
};

/* How long to wait at once, where timeout_ms (negative: for ever) is what is left; `ticker` may be
 * NULL. */
static inline int ticker_limit(const struct ticker *ticker, int timeout_ms)
{
    return ticker && (timeout_ms < 0 || timeout_ms > TICK_MS) ? TICK_MS : timeout_ms;
}

static inline void ticker_call(const struct ticker *ticker)
{
    if (ticker)
        ticker->tick(ticker->data);
}

#endif
