/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers where they stand, for a scanner: the grammar and the results of number.h, at the
 * speed of the stream. Pure, allocates nothing.
 */
#ifndef TICKD_JNUMBER_H
#define TICKD_JNUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number as it is written; `text` is borrowed. */
struct jnumber {
    const char *text;
    size_t len;
    uint64_t digits; /* all digits as one integer, if `is_short` */
    int exponent;    /* the value is +-digits * 10^exponent, if `is_short` */
    bool negative;
    bool is_plain; /* an integer: neither fraction nor exponent */
    bool is_short; /* digits and exponent are small enough for the two above */
};

/* Reads the longest number at `p`; returns where it ends, or NULL if there is none, or if it breaks
 * the grammar. `end` may be anywhere: nothing is read from there on. */
const char *jnumber_scan(const char *p, const char *end, struct jnumber *n);

/* The double nearest to it, ties to even, as number_parse() gives it: infinite if too large. */
double jnumber_value(const struct jnumber *n);

/* The integer; false unless it is one of at most 18 digits. */
bool jnumber_int64(const struct jnumber *n, int64_t *value);

#endif
