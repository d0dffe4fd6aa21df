/*
 * How many bulk requests are in flight. What the engine takes best depends on its cores, its disks
 * and who else uses it, so it is found out by trying, as a thread pool finds its size (hill
 * climbing on throughput: Hellerstein, Morrison and Eilebrecht, "Optimizing Concurrency Levels in
 * the .NET ThreadPool", 2008):
 *
 * - One more is tried, and kept if at least 5 % more bytes a second are answered than before.
 * - After some time without change one fewer and one more are tried in turn; fewer is kept if that
 *   costs less than 3 %.
 * - At a fixed number in flight, latency is that number divided by the throughput (Little's law,
 *   1961): when a window is slower than 0.7 of what was usual, latency has risen, and one fewer is
 *   tried at once.
 * - An engine that says it is busy halves the number (multiplicative decrease: Chiu and Jain,
 * 1989), once per round of requests.
 *
 * Only answers that came while as many as allowed were in flight count: else it is the source that
 * is measured.
 */
#ifndef ESMIGRATE_LOAD_FLOW_H
#define ESMIGRATE_LOAD_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_MOST = 64, FLOW_DEFAULT = 6 };

struct flow {
    size_t limit; /* requests that may be in flight now */
    size_t most;
    size_t from;        /* the limit that this one is compared with; the same: none */
    bool down;          /* fewer are tried next, else more */
    unsigned int hold;  /* windows until something is tried again */
    size_t passed_over; /* answers that still belong to the limit before */

    /* the window that is measured */
    size_t answers;
    int64_t bytes;
    int64_t began_us; /* 0: not yet */

    double rates[FLOW_MOST + 2]; /* bytes a microsecond at each limit; 0: not known */
};

/* `most` is brought into 1 to FLOW_MOST. */
void flow_init(struct flow *flow, size_t most);

/* Of each answer one of the two is called. */

/* A request of so many bytes was answered, at that monotonic time, while `in_flight` were, this one
 * included. */
void flow_answered(struct flow *flow, size_t in_flight, int64_t bytes, int64_t now_us);

/* The engine had no room for a request, or for some of it. */
void flow_busy(struct flow *flow);

#endif
