/* SPDX-License-Identifier: MIT */
/*
 * Stands in for log.c in unit tests: remembers the events instead of writing them, and holds none
 * back. With TICKD_TEST_LOG set it also prints them.
 */
#ifndef TICKD_STUB_LOG_H
#define TICKD_STUB_LOG_H

/* How often this event was logged since the last reset, at any level. */
unsigned stub_log_count(const char *event);

/* "msg fields" of the last such event, "" if there was none. Valid until the next event. */
const char *stub_log_last(const char *event);

void stub_log_reset(void);

#endif
