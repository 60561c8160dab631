/* SPDX-License-Identifier: MIT */
/*
 * What a process uses, from /proc.
 */
#ifndef TICKREPLAY_PROCSTAT_H
#define TICKREPLAY_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>

struct procstat {
    double cpu_s; /* user and system time of all threads since the start */
    int64_t rss_bytes;
    int64_t rss_peak_bytes;
};

/* False if there is no such process (any more). */
bool procstat_read(struct procstat *s, int64_t pid) __attribute__((warn_unused_result));

#endif
