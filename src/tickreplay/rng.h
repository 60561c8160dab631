/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that are the same everywhere for a seed: xoshiro256** 1.0 (D. Blackman and S.
 * Vigna, public domain), its state filled by splitmix64. Integers only, so that no floating-point
 * unit and no libm has a say in what comes out. Plain data, owns nothing.
 */
#ifndef TICKREPLAY_RNG_H
#define TICKREPLAY_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* One part in a million: the unit of shares and of quantiles. */
#define PPM 1000000

/* A point of a distribution: `at` (in PPM, rising) of all values are below `value`. */
struct quantile {
    uint32_t at;
    int64_t value;
};

void rng_init(struct rng *r, uint64_t seed);

uint64_t rng_next(struct rng *r);

/* 0 .. n-1; n > 0. */
uint32_t rng_below(struct rng *r, uint32_t n);

/* low .. high, both included; their distance below 2^32. */
int64_t rng_between(struct rng *r, int64_t low, int64_t high);

/* True in `ppm` of a million cases. */
bool rng_chance(struct rng *r, uint32_t ppm);

/* The value at `at` (0 .. PPM) of a distribution, between its points by straight lines. */
int64_t quantile_at(const struct quantile *points, size_t count, uint32_t at);

/* A value drawn from a distribution. */
int64_t rng_draw(struct rng *r, const struct quantile *points, size_t count);

#endif
