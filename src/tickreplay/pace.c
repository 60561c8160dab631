/* SPDX-License-Identifier: MIT */
#include "pace.h"

#define SECOND_NS 1e9

void pace_start(struct pace *p, int64_t now_ns)
{
    p->start_ns = p->pass_ns = p->last_ns = now_ns;
    p->first_arrival_ns = INT64_MIN;
    p->count = 0;
}

void pace_repeat(struct pace *p)
{
    p->pass_ns = p->last_ns;
    p->first_arrival_ns = INT64_MIN;
}

/* A double counts nanoseconds exactly for a hundred days. */
static int64_t recorded_ns(struct pace *p, int64_t arrival_ns)
{
    if (arrival_ns == INT64_MIN)
        return p->last_ns;
    if (p->first_arrival_ns == INT64_MIN)
        p->first_arrival_ns = p->last_arrival_ns = arrival_ns;
    int64_t pause_ns = arrival_ns - p->last_arrival_ns;
    if (p->max_gap_ns > 0 && pause_ns > p->max_gap_ns)
        p->first_arrival_ns += pause_ns - p->max_gap_ns;
    p->last_arrival_ns = arrival_ns;
    return p->pass_ns + (int64_t)((double)(arrival_ns - p->first_arrival_ns) / p->speed);
}

int64_t pace_span(const struct pace *p, uint64_t count, int64_t recorded_ns)
{
    switch (p->mode) {
    case PACE_RECORDED:
        return (int64_t)((double)recorded_ns / p->speed);
    case PACE_RATE:
        return (int64_t)((double)count * (SECOND_NS / p->rate));
    case PACE_MAX:
        break;
    }
    return 0;
}

int64_t pace_due(struct pace *p, int64_t arrival_ns)
{
    int64_t due = p->start_ns;
    switch (p->mode) {
    case PACE_RECORDED:
        due = recorded_ns(p, arrival_ns);
        break;
    case PACE_RATE:
        due = p->start_ns + (int64_t)((double)p->count * (SECOND_NS / p->rate));
        break;
    case PACE_MAX:
        break;
    }
    p->count++;
    /* A recorder's clock may have been set back. */
    if (due < p->last_ns)
        due = p->last_ns;
    p->last_ns = due;
    return due;
}
