/* SPDX-License-Identifier: MIT */
/*
 * When each message is due. A schedule is absolute: what was late does not move what follows, and
 * nothing drifts. Pure; times are nanoseconds of the monotonic clock.
 */
#ifndef TICKREPLAY_PACE_H
#define TICKREPLAY_PACE_H

#include <stdint.h>

enum pace_mode {
    PACE_RECORDED, /* as the arrivals were, `speed` times as fast */
    PACE_RATE,     /* evenly */
    PACE_MAX,      /* at once */
};

struct pace {
    enum pace_mode mode;
    double speed;
    double rate; /* messages a second */
    int64_t
        max_gap_ns; /* with PACE_RECORDED: a longer pause of the recording is cut; 0 = none is */
    int64_t start_ns;
    uint64_t count;  /* messages that have been given their time */
    int64_t pass_ns; /* when the present pass over the recording began */
    int64_t
        first_arrival_ns; /* of the pass, moved by the pauses that were cut; INT64_MIN = none yet */
    int64_t last_arrival_ns;
    int64_t last_ns; /* due time given last */
};

void pace_start(struct pace *p, int64_t now_ns);

/* The recording begins again, right behind its last message. */
void pace_repeat(struct pace *p);

/* How long `count` messages that arrived within `recorded_ns` take. */
int64_t pace_span(const struct pace *p, uint64_t count, int64_t recorded_ns);

/* The due time of the next message, which arrived at `arrival_ns` (INT64_MIN: not known, as the one
 * before). Never before that of the message before it. */
int64_t pace_due(struct pace *p, int64_t arrival_ns);

#endif
