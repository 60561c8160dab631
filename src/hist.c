/* SPDX-License-Identifier: MIT */
#include "hist.h"

#include <math.h>

#define HALF (1u << (HIST_BITS - 1))

static unsigned exponent_of(uint64_t value)
{
    if (value >> HIST_BITS == 0)
        return 0;
    return (unsigned)(64 - HIST_BITS) - (unsigned)__builtin_clzll(value);
}

static unsigned bucket_of(uint64_t value)
{
    unsigned e = exponent_of(value);
    return e * HALF + (unsigned)(value >> e);
}

/* The largest value of a bucket. */
static uint64_t top_of(unsigned bucket)
{
    if (bucket < 2 * HALF)
        return bucket;
    unsigned e = bucket / HALF - 1;
    uint64_t low = (uint64_t)(bucket - e * HALF) << e;
    return low + (UINT64_C(1) << e) - 1;
}

void hist_add(struct hist *h, int64_t value)
{
    uint64_t v = value > 0 ? (uint64_t)value : 0;
    if (v > HIST_VALUE_MAX)
        v = HIST_VALUE_MAX;
    if (h->count == 0 || v < h->min)
        h->min = v;
    if (v > h->max)
        h->max = v;
    h->count++;
    h->sum += v;
    h->buckets[bucket_of(v)]++;
}

void hist_merge(struct hist *h, const struct hist *from)
{
    if (from->count == 0)
        return;
    if (h->count == 0 || from->min < h->min)
        h->min = from->min;
    if (from->max > h->max)
        h->max = from->max;
    h->count += from->count;
    h->sum += from->sum;
    for (unsigned i = 0; i < HIST_BUCKETS; i++)
        h->buckets[i] += from->buckets[i];
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
    if (h->count == 0)
        return 0;
    double exact = ceil((double)h->count * percent / 100);
    uint64_t rank = exact < 1 ? 1 : (uint64_t)exact;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank) {
            uint64_t top = top_of(i);
            return top < h->max ? top : h->max;
        }
    }
    return h->max;
}

uint64_t hist_count_to(const struct hist *h, uint64_t value)
{
    unsigned last = bucket_of(value > HIST_VALUE_MAX ? HIST_VALUE_MAX : value);
    uint64_t count = 0;
    for (unsigned i = 0; i <= last; i++)
        count += h->buckets[i];
    return count;
}
