/* SPDX-License-Identifier: MIT */
/*
 * Writes ticks in each of the message formats that tickd reads. Pure: what is not in the tick is
 * drawn.
 */
#ifndef TICKREPLAY_SHAPE_H
#define TICKREPLAY_SHAPE_H

#include "buf.h"
#include "instrument.h"
#include "profile.h"
#include "rng.h"
#include <stddef.h>
#include <stdint.h>

/* How the number of an item is written into it. */
enum sequence {
    SEQUENCE_NONE,
    SEQUENCE_KEY,    /* as a key "seq", which consumers do not read */
    SEQUENCE_VOLUME, /* as the volume, so that it is in the table; quotes have none */
};

/* Numbers of orders and fills, which rise through a recording. */
struct ids {
    int64_t fill;
    int64_t order;
};

/* What all writers need. */
struct shaper {
    struct rng *rng;
    const struct profile *profile;
    enum sequence sequence;
    struct ids ids;
    struct buf scratch;
};

/* One row. Prices and amounts are in steps of its instrument. */
struct tick {
    const struct instrument *pair;
    int64_t time_ms;
    int64_t price;
    int64_t bid;
    int64_t ask;
    int64_t lots;
    int64_t mark_tenths; /* of a step */
    int64_t day_lots;    /* volume of 24 hours */
    int64_t seq;
};

void shaper_init(struct shaper *s, struct rng *rng, const struct profile *profile,
                 enum sequence sequence);
void shaper_fini(struct shaper *s);

/* Append one message with these ticks: an object, or an array if there are several. */
void shape_canonical(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count);
void shape_trades(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count);
void shape_prices(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count);
void shape_bbo(struct shaper *s, struct buf *b, const struct tick *tick);

/* The relay's envelope around one item of `inner` (KIND_TRADES, KIND_BBO or KIND_PRICES), stamped
 * `relay_us`. */
void shape_relay(struct shaper *s, struct buf *b, enum kind inner, const struct tick *tick,
                 int64_t relay_us);

/* A message that is no tick, about this pair or none: acknowledgements, pongs, errors, books,
 * candles. */
void shape_control(struct shaper *s, struct buf *b, const struct tick *tick);

#endif
