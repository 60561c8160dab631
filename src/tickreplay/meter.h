/* SPDX-License-Identifier: MIT */
/*
 * How steadily messages went out: how many in each second, how far behind the schedule. Pure; times
 * are nanoseconds of one clock.
 */
#ifndef TICKREPLAY_METER_H
#define TICKREPLAY_METER_H

#include <stdint.h>

struct meter {
    uint64_t count;
    int64_t first_ns; /* of the messages */
    int64_t last_ns;
    int64_t behind_max_ns; /* the latest of them, against its due time */
    uint64_t second;       /* the one that is being counted, from the first message on */
    uint64_t in_second;
    uint64_t seconds; /* those that are complete */
    uint64_t slowest; /* messages of a complete second */
    uint64_t fastest;
};

/* A message that was due at `due_ns` goes out. */
void meter_add(struct meter *m, int64_t due_ns, int64_t now_ns);

/* Messages a second from the first message to the last; 0 if there were not two. */
double meter_rate(const struct meter *m);

#endif
