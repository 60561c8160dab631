/* SPDX-License-Identifier: MIT */
/*
 * What a generated recording is made of: the shares of message kinds and of everything that goes
 * wrong in a real feed, and the distributions that were measured in one. Plain data.
 */
#ifndef TICKREPLAY_PROFILE_H
#define TICKREPLAY_PROFILE_H

#include "rng.h"
#include <stdbool.h>
#include <stdint.h>

/* The kinds of messages that carry ticks. */
enum kind { KIND_CANONICAL, KIND_RELAY, KIND_TRADES, KIND_BBO, KIND_PRICES, KIND_COUNT };

/* Shares are in PPM. */
struct profile {
    uint32_t weight[KIND_COUNT]; /* of the messages with ticks; relative to each other */
    uint32_t garbage;            /* of all messages: what must be rejected, each for its reason */
    uint32_t unknown;            /* of all messages: ticks of a symbol that is in no table */
    uint32_t control;            /* of all messages: subscribe, pong, errors, books, candles */
    uint32_t late;               /* of the groups: event time before one already seen */
    uint32_t repeats;            /* of quotes and marks that could repeat the one before: do */
    uint32_t equal_trades;       /* of the trades after another of the same time: equal to it */
    uint32_t crossed;            /* of the quotes: locked or crossed */
    uint32_t batches;            /* of the messages: more than one tick */
    uint32_t exponent;           /* of the canonical ticks: numbers as 95993e-1 */
    uint32_t strings;            /* of the canonical ticks: numbers as strings */
    bool ties;                   /* several rows of one symbol and time, as often as in reality */
    bool bursts;                 /* arrivals in bursts, as in reality; else evenly */
};

/* The profile of a name, or NULL. Static storage. */
const struct profile *profile_find(const char *name);

/* "default, steady, ..." Static storage. */
const char *profile_names(void);

/* Draws from the measured distributions. */

/* Rows that share symbol and event time, 1 or more. */
uint32_t profile_draw_ties(struct rng *r);
/* Milliseconds between an event and its arrival. */
int64_t profile_draw_delay_ms(struct rng *r);
/* By how many milliseconds a late row is behind the newest of its symbol; 1 .. PROFILE_LATE_MAX_MS.
 */
#define PROFILE_LATE_MAX_MS 111
int64_t profile_draw_late_ms(struct rng *r);
/* Amount of a trade in lots, 1 or more. */
int64_t profile_draw_lots(struct rng *r);
/* Nanoseconds between two messages of one group. */
int64_t profile_draw_gap_ns(struct rng *r);
/* Messages of a 100 ms window in thousandths of the mean, for a window that is busier than `at`
 * (PPM) of all. */
int64_t profile_intensity(uint32_t at);

#endif
