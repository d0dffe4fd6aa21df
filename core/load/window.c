#include "load/window.h"

static size_t place(const struct window *window, size_t number)
{
    return (window->first + number) % WINDOW_LOOKS;
}

static int64_t time_of(const struct window *window, size_t number)
{
    return window->looks[place(window, number)].at;
}

void window_add(struct window *window, int64_t at, int64_t documents, int64_t bytes)
{
    size_t last = window->count - 1;
    if (window->count >= 2 && time_of(window, last) - time_of(window, last - 1) < WINDOW_STEP_MS)
        window->count--;
    /* The oldest one is older than the window, or the first of all. */
    while (window->count >= 2 && at - time_of(window, 1) >= WINDOW_MS) {
        window->first = place(window, 1);
        window->count--;
    }
    window->looks[place(window, window->count++)] = (struct window_look){at, documents, bytes};
}

void window_rates(const struct window *window, double *ret_documents, double *ret_bytes)
{
    *ret_documents = *ret_bytes = 0;
    if (window->count < 2)
        return;
    const struct window_look *oldest = &window->looks[window->first];
    const struct window_look *newest = &window->looks[place(window, window->count - 1)];
    double seconds = (double)(newest->at - oldest->at) / 1000;
    if (seconds <= 0)
        return;
    *ret_documents = (double)(newest->documents - oldest->documents) / seconds;
    *ret_bytes = (double)(newest->bytes - oldest->bytes) / seconds;
}
