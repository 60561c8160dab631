/* SPDX-License-Identifier: MIT */
/*
 * Time as it is handed to code that decides: both clocks, read once per wake-up by the shells.
 */
#ifndef TICKD_CLOCK_H
#define TICKD_CLOCK_H

#include <stdint.h>

/* `mono_us` orders events and measures spans; `wall_us` is Unix time and may jump. */
struct instant {
    int64_t mono_us;
    int64_t wall_us;
};

/* Reads both clocks. */
struct instant clock_now(void);

/* The monotonic clock alone, in nanoseconds: to measure what is short. */
int64_t clock_mono_ns(void);

#endif
