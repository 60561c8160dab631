/* SPDX-License-Identifier: MIT */
/*
 * How long each message took from the call that produced it until a query could see it.
 *
 * Two streams come together here, in whatever order: for each message its offset and when it was
 * produced, and now and then how far a partition's offset stands in the database. Rows and offsets
 * are committed in one transaction, so a query that sees the offset past a message sees its rows.
 *
 *     sent   offset 7 at 10.000, 8 at 10.004, 9 at 10.008
 *     seen   next offset 9 at 10.090                       7 took 90 ms, 8 took 86 ms, 9 waits
 *
 * Pure; times are microseconds of one clock.
 */
#ifndef TICKREPLAY_LAG_H
#define TICKREPLAY_LAG_H

#include "hist.h"
#include <stddef.h>
#include <stdint.h>

struct lag;

/* Latencies are added to both of them, borrowed; `interval` is for the caller to empty. */
struct lag *lag_new(struct hist *all, struct hist *interval);
void lag_free(struct lag *l);

/* A message was acknowledged by the broker; offsets of a partition come in rising order. */
void lag_sent(struct lag *l, int32_t partition, int64_t offset, int64_t produced_us);

/* A query saw that the messages below `next` are done; `seen_us` is when its answer was there. */
void lag_seen(struct lag *l, int32_t partition, int64_t next, int64_t seen_us);

/* Messages sent and not yet seen. */
uint64_t lag_waiting(const struct lag *l);

#endif
