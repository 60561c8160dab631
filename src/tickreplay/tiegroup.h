/* SPDX-License-Identifier: MIT */
/*
 * Ticks of one symbol whose times touch, and the rows that stand there: what must be stored where
 * is worked out from docs/formats.md, and compared. This is the judge of tickd's handling of ties
 * and repeats, and has nothing of its code.
 *
 * With spread, each tick in the order of arrival takes the next free microsecond from its time on:
 *
 *     arrived   a at 10, b at 10, c at 11         stored   a at 10, b at 11, c at 12
 *
 * so ticks of different times can come into each other's way, and all that can are in one group.
 * Groups of a symbol come one after the other in time. Ticks of different partitions have no order
 * among each other: for a group with such ticks every order is accepted that gives these rows.
 *
 * Owns its memory. Pure.
 */
#ifndef TICKREPLAY_TIEGROUP_H
#define TICKREPLAY_TIEGROUP_H

#include "item.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tiegroup_mode { TIEGROUP_SPREAD, TIEGROUP_FIRST, TIEGROUP_LAST };

struct tiegroup {
    struct item *items;
    size_t count;
    size_t cap;
    struct item_row *rows; /* in the order of time */
    size_t row_count;
    size_t row_cap;
    int64_t start_us;
    int64_t items_end_us; /* behind the last microsecond the items can take */
    int64_t rows_end_us;  /* behind the last row that touches */
    size_t repeats_max;   /* snapshots, which may be repeats */
};

/* What became of an item, or what a row is. */
enum tie_fate {
    TIE_STORED,
    TIE_REPEATED, /* rightly not stored */
    TIE_YIELDED,  /* rightly not stored: first or last, and another has the key */
    TIE_MISSING,
    TIE_MOVED,         /* stored, but at row->time_us instead of expected_us */
    TIE_CHANGED,       /* the row at its place has other values */
    TIE_REPEAT_STORED, /* a repeat that should not have been stored */
    TIE_EXTRA, /* a row of nothing: item is NULL, or one that is equal and has its own row */
};

struct tie_verdict {
    enum tie_fate fate;
    const struct item *item;
    const struct item_row *row;
    int64_t expected_us;
    bool any_order; /* ticks of several partitions: which of them it was is not known */
};

typedef void tie_verdict_fn(void *ctx, const struct tie_verdict *v);

void tiegroup_init(struct tiegroup *g);
void tiegroup_fini(struct tiegroup *g);

bool tiegroup_is_empty(const struct tiegroup *g);

/* Whether an item or a row of this time belongs to the group that is there (also to an empty one).
 * Items and rows come in the order of time, an item before a row of the same time. */
bool tiegroup_takes_item(const struct tiegroup *g, int64_t time_us);
bool tiegroup_takes_row(const struct tiegroup *g, int64_t time_us);
void tiegroup_add_item(struct tiegroup *g, enum tiegroup_mode mode, const struct item *i);
void tiegroup_add_row(struct tiegroup *g, const struct item_row *r);

/* Calls `fn` once for each item, and for each row that belongs to none; then the group is empty. */
void tiegroup_judge(struct tiegroup *g, enum tiegroup_mode mode, bool keep_repeats,
                    tie_verdict_fn *fn, void *ctx);

#endif
