/* SPDX-License-Identifier: MIT */
/*
 * Event times: RFC 3339 text, and integers whose unit is told by their size. All times are Unix
 * microseconds (int64); whether one makes sense is for validate.h to say. Pure.
 */
#ifndef TICKD_TIMESTAMP_H
#define TICKD_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * RFC 3339: date, 'T', 't' or one blank, time, fraction of any number of digits (those past the
 * microsecond are cut), then 'Z', 'z', +hh:mm, -hh:mm or nothing, which means UTC. Years 0000-9999
 * of the Gregorian calendar. A leap second, hh:mm:60, is taken where it falls on 23:59:60 UTC and
 * means the first second of the next day. False if `text` is not such a time in its whole length.
 */
bool timestamp_parse_rfc3339(const char *text, size_t len, int64_t *time_us);

/*
 * An integer time in s, ms, us or ns since 1970, by its absolute value:
 *
 *     below 1e11                  seconds        1e11 s  = year 5138
 *     1e11 and more, below 1e14   milliseconds   1e11 ms = March 1973
 *     1e14 and more, below 1e17   microseconds
 *     1e17 and more               nanoseconds    2^63 ns = year 2262
 *
 * Digits past the microsecond are cut. Every time from 2000 to 2262 has one reading in each unit.
 */
int64_t timestamp_from_integer(int64_t value);

/* Either of the two as text: an integer (number.h) or RFC 3339. */
bool timestamp_parse(const char *text, size_t len, int64_t *time_us);

#define TIMESTAMP_TEXT_SIZE 64

/* "2025-11-15T16:45:36.209097Z" into `text` (TIMESTAMP_TEXT_SIZE bytes), for any time; returns it.
 */
const char *timestamp_format(int64_t time_us, char *text);

#endif
