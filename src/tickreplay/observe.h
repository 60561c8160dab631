/* SPDX-License-Identifier: MIT */
/*
 * The loop of `measure`: looks at the database every few milliseconds while somebody else sends,
 * takes the sender's marks from a pipe, and a sample every second.
 */
#ifndef TICKREPLAY_OBSERVE_H
#define TICKREPLAY_OBSERVE_H

#include "measurement.h"
#include "target.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct observe_options {
    int64_t pid; /* tickd's, 0 = not known */
    int64_t poll_us;
    int64_t drain_us;         /* how long to wait for the last messages */
    int64_t progress_seconds; /* a line on stderr so often; 0 = none */
};

/*
 * Runs until the sender (child process `sender`, which writes journal marks to `marks`, a
 * non-blocking pipe) has ended and all it sent is visible, or until that takes too long, or
 * observe_stop(). False: the database could not be read before the start; `e` says why, and the
 * sender goes on.
 */
bool observe_run(const struct observe_options *o, struct target *target, pid_t sender, int marks,
                 struct measurement *m, struct err *e) __attribute__((warn_unused_result));

/* For a signal handler: the first call asks the sender to end, the second ends the waiting. */
void observe_stop(void);

#endif
