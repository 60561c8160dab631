/* SPDX-License-Identifier: MIT */
/*
 * A synthetic market: one message after the other, the same ones for the same options on every
 * machine. Pure: no clock, no I/O; prices and times are integers.
 *
 * Ticks come in groups that share symbol and event time. A group's messages arrive together; each
 * is of a kind drawn for itself, takes one row of the group or several, and the pair's price moves
 * a little from group to group. Garbage and control frames come between.
 */
#ifndef TICKREPLAY_GENERATOR_H
#define TICKREPLAY_GENERATOR_H

#include "buf.h"
#include "fates.h"
#include "instrument.h"
#include "profile.h"
#include "shape.h"
#include <stdint.h>

struct generator_options {
    uint64_t seed;
    uint64_t rate_milli; /* messages in 1000 seconds */
    uint64_t total;      /* messages that will be asked for */
    int64_t start_ns;    /* Unix time that the first arrival is not before */
    struct profile profile;
    enum sequence sequence;
};

struct generator;

/* `set` is borrowed until generator_free(), and not empty. */
struct generator *generator_new(const struct generator_options *options,
                                const struct instruments *set);
void generator_free(struct generator *g);

/* Appends the next message's value to `b` and adds its items to `f`. Returns its arrival, Unix ns,
 * later than the one before. */
int64_t generator_next(struct generator *g, struct buf *b, struct fates *f);

#endif
