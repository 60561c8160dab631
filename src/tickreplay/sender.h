/* SPDX-License-Identifier: MIT */
/*
 * The run of `send`: recording in, messages out, each when it is due. Blocks until it is done,
 * until sender_stop() or until an error that ends it; then everything sent is waited for.
 */
#ifndef TICKREPLAY_SENDER_H
#define TICKREPLAY_SENDER_H

#include "pace.h"
#include "producer.h"
#include "recording.h"
#include "rewrite.h"
#include "sendreport.h"
#include <stdbool.h>
#include <stdint.h>

struct sender_options {
    struct pace pace; /* mode, speed, rate, max_gap_ns */
    /* With PACE_RECORDED: messages a second on average, instead of a speed; 0 = no. */
    double burst_rate;
    bool can_survey;     /* the recording can be read twice */
    uint64_t loops;      /* passes over the recording; 0 = until stopped */
    uint64_t count;      /* messages at most; 0 = no limit */
    int64_t duration_ns; /* of the run at most; 0 = no limit */
    int64_t from_ns;     /* arrivals from here on, INT64_MIN = all */
    int64_t to_ns;       /* arrivals before this, INT64_MAX = all */
    /* "A,B": only messages with one of these, by the name they are sent under; NULL = all. */
    const char *symbols;
    /* The same for the exchange column. */
    const char *exchanges;
    /* Move event times so that the recording happens now: none comes further ahead of the clock
     * than it was recorded, and the first message, or the last, is no further behind it. */
    bool shift_to_now;
    bool strict;
    bool progress;
    int64_t flush_ns; /* how long to wait for acknowledgements */
    struct symbol_map map;
};

/* Runs. The report is complete afterwards, whatever happened; errors are said as they come. */
void sender_run(const struct sender_options *o, struct recording *recording,
                struct producer *producer, struct send_report *report);

/* For a signal handler: the first call ends the sending, the second also the waiting. */
void sender_stop(void);

#endif
