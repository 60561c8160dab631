/* SPDX-License-Identifier: MIT */
/*
 * What a consumer must make of a recording: how many items of it are ticks, rejected (by reason)
 * and ignored. An item is one tick of a message; a message that is no tick at all is one item.
 * Plain data.
 */
#ifndef TICKREPLAY_FATES_H
#define TICKREPLAY_FATES_H

#include "buf.h"
#include "reject.h"
#include <stdint.h>

struct fates {
    uint64_t messages;
    uint64_t items;
    uint64_t ticks;
    uint64_t ignored; /* control frames and repeats */
    uint64_t repeats; /* snapshots equal to the one before; also among the ignored */
    uint64_t rejected[REJECT_COUNT];
};

uint64_t fates_rejected(const struct fates *f);

/* Appends them as a JSON object of several lines, with a newline at its end. */
void fates_put(struct buf *b, const struct fates *f);

#endif
