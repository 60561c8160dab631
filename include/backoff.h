/* SPDX-License-Identifier: MIT */
/*
 * Exponential backoff with full jitter: the n-th wait is uniform in [min, min(max, min * 2^n)].
 * (M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: "full jitter", with a
 * floor so that a retry is never immediate.)
 * Pure: the random number comes in as an argument.
 */
#ifndef TICKD_BACKOFF_H
#define TICKD_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t failures; /* in a row */
};

void backoff_init(struct backoff *b, uint32_t min_ms, uint32_t max_ms);

/* Counts a failure and returns how long to wait, in ms. `random` is any 32 random bits. */
uint32_t backoff_next_ms(struct backoff *b, uint32_t random);

/* After a success: the next wait is short again. */
void backoff_reset(struct backoff *b);

#endif
