/* SPDX-License-Identifier: MIT */
#include "quotes.h"

#include "err.h"
#include <math.h>
#include <stdlib.h>

const unsigned quotes_spark_s = 15;

struct quotes {
    struct quote *items;
    size_t count;
    uint64_t change;
    uint64_t seconds;   /* that have gone */
    size_t spark_at;    /* the oldest point */
    unsigned spark_due; /* seconds until the next point */
};

static const struct quote unknown = {.time_us = INT64_MIN, .price = NAN, .bid = NAN, .ask = NAN};

struct quotes *quotes_new(void)
{
    struct quotes *q = err_calloc(1, sizeof *q);
    q->spark_due = quotes_spark_s;
    return q;
}

void quotes_free(struct quotes *q)
{
    if (!q)
        return;
    free(q->items);
    free(q);
}

static void grow(struct quotes *q, uint32_t slot)
{
    size_t count = q->count ? q->count : 64;
    while (count <= slot)
        count *= 2;
    q->items = err_realloc(q->items, count * sizeof *q->items);
    for (size_t i = q->count; i < count; i++) {
        q->items[i] = unknown;
        for (size_t k = 0; k < QUOTES_SPARK; k++)
            q->items[i].spark[k] = NAN;
    }
    q->count = count;
}

static struct quote *at(struct quotes *q, uint32_t slot)
{
    if (slot >= q->count)
        grow(q, slot);
    return &q->items[slot];
}

void quotes_put(struct quotes *q, uint32_t slot, const struct record *r)
{
    struct quote *quote = at(q, slot);
    quote->ticks++;
    if (r->time_us < quote->time_us)
        return;
    quote->time_us = r->time_us;
    quote->price = r->price;
    quote->change = ++q->change;
    /* Trades have no quote: the last one stands. */
    if (!isnan(r->bid) || !isnan(r->ask)) {
        quote->bid = r->bid;
        quote->ask = r->ask;
    }
    if (r->day_ago > 0)
        quote->day_ago = r->day_ago;
}

void quotes_restore(struct quotes *q, uint32_t slot, int64_t time_us, double price, double bid,
                    double ask)
{
    struct quote *quote = at(q, slot);
    if (quote->time_us >= time_us)
        return;
    quote->time_us = time_us;
    quote->price = price;
    quote->bid = bid;
    quote->ask = ask;
    quote->change = ++q->change;
}

void quotes_second(struct quotes *q)
{
    size_t place = q->seconds % QUOTES_RATE_S;
    for (size_t i = 0; i < q->count; i++)
        q->items[i].counted[place] = q->items[i].ticks;
    q->seconds++;
    if (--q->spark_due > 0)
        return;
    q->spark_due = quotes_spark_s;
    for (size_t i = 0; i < q->count; i++)
        q->items[i].spark[q->spark_at] = (float)q->items[i].price;
    q->spark_at = (q->spark_at + 1) % QUOTES_SPARK;
}

const struct quote *quotes_get(const struct quotes *q, uint32_t slot)
{
    return slot < q->count ? &q->items[slot] : &unknown;
}

double quotes_rate(const struct quotes *q, uint32_t slot)
{
    if (slot >= q->count || q->seconds < 2)
        return 0;
    const uint64_t *counted = q->items[slot].counted;
    uint64_t span = q->seconds < QUOTES_RATE_S ? q->seconds - 1 : QUOTES_RATE_S - 1;
    uint64_t newest = counted[(q->seconds - 1) % QUOTES_RATE_S];
    uint64_t oldest = counted[(q->seconds - 1 - span) % QUOTES_RATE_S];
    return (double)(newest - oldest) / (double)span;
}

float quotes_spark(const struct quotes *q, uint32_t slot, size_t i)
{
    return slot < q->count ? q->items[slot].spark[(q->spark_at + i) % QUOTES_SPARK] : NAN;
}

double quotes_change_24h(const struct quote *quote)
{
    return quote->day_ago > 0 ? (quote->price / quote->day_ago - 1) * 100 : NAN;
}

uint64_t quotes_change(const struct quotes *q)
{
    return q->change;
}
