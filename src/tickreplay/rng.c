/* SPDX-License-Identifier: MIT */
#include "rng.h"

static uint64_t splitmix64(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* The upper half of a product instead of a remainder: no division, and a bias below n / 2^32. */
uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

int64_t rng_between(struct rng *r, int64_t low, int64_t high)
{
    return low + rng_below(r, (uint32_t)(high - low + 1));
}

bool rng_chance(struct rng *r, uint32_t ppm)
{
    return rng_below(r, PPM) < ppm;
}

int64_t quantile_at(const struct quantile *points, size_t count, uint32_t at)
{
    size_t i = 1;
    while (i < count - 1 && points[i].at <= at)
        i++;
    const struct quantile *a = &points[i - 1], *b = &points[i];
    if (at >= b->at)
        return b->value;
    return a->value + (b->value - a->value) * (int64_t)(at - a->at) / (int64_t)(b->at - a->at);
}

int64_t rng_draw(struct rng *r, const struct quantile *points, size_t count)
{
    return quantile_at(points, count, rng_below(r, PPM));
}
