/* SPDX-License-Identifier: MIT */
/*
 * What this process uses, from /proc.
 */
#ifndef TICKD_PROCFS_H
#define TICKD_PROCFS_H

#include <stdint.h>

/* What cannot be found out is 0. */
struct procfs {
    double cpu_s;
    double started_s; /* Unix time */
    int64_t virtual_bytes;
    int64_t resident_bytes;
    int64_t threads;
    int64_t open_fds;
    int64_t max_fds;
};

void procfs_read(struct procfs *p);

#endif
