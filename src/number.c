/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No double, and no point halfway between two, has more than 767 significant digits: of what comes
 * after as many, only whether it is all zero can matter. */
#define SIGNIFICANT_MAX 780

/* Far above any exponent that matters, far below overflow when lengths are added. */
#define EXPONENT_LIMIT INT64_C(100000000000000000)

/* The parts of a number, pointing into the text. */
struct parts {
    bool negative;
    bool plain; /* an integer: neither fraction nor exponent */
    const char *whole;
    size_t whole_len;
    const char *fraction;
    size_t fraction_len;
    int64_t exponent; /* as written */
};

/* The digits without leading zeros; the value is digits * 10^exponent. */
struct digits {
    char text[SIGNIFICANT_MAX + 1];
    size_t count;
    int64_t exponent;
};

static size_t count_digits(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && p[n] >= '0' && p[n] <= '9')
        n++;
    return n;
}

/* The exponent after its 'e', saturated; false if it has no digits or something follows them. */
static bool split_exponent(const char *p, const char *end, int64_t *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || count_digits(p, end) != (size_t)(end - p))
        return false;
    int64_t value = 0;
    for (; p < end && value < EXPONENT_LIMIT; p++)
        value = value * 10 + (*p - '0');
    *exponent = negative ? -value : value;
    return true;
}

static bool split(const char *text, size_t len, struct parts *parts)
{
    const char *p = text;
    const char *end = text + len;
    *parts = (struct parts){.plain = true};
    if (p < end && *p == '-') {
        parts->negative = true;
        p++;
    }
    parts->whole = p;
    parts->whole_len = count_digits(p, end);
    if (parts->whole_len == 0 || (*p == '0' && parts->whole_len > 1))
        return false;
    p += parts->whole_len;

    if (p < end && *p == '.') {
        parts->plain = false;
        parts->fraction = ++p;
        parts->fraction_len = count_digits(p, end);
        if (parts->fraction_len == 0)
            return false;
        p += parts->fraction_len;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        parts->plain = false;
        return split_exponent(p + 1, end, &parts->exponent);
    }
    return p == end;
}

/* Digits that no longer fit raise the exponent; a last digit 1 stands for them if any is not zero,
 * so that the value stays on the same side of every halfway point. */
static void gather(struct digits *d, const char *p, size_t len, bool *sticky)
{
    for (size_t i = 0; i < len; i++) {
        if (d->count == 0 && p[i] == '0')
            continue;
        if (d->count < SIGNIFICANT_MAX) {
            d->text[d->count++] = p[i];
            continue;
        }
        d->exponent++;
        *sticky = *sticky || p[i] != '0';
    }
}

static void collect(const struct parts *parts, struct digits *d)
{
    bool sticky = false;
    d->count = 0;
    d->exponent = parts->exponent - (int64_t)parts->fraction_len;
    gather(d, parts->whole, parts->whole_len, &sticky);
    gather(d, parts->fraction, parts->fraction_len, &sticky);
    if (sticky) {
        d->text[d->count++] = '1';
        d->exponent--;
    }
}

/* Prices and sizes have few digits and small exponents: then digits and power of ten are exact
 * doubles and one multiplication or division rounds once, to the nearest. */
static bool convert_short(const struct digits *d, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (FLT_EVAL_METHOD != 0 || d->count > 15 || d->exponent < -22 || d->exponent > 22)
        return false;
    uint64_t mantissa = 0;
    for (size_t i = 0; i < d->count; i++)
        mantissa = mantissa * 10 + (uint64_t)(d->text[i] - '0');
    if (d->exponent < 0)
        *value = (double)mantissa / powers[-d->exponent];
    else
        *value = (double)mantissa * powers[d->exponent];
    return true;
}

/* strtod() without a decimal point in its input, so that the locale has no say. */
static double convert_long(const struct digits *d)
{
    char text[sizeof d->text + sizeof "e-99999"];
    int64_t exponent = d->exponent;
    if (exponent > 99999)
        exponent = 99999;
    if (exponent < -99999)
        exponent = -99999;
    memcpy(text, d->text, d->count);
    snprintf(text + d->count, sizeof text - d->count, "e%d", (int)exponent);

    int saved = errno;
    double value = strtod(text, NULL);
    errno = saved;
    return value;
}

bool number_parse(const char *text, size_t len, double *value)
{
    struct parts parts;
    if (!split(text, len, &parts))
        return false;
    struct digits digits;
    collect(&parts, &digits);
    double magnitude = 0;
    if (digits.count > 0 && !convert_short(&digits, &magnitude))
        magnitude = convert_long(&digits);
    *value = parts.negative ? -magnitude : magnitude;
    return true;
}

bool number_is_integer(const char *text, size_t len)
{
    struct parts parts;
    return split(text, len, &parts) && parts.plain;
}

bool number_parse_int64(const char *text, size_t len, int64_t *value)
{
    struct parts parts;
    if (!split(text, len, &parts) || !parts.plain)
        return false;
    int64_t v = 0;
    for (size_t i = 0; i < parts.whole_len; i++) {
        int digit = parts.whole[i] - '0';
        /* Built towards the sign: INT64_MIN has no positive counterpart. */
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, parts.negative ? -digit : digit, &v))
            return false;
    }
    *value = v;
    return true;
}
