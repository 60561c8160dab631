/* SPDX-License-Identifier: MIT */
/*
 * What tickreplay tells its operator, on stderr: "tickreplay: ...", one line.
 */
#ifndef TICKREPLAY_SAY_H
#define TICKREPLAY_SAY_H

/* Bytes that a terminal would obey are written as '?'. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
