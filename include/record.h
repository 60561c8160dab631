/* SPDX-License-Identifier: MIT */
/*
 * One tick, decoded: what becomes one row of `ticks`. Plain data, fixed size, owns nothing.
 */
#ifndef TICKD_RECORD_H
#define TICKD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#define RECORD_SYMBOL_MAX   20 /* bytes; ticks.symbol is varchar(20) */
#define RECORD_EXCHANGE_MAX 50 /* bytes; ticks.exchange is varchar(50) */

/* Where the tick came from decides whether an equal one after it is a repeat (snapshot channels) or
 * another trade. */
enum record_source {
    SOURCE_CANONICAL,
    SOURCE_PRICES, /* snapshot */
    SOURCE_TRADES,
    SOURCE_BBO, /* snapshot */
    SOURCE_COUNT
};

struct record {
    int64_t time_us; /* event time, Unix microseconds */
    double price;    /* finite, > 0 */
    double volume;   /* finite, >= 0 */
    double bid;      /* finite, > 0, or NaN for NULL */
    double ask;      /* finite, > 0, or NaN for NULL */
    double day_ago;  /* the price 24 hours before, 0 if the feed does not tell it; not stored */
    enum record_source source;
    uint8_t symbol_len;
    uint8_t exchange_len;
    char symbol[RECORD_SYMBOL_MAX + 1];     /* NUL-terminated */
    char exchange[RECORD_EXCHANGE_MAX + 1]; /* NUL-terminated */
};

/* True for sources that repeat their state (prices, bbo). */
bool record_is_snapshot(const struct record *r);

/* True if the two agree in every stored field, time included. */
bool record_equal(const struct record *a, const struct record *b);

#endif
