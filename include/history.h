/* SPDX-License-Identifier: MIT */
/*
 * The last 15 minutes, for plots: one sample for every 5 seconds, the oldest overwritten.
 *
 * Plain data, zero it before use. Pure.
 */
#ifndef TICKD_HISTORY_H
#define TICKD_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#define HISTORY_STEP_S  5
#define HISTORY_SAMPLES 180

struct history_sample {
    int64_t time_us;      /* its end, wall clock */
    double messages;      /* per second, as are the next two */
    double stored;        /* rows */
    double rejected;      /* ticks */
    int64_t lag;          /* messages, at the end; -1: not known */
    double latency_p50_s; /* event to commit; NaN: nothing was committed */
    double latency_p99_s;
    double commit_p99_s; /* how long commits took; NaN likewise */
};

struct history {
    size_t next;
    size_t count;
    struct history_sample items[HISTORY_SAMPLES];
};

void history_add(struct history *h, const struct history_sample *sample);

/* The i-th sample, the oldest first; i < h->count. */
const struct history_sample *history_get(const struct history *h, size_t i);

#endif
