/* SPDX-License-Identifier: MIT */
#include "decimal.h"

#include "text.h"
#include <string.h>

int64_t decimal_power(int n)
{
    int64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

/* The exponent behind the digits, or none. */
static bool parse_exponent(const char *p, const char *end, int *exponent)
{
    *exponent = 0;
    if (p == end)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    bool negative = ++p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || end - p > 2)
        return false;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9')
            return false;
        *exponent = *exponent * 10 + (*p - '0');
    }
    if (negative)
        *exponent = -*exponent;
    return true;
}

/* Moves the point so that the scale is in range, if digits allow. */
static bool normalize(struct decimal *d)
{
    while (d->scale < 0 && !__builtin_mul_overflow(d->units, 10, &d->units))
        d->scale++;
    while (d->scale > DECIMAL_SCALE_MAX && d->units % 10 == 0) {
        d->units /= 10;
        d->scale--;
    }
    return d->scale >= 0 && d->scale <= DECIMAL_SCALE_MAX;
}

bool decimal_parse(const char *text, size_t len, struct decimal *d)
{
    const char *p = text, *end = text + len;
    bool negative = p < end && *p == '-';
    bool point = false;
    int digits = 0;
    *d = (struct decimal){0, 0};
    for (p += negative; p < end; p++) {
        if (*p == '.' && !point && digits > 0) {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
        if (__builtin_mul_overflow(d->units, 10, &d->units) ||
            __builtin_add_overflow(d->units, *p - '0', &d->units))
            return false;
        digits++;
        d->scale += point;
    }
    int exponent;
    if (digits == 0 || !parse_exponent(p, end, &exponent))
        return false;
    d->scale -= exponent;
    if (negative)
        d->units = -d->units;
    return normalize(d);
}

struct decimal decimal_trim(struct decimal d)
{
    while (d.scale > 0 && d.units % 10 == 0) {
        d.units /= 10;
        d.scale--;
    }
    return d;
}

void decimal_put(struct buf *b, struct decimal d)
{
    int64_t power = decimal_power(d.scale);
    int64_t units = d.units;
    if (units < 0) {
        text_put(b, "-");
        units = -units;
    }
    text_put_int(b, units / power);
    if (d.scale > 0) {
        text_put(b, ".");
        text_put_padded(b, units % power, d.scale);
    }
}

/* Below 0.0001 Python changes to the exponent form: one digit, the others behind the point. */
static void put_scientific(struct buf *b, struct decimal d)
{
    int places = 0;
    while (d.units / decimal_power(places) >= 10)
        places++;
    decimal_put(b, (struct decimal){d.units, places});
    text_put(b, "e-");
    text_put_padded(b, d.scale - places, 2);
}

void decimal_put_float(struct buf *b, struct decimal d)
{
    d = decimal_trim(d);
    if (d.scale == 0) {
        text_put_int(b, d.units);
        text_put(b, ".0");
    } else if (d.scale > 4 && d.units > 0 && d.units < decimal_power(d.scale - 4)) {
        put_scientific(b, d);
    } else {
        decimal_put(b, d);
    }
}

void decimal_put_exponent(struct buf *b, struct decimal d)
{
    text_put_int(b, d.units);
    text_put(b, "e-");
    text_put_int(b, d.scale);
}
