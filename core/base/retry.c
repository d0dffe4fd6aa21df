#include "base/retry.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_ms(void)
{
    return clock_us() / 1000;
}

static int random_below(int limit)
{
    uint32_t value = 0;
    if (getrandom(&value, sizeof(value), GRND_NONBLOCK) != (ssize_t)sizeof(value))
        value = (uint32_t)clock_ms() * 2654435761u;
    return (int)(value % (uint32_t)limit);
}

int retry_delay(struct retry *retry, int retry_after_ms)
{
    int64_t now = clock_ms();
    if (!retry->began)
        retry->began = now;
    int64_t left = retry->began + retry->budget_ms - now;
    if (left <= 0)
        return -1;

    int64_t bound = retry->first_ms;
    for (int i = 0; i < retry->attempts && bound < retry->longest_ms; i++)
        bound *= 2;
    if (bound > retry->longest_ms)
        bound = retry->longest_ms;
    retry->attempts++;

    int64_t delay = retry_after_ms > 0 ? retry_after_ms : 1 + random_below((int)bound);
    return (int)(delay < left ? delay : left);
}

void retry_reset(struct retry *retry)
{
    retry->attempts = 0;
    retry->began = 0;
}
