/* SPDX-License-Identifier: MIT */
/*
 * A histogram of non-negative integers (latencies in us) of any size in fixed memory: linear within
 * each power of two, so that every value is known to better than 0.8 %.
 *
 * The bucket layout is that of HdrHistogram (G. Tene, http://hdrhistogram.org, "significant value
 * digits" replaced by a number of bits). A value v is in bucket
 *
 *     v                                          if v < 2^HIST_BITS
 *     e * 2^(HIST_BITS-1) + (v >> e)             else, with e = floor(log2 v) - HIST_BITS + 1
 *
 * so the buckets of one power of two are 2^e wide and 2^(HIST_BITS-1) in number.
 *
 * Plain data, about 32 KiB; zero it before use. Pure.
 */
#ifndef TICKD_HIST_H
#define TICKD_HIST_H

#include <stdint.h>

#define HIST_BITS 8

/* Larger values are counted as this one: 2^38 us are three days. */
#define HIST_VALUE_MAX ((UINT64_C(1) << 38) - 1)

#define HIST_BUCKETS ((38 - HIST_BITS + 2) << (HIST_BITS - 1))

struct hist {
    uint64_t count;
    uint64_t sum; /* exact, as far as no value was above HIST_VALUE_MAX */
    uint64_t min; /* exact; nothing if count is 0 */
    uint64_t max;
    uint64_t buckets[HIST_BUCKETS];
};

/* A negative value (two clocks that disagree) is counted as 0. */
void hist_add(struct hist *h, int64_t value);

/* Adds what `from` has counted. */
void hist_merge(struct hist *h, const struct hist *from);

/*
 * The smallest value that at least `percent` (0 to 100) of the values do not exceed, which is the
 * value of rank ceil(count * percent / 100). Never below the exact one, and above it by less than
 * 2^(1-HIST_BITS) of it. 0 if nothing was counted.
 */
uint64_t hist_percentile(const struct hist *h, double percent);

/* How many values were not above `value`; those in its bucket count as such. For cumulative
 * buckets, as Prometheus wants them. */
uint64_t hist_count_to(const struct hist *h, uint64_t value);

#endif
