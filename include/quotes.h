/* SPDX-License-Identifier: MIT */
/*
 * The last price of each pair, by its slot (pairs.h), and how fast its ticks come: what the API
 * serves from memory.
 *
 * Pure, owns its memory. quotes_put() is on the hot path: it allocates only for a new slot.
 */
#ifndef TICKD_QUOTES_H
#define TICKD_QUOTES_H

#include "record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A sparkline is this many last prices, taken at intervals of quotes_spark_s: 15 minutes. */
#define QUOTES_SPARK 60

/* Rates are means over this many seconds. */
#define QUOTES_RATE_S 8

struct quote {
    int64_t time_us; /* event time; INT64_MIN: nothing known */
    double price;
    double bid;      /* NaN: none */
    double ask;      /* NaN: none */
    double day_ago;  /* the feed's price 24 hours before, 0: it tells none */
    uint64_t ticks;  /* taken since the start */
    uint64_t change; /* grows whenever the quote changes; see quotes_change() */

    uint64_t counted[QUOTES_RATE_S]; /* `ticks` of the last seconds */
    float spark[QUOTES_SPARK];       /* NaN: nothing known */
};

struct quotes;

struct quotes *quotes_new(void);
void quotes_free(struct quotes *q);

/* A tick was accepted. One that is older than what is known only counts. */
void quotes_put(struct quotes *q, uint32_t slot, const struct record *r);

/* What the table had before this run; counts for nothing, and never replaces a newer one. */
void quotes_restore(struct quotes *q, uint32_t slot, int64_t time_us, double price, double bid,
                    double ask);

/* A second has gone. */
void quotes_second(struct quotes *q);

/* The quote of a slot; one with time_us == INT64_MIN if nothing is known. Valid until the next
 * call that is not a question. */
const struct quote *quotes_get(const struct quotes *q, uint32_t slot);

/* Ticks per second, as of late. */
double quotes_rate(const struct quotes *q, uint32_t slot);

/* The i-th point of the sparkline, the oldest first; NaN before there was one. */
float quotes_spark(const struct quotes *q, uint32_t slot, size_t i);

/* Change in percent since 24 hours before, NaN if the feed does not tell. */
double quotes_change_24h(const struct quote *quote);

/* The number of the newest change of all. */
uint64_t quotes_change(const struct quotes *q);

extern const unsigned quotes_spark_s;

#endif
