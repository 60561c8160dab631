/* SPDX-License-Identifier: MIT */
/*
 * When the messages of a generated recording arrive: evenly, or in bursts whose windows of 100 ms
 * are as unequal as those of a real feed, while every ten seconds have exactly the messages that
 * the rate asks for. Pure.
 */
#ifndef TICKREPLAY_SCHEDULE_H
#define TICKREPLAY_SCHEDULE_H

#include "rng.h"
#include <stdbool.h>
#include <stdint.h>

#define SCHEDULE_WINDOWS 100

struct schedule {
    int64_t start_ns;
    uint64_t rate_milli; /* messages in 1000 seconds */
    bool bursts;
    uint64_t total;  /* messages in all */
    uint64_t blocks; /* of SCHEDULE_WINDOWS windows, in all */
    int64_t window_ns;
    uint64_t emitted;
    int64_t last_ns;
    uint64_t block;
    uint32_t window;                      /* in the block */
    uint64_t until[SCHEDULE_WINDOWS + 1]; /* messages before each window of the block */
};

#define SCHEDULE_RATE_MAX  INT64_C(10000000)
#define SCHEDULE_TOTAL_MAX UINT64_C(1000000000000)

/* Messages that fit into `duration_ns`, at most SCHEDULE_TOTAL_MAX. */
uint64_t schedule_total(uint64_t rate_milli, int64_t duration_ns);

/* `rate_milli` is 1 .. SCHEDULE_RATE_MAX * 1000, `total` 1 .. SCHEDULE_TOTAL_MAX. */
void schedule_init(struct schedule *s, int64_t start_ns, uint64_t rate_milli, uint64_t total,
                   bool bursts, struct rng *r);

/* The arrival of the next message, Unix ns, later than the one before. `together`: right behind it,
 * as the messages of one event come. */
int64_t schedule_next(struct schedule *s, bool together, struct rng *r);

#endif
