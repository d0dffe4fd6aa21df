#include "load/flow.h"

enum { BEGIN_WITH = 2, HOLD_WINDOWS = 8, ANSWERS_PER_PLACE = 2 };

static const double gain = 1.05, loss = 0.97, slow = 0.7, smoothing = 0.3;

static void restart_window(struct flow *flow)
{
    flow->answers = 0;
    flow->bytes = 0;
    flow->began_us = 0;
}

static void move(struct flow *flow, size_t limit)
{
    flow->passed_over = flow->limit;
    flow->limit = limit;
    restart_window(flow);
}

static void settle(struct flow *flow, size_t limit)
{
    if (limit != flow->limit)
        move(flow, limit);
    flow->from = limit;
    flow->hold = HOLD_WINDOWS;
}

static void try_limit(struct flow *flow, size_t limit)
{
    flow->from = flow->limit;
    move(flow, limit);
}

void flow_init(struct flow *flow, size_t most)
{
    *flow = (struct flow){.most = most < 1 ? 1 : most > FLOW_MOST ? FLOW_MOST : most};
    flow->limit = flow->from = BEGIN_WITH < flow->most ? BEGIN_WITH : flow->most;
}

void flow_busy(struct flow *flow)
{
    if (flow->passed_over) { /* one of the round that has halved it already */
        flow->passed_over--;
        return;
    }
    size_t half = flow->limit > 1 ? flow->limit / 2 : 1;
    move(flow, half);
    settle(flow, half);
    flow->down = false;
}

/* Nothing is being tried: is it time to, or has the engine become slow? */
static void judge_steady(struct flow *flow, double usual, double rate)
{
    if (usual > 0 && rate < slow * usual && flow->limit > 1) {
        flow->rates[flow->limit] = rate;
        flow->hold = 0;
        try_limit(flow, flow->limit - 1);
        return;
    }
    if (flow->hold && --flow->hold)
        return;
    bool down = flow->limit > 1 && (flow->down || flow->limit == flow->most);
    flow->down = !down;
    if (down)
        try_limit(flow, flow->limit - 1);
    else if (flow->limit < flow->most)
        try_limit(flow, flow->limit + 1);
}

static void judge(struct flow *flow, double rate)
{
    size_t limit = flow->limit, from = flow->from;
    double usual = flow->rates[limit];
    flow->rates[limit] = usual > 0 ? usual + smoothing * (rate - usual) : rate;
    if (limit == from) {
        judge_steady(flow, usual, rate);
        return;
    }
    flow->rates[limit] = rate; /* what it was long ago says little */
    if (limit < from) {
        settle(flow, rate >= loss * flow->rates[from] ? limit : from);
        return;
    }
    if (rate < gain * flow->rates[from]) {
        settle(flow, from);
        flow->down = true;
        return;
    }
    flow->from = limit;
    if (limit < flow->most)
        try_limit(flow, limit + 1);
    else
        settle(flow, limit);
}

void flow_answered(struct flow *flow, size_t in_flight, int64_t bytes, int64_t now_us)
{
    if (flow->passed_over) {
        flow->passed_over--;
        return;
    }
    if (in_flight < flow->limit) {
        restart_window(flow);
        return;
    }
    if (!flow->began_us) {
        flow->began_us = now_us;
        return;
    }
    flow->answers++;
    flow->bytes += bytes;
    if (flow->answers < ANSWERS_PER_PLACE * flow->limit)
        return;
    int64_t took = now_us - flow->began_us;
    double rate = (double)flow->bytes / (double)(took > 0 ? took : 1);
    restart_window(flow);
    flow->began_us = now_us;
    judge(flow, rate);
}
