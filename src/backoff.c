/* SPDX-License-Identifier: MIT */
#include "backoff.h"

void backoff_init(struct backoff *b, uint32_t min_ms, uint32_t max_ms)
{
    *b = (struct backoff){
        .min_ms = min_ms,
        .max_ms = max_ms < min_ms ? min_ms : max_ms,
    };
}

uint32_t backoff_next_ms(struct backoff *b, uint32_t random)
{
    if (b->failures < UINT32_MAX)
        b->failures++;
    /* From 32 doublings on any floor but 0 has passed any ceiling. */
    uint32_t doublings = b->failures < 32 ? b->failures : 32;
    uint64_t ceiling = (uint64_t)b->min_ms << doublings;
    if (ceiling > b->max_ms)
        ceiling = b->max_ms;
    uint64_t choices = ceiling - b->min_ms + 1;
    return b->min_ms + (uint32_t)((random * choices) >> 32);
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
}
