/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers as text. The grammar is JSON's and nothing else:
 *
 *     -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
 *
 * so a number means the same in quotes and without: no blanks, no plus sign, no leading zero, no
 * bare point ("5.", ".5"), no hexadecimal, no "inf" or "nan", no digit groups. The locale plays no
 * part. Pure.
 */
#ifndef TICKD_NUMBER_H
#define TICKD_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The double nearest to the number, ties to even, as strtod() gives it: infinite above the range of
 * a double, zero or subnormal below. False if `text` is not a number in its whole length. */
bool number_parse(const char *text, size_t len, double *value);

/* The integer. False if `text` is not one in its whole length ("1e3" and "1.0" are not), or is
 * beyond an int64. */
bool number_parse_int64(const char *text, size_t len, int64_t *value);

/* True if `text` is an integer of the grammar, of any size. */
bool number_is_integer(const char *text, size_t len);

#endif
