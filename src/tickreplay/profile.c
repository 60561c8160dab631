/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define PERCENT(x)   ((uint32_t)((x) * (PPM / 100)))

static const struct {
    const char *name;
    struct profile profile;
} profiles[] = {
    /* A busy futures feed as it is. */
    {"default",
     {.weight = {[KIND_CANONICAL] = 30,
                 [KIND_RELAY] = 20,
                 [KIND_TRADES] = 20,
                 [KIND_BBO] = 25,
                 [KIND_PRICES] = 5},
      .garbage = PERCENT(1),
      .unknown = PERCENT(1),
      .control = PERCENT(1),
      .late = PERCENT(9),
      .repeats = PERCENT(46),
      .equal_trades = PERCENT(18),
      .crossed = PERCENT(1),
      .batches = PERCENT(4),
      .exponent = PERCENT(1),
      .strings = PERCENT(20),
      .ties = true,
      .bursts = true}},
    /* Nothing but good ticks, one each, evenly spaced: to measure with. */
    {"steady", {.weight = {[KIND_CANONICAL] = 1}}},
    /* As the default, with a tenth of it bad: to see that it does not disturb the rest. */
    {"hostile",
     {.weight = {[KIND_CANONICAL] = 30,
                 [KIND_RELAY] = 20,
                 [KIND_TRADES] = 20,
                 [KIND_BBO] = 25,
                 [KIND_PRICES] = 5},
      .garbage = PERCENT(5),
      .unknown = PERCENT(3),
      .control = PERCENT(2),
      .late = PERCENT(20),
      .repeats = PERCENT(46),
      .equal_trades = PERCENT(30),
      .crossed = PERCENT(10),
      .batches = PERCENT(15),
      .exponent = PERCENT(10),
      .strings = PERCENT(40),
      .ties = true,
      .bursts = true}},
};

const struct profile *profile_find(const char *name)
{
    for (size_t i = 0; i < COUNT(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0)
            return &profiles[i].profile;
    }
    return NULL;
}

const char *profile_names(void)
{
    return "default, steady, hostile";
}

/*
 * The distributions below are those of 40 s of a burst of Binance USD-M futures (two symbols,
 * quotes and trades, 2024-08-08), and, for the ties, of the whole recording it was cut from.
 */

/* Keys (symbol, ms) by the number of rows they have. */
static const uint32_t keys_by_rows[] = {40475, 12711, 4198, 2225, 1293, 910, 738, 547, 443, 315};
static const uint32_t keys_in_all = 65722; /* 1867 of them with more rows */

/* Rows of a key that has more than ten. */
static const struct quantile many_rows[] = {
    {0, 11},      {250000, 12}, {500000, 15},  {750000, 22},
    {900000, 32}, {950000, 47}, {990000, 314}, {PPM, 348},
};

static const struct quantile delay_us[] = {
    {0, 0},          {10000, 600},    {100000, 1300},  {500000, 2700},
    {900000, 16700}, {990000, 45000}, {999000, 81000}, {PPM, 87500},
};

static const struct quantile late_ms[] = {
    {0, 1},       {100000, 1},  {250000, 2},  {500000, 5},
    {750000, 15}, {900000, 28}, {990000, 74}, {PPM, PROFILE_LATE_MAX_MS},
};

static const struct quantile lots[] = {
    {0, 1},        {100000, 2},    {250000, 5},    {500000, 25},    {750000, 146},
    {900000, 513}, {950000, 1100}, {990000, 3734}, {999000, 13793}, {PPM, 46000},
};

static const struct quantile gap_ns[] = {
    {0, 400}, {100000, 500}, {250000, 700}, {500000, 1600}, {PPM, 6000},
};

/* Thousandths of the mean. The busiest 100 ms had 1,236 messages, the mean 62.4. */
static const struct quantile intensity[] = {
    {0, 16},        {100000, 144},  {250000, 224},  {500000, 416}, {750000, 1041},
    {900000, 2562}, {950000, 3843}, {990000, 9833}, {PPM, 19794},
};

uint32_t profile_draw_ties(struct rng *r)
{
    uint32_t at = rng_below(r, keys_in_all);
    for (uint32_t i = 0; i < COUNT(keys_by_rows); i++) {
        if (at < keys_by_rows[i])
            return i + 1;
        at -= keys_by_rows[i];
    }
    _Static_assert(COUNT(keys_by_rows) == 10, "many_rows begins where keys_by_rows ends");
    return (uint32_t)rng_draw(r, many_rows, COUNT(many_rows));
}

int64_t profile_draw_delay_ms(struct rng *r)
{
    return rng_draw(r, delay_us, COUNT(delay_us)) / 1000;
}

int64_t profile_draw_late_ms(struct rng *r)
{
    return rng_draw(r, late_ms, COUNT(late_ms));
}

int64_t profile_draw_lots(struct rng *r)
{
    return rng_draw(r, lots, COUNT(lots));
}

int64_t profile_draw_gap_ns(struct rng *r)
{
    return rng_draw(r, gap_ns, COUNT(gap_ns));
}

int64_t profile_intensity(uint32_t at)
{
    return quantile_at(intensity, COUNT(intensity), at);
}
