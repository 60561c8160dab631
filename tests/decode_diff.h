/* SPDX-License-Identifier: MIT */
/*
 * The scanner against the parser: whatever the bytes, decode_message() gives the same with and
 * without the scanner, bit by bit. For the fuzzer and for the replay of what it has found.
 */
#ifndef TICKD_TEST_DECODE_DIFF_H
#define TICKD_TEST_DECODE_DIFF_H

#include <stddef.h>
#include <stdint.h>

/* What differs, or NULL; decodes with two sets of options, the second chosen by the bytes. Counts
 * in `*scanned`, if not NULL, the times the scanner did not decline. */
const char *decode_diff(const uint8_t *data, size_t size, size_t *scanned);

#endif
