/* SPDX-License-Identifier: MIT */
/*
 * Ticks that share time and symbol, and snapshots that repeat themselves.
 *
 * The table's key is (time, symbol), while event times are milliseconds: real trades collide. This
 * is the bounded memory of recent keys that finds nearly all collisions before COPY; what it has
 * forgotten or never knew (a restart) the database finds, and the batch is then merged row by row.
 *
 * Pure, owns its memory, allocates only in ties_new(). Whatever it remembers must have been stored
 * or be on its way: when a batch is dropped, call ties_forget().
 */
#ifndef TICKD_TIES_H
#define TICKD_TIES_H

#include "record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ties_mode { TIES_MODE_SPREAD, TIES_MODE_FIRST, TIES_MODE_LAST };

enum tie {
    TIE_NONE,     /* the key is free, as far as is known */
    TIE_SPREAD,   /* moved to the next free microsecond */
    TIE_DROPPED,  /* first: an earlier tick has the key; do not store */
    TIE_REPLACES, /* last: takes the place of an earlier tick; the batch must be merged */
    TIE_REPEAT,   /* a snapshot equal to the last one of that pair and time; do not store */
};

struct ties;

/* Remembers at least the last `memory` keys. */
struct ties *ties_new(enum ties_mode mode, size_t memory, bool keep_repeats);
void ties_free(struct ties *t);

/* Decides about the next tick of the pair with this slot; TIE_SPREAD changes r->time_us. */
enum tie ties_place(struct ties *t, uint32_t slot, struct record *r);

/* Forgets everything. */
void ties_forget(struct ties *t);

/* Keys looked up since the start: what finding places costs. */
uint64_t ties_lookups(const struct ties *t);

#endif
