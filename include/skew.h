/* SPDX-License-Identifier: MIT */
/*
 * How far the database's clock and this machine's are apart. Pure.
 */
#ifndef TICKD_SKEW_H
#define TICKD_SKEW_H

#include <stdint.h>

/* Beyond this somebody should look at the clocks; no limit that time stamps are judged by is as
 * short. */
#define SKEW_MAX_US 5000000

/* Asks the database for its clock: one row, one column, microseconds. */
extern const char skew_sql[];

/* By how many microseconds the database's clock is ahead of ours (below 0: behind), at least: it
 * was read between `asked_us` and `answered_us` of ours, and any moment of these would do. */
int64_t skew_us(const char *answer, int64_t asked_us, int64_t answered_us);

#endif
