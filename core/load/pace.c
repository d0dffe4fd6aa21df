#include "load/pace.h"

int pace_wait_ms(struct pace *pace, int64_t now_us)
{
    static const double us_per_second = 1e6, us_per_ms = 1e3;
    if (!pace->rate)
        return 0;
    double rate = (double)pace->rate;
    if (pace->filled_us)
        pace->tokens += (double)(now_us - pace->filled_us) * rate / us_per_second;
    pace->filled_us = now_us;
    if (pace->tokens > rate)
        pace->tokens = rate;
    if (pace->tokens >= 1)
        return 0;
    return 1 + (int)((1 - pace->tokens) / rate * us_per_second / us_per_ms);
}

void pace_take(struct pace *pace)
{
    if (pace->rate)
        pace->tokens--;
}
