/* SPDX-License-Identifier: MIT */
/*
 * Messages that must be rejected, each for a known reason. Pure.
 */
#ifndef TICKREPLAY_GARBAGE_H
#define TICKREPLAY_GARBAGE_H

#include "reject.h"
#include "shape.h"

/* How many sorts there are. */
size_t garbage_count(void);

/* Appends a message of one sort, otherwise like `tick`; returns why it must be rejected. It is one
 * item. */
enum reject_reason garbage_put(size_t sort, struct buf *b, const struct tick *tick);

#endif
