/* SPDX-License-Identifier: MIT */
/*
 * The last log lines of every level, in a fixed piece of memory: the flight recorder.
 *
 * One for the process. Putting a line in is a copy; reading it out makes no system call and takes
 * no lock, so that a signal handler may do it.
 */
#ifndef TICKD_RECORDER_H
#define TICKD_RECORDER_H

#include <stddef.h>

/* A few thousand lines. */
#define RECORDER_BYTES (512 * 1024)

/* Keeps a line, its newline included, and forgets the oldest ones for it. */
void recorder_put(const char *line, size_t len);

/* What is kept, the oldest line first, in up to two pieces. */
struct recorder_piece {
    const char *text;
    size_t len;
};
void recorder_read(struct recorder_piece pieces[2]);

/* Forgets all. */
void recorder_clear(void);

#endif
