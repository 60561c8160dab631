/* SPDX-License-Identifier: MIT */
/*
 * Whether a decoded tick may go into the table: is its pair known and active, is its time in range.
 * Pure: the clock comes in as an argument.
 */
#ifndef TICKD_VALIDATE_H
#define TICKD_VALIDATE_H

#include "pairs.h"
#include "record.h"
#include "reject.h"
#include <stddef.h>

struct validate_options {
    int64_t max_age_us;   /* 0 = no limit */
    int64_t max_ahead_us; /* how far in the future an event time may be */
};

/* REJECT_NONE if the tick is good; else the reason, with what was seen in `detail` (cut to fit).
 * `pair` is the tick's pair, or NULL if there is none. */
enum reject_reason validate_record(const struct validate_options *options, const struct record *r,
                                   const struct pair *pair, int64_t now_us, char *detail,
                                   size_t detail_size);

#endif
