/* SPDX-License-Identifier: MIT */
/*
 * Decimal numbers as an integer and a number of places, from text and into text, exactly: 0.030 is
 * 30 at scale 3. Nothing here is a floating-point number. Pure.
 */
#ifndef TICKREPLAY_DECIMAL_H
#define TICKREPLAY_DECIMAL_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_SCALE_MAX 15

struct decimal {
    int64_t units;
    int scale; /* digits after the point, 0 .. DECIMAL_SCALE_MAX */
};

/* Plain or exponent form. False if `text` is no such number, or has more digits than fit. */
bool decimal_parse(const char *text, size_t len, struct decimal *d);

/* 10^n for 0 <= n <= 18. */
int64_t decimal_power(int n);

/* The number without trailing zeros. */
struct decimal decimal_trim(struct decimal d);

/* "0.030": all digits of the scale. */
void decimal_put(struct buf *b, struct decimal d);

/* As Python prints a float: "0.03", "100.0", "1.2e-05"; at most 16 digits. */
void decimal_put_float(struct buf *b, struct decimal d);

/* "30e-3". */
void decimal_put_exponent(struct buf *b, struct decimal d);

#endif
