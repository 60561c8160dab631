/* SPDX-License-Identifier: MIT */
/*
 * Usual path: at most 15 digits and a small power of ten, both exact as doubles: one division or
 * multiplication rounds once. With up to 19 digits the quotient or product is taken in integers of
 * 128 bits, which loses nothing, and rounded once. All else is for number_parse().
 */
#include "jnumber.h"

#include "number.h"
#include <endian.h>
#include <float.h>
#include <string.h>

#define DIGITS_MAX   19 /* of any 19 the integer fits in 64 bits */
#define EXPONENT_MAX 27 /* 5^27 does, too */
#define INTEGER_MAX  18 /* digits that always fit in an int64 */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define WORD       sizeof(uint64_t)

__extension__ typedef unsigned __int128 uint128;

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Reads digits on to `*value`, which overflows if there are too many. */
static inline const char *scan_digits(const char *p, const char *end, uint64_t *value)
{
    uint64_t v = *value;
    for (; p < end && is_digit(*p); p++)
        v = v * 10 + (uint64_t)(*p - '0');
    *value = v;
    return p;
}

/* What follows the 'e', added to the exponent. One of many digits puts the exponent far beyond what
 * counts as short, to whichever side. */
static const char *scan_exponent(const char *p, const char *end, int *exponent)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *first = p;
    uint64_t value = 0;
    p = scan_digits(p, end, &value);
    if (p == first)
        return NULL;
    if (p - first > 4)
        value = 99999;
    *exponent += negative ? -(int)value : (int)value;
    return p;
}

static uint64_t load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

/* How many of a word's bytes, from the lowest on, are digits. A borrow or carry can only spoil what
 * is behind the first that is none. */
static size_t count_digits(uint64_t word)
{
    uint64_t others = ((word - EACH(0x30)) | (word + EACH(0x46)) | word) & EACH(0x80);
    return others ? (size_t)__builtin_ctzll(others) / 8 : WORD;
}

/* The value of the `count` (1 to 7) digits in the lowest bytes: neighbours are put together to
 * pairs, fours and eight. */
static uint64_t join_digits(uint64_t word, size_t count)
{
    uint64_t v = (word - EACH(0x30)) << 8 * (WORD - count);
    v = v * 10 + (v >> 8);
    return ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

/* Reads a number of at most 7 digits without exponent, as nearly all are; from `p`, which is behind
 * the sign, two words can be read. NULL if it is another one, or none. */
static const char *scan_few(const char *p, struct jnumber *n)
{
    uint64_t word = load(p);
    size_t whole = count_digits(word);
    if (whole == WORD || whole == 0 || (whole > 1 && *p == '0'))
        return NULL;
    size_t count = whole;
    bool has_point = p[whole] == '.';
    if (has_point) {
        /* The point out, and what comes behind it down. */
        uint64_t behind = word >> 8 * whole >> 8 | load(p + WORD) << 8 * (WORD - 1 - whole);
        word = (word & ~(UINT64_MAX << 8 * whole)) | behind << 8 * whole;
        count = count_digits(word);
        if (count == WORD || count == whole)
            return NULL;
    }
    const char *last = p + count + has_point;
    if (*last == 'e' || *last == 'E')
        return NULL;
    n->len = (size_t)(last - n->text);
    n->digits = join_digits(word, count);
    n->exponent = (int)whole - (int)count;
    n->is_plain = !has_point;
    n->is_short = true;
    return last;
}

/* Any number, from behind the sign. */
__attribute__((noinline)) static const char *scan_any(const char *p, const char *end,
                                                      struct jnumber *n)
{
    const char *whole = p;
    uint64_t digits = 0;
    p = scan_digits(p, end, &digits);
    ptrdiff_t count = p - whole;
    if (count == 0 || (*whole == '0' && count > 1))
        return NULL;
    int exponent = 0;
    n->is_plain = p == end || (*p != '.' && *p != 'e' && *p != 'E');
    if (!n->is_plain && *p == '.') {
        const char *fraction = ++p;
        p = scan_digits(p, end, &digits);
        ptrdiff_t more = p - fraction;
        if (more == 0)
            return NULL;
        count += more;
        exponent = more <= DIGITS_MAX ? -(int)more : 0;
    }
    if (!n->is_plain && p < end && (*p == 'e' || *p == 'E')) {
        p = scan_exponent(p + 1, end, &exponent);
        if (!p)
            return NULL;
    }
    n->len = (size_t)(p - n->text);
    n->digits = digits;
    n->exponent = exponent;
    n->is_short = count <= DIGITS_MAX && exponent >= -EXPONENT_MAX && exponent <= EXPONENT_MAX;
    return p;
}

const char *jnumber_scan(const char *p, const char *end, struct jnumber *n)
{
    n->text = p;
    n->negative = p < end && *p == '-';
    p += n->negative;
    const char *last = (size_t)(end - p) >= 2 * WORD ? scan_few(p, n) : NULL;
    return last ? last : scan_any(p, end, n);
}

static const uint64_t powers_of_5[EXPONENT_MAX + 1] = {
    1,
    5,
    25,
    125,
    625,
    3125,
    15625,
    78125,
    390625,
    1953125,
    9765625,
    48828125,
    244140625,
    1220703125,
    6103515625,
    30517578125,
    152587890625,
    762939453125,
    3814697265625,
    19073486328125,
    95367431640625,
    476837158203125,
    2384185791015625,
    11920928955078125,
    59604644775390625,
    298023223876953125,
    1490116119384765625,
    7450580596923828125,
};

/* 2^exponent, for exponents far within the range of a double. */
static double power_of_2(int exponent)
{
    uint64_t bits = (uint64_t)(DBL_MAX_EXP - 1 + exponent) << (DBL_MANT_DIG - 1);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/*
 * digits / 10^k = digits / 5^k / 2^k. Both sides of the first division are shifted to the top of 64
 * bits, so that the quotient has 63 or 64 of them; its last bit also stands for a remainder. Both
 * are far below the 53 that a double keeps: the conversion rounds as the exact quotient would be.
 */
static double divide(uint64_t digits, int k)
{
    int up = __builtin_clzll(digits);
    int down = __builtin_clzll(powers_of_5[k]);
    uint128 dividend = (uint128)(digits << up) << 63;
    uint64_t divisor = powers_of_5[k] << down;
    uint64_t quotient = (uint64_t)(dividend / divisor);
    bool rest = (uint128)quotient * divisor != dividend;
    return (double)(quotient | rest) * power_of_2(down - up - 63 - k);
}

/* digits * 10^k, likewise: the product of 128 bits is exact, its conversion rounds once. */
static double multiply(uint64_t digits, int k)
{
    return (double)((uint128)digits * powers_of_5[k]) * power_of_2(k);
}

static double short_value(uint64_t digits, int exponent)
{
    static const double powers_of_10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool both_exact = FLT_EVAL_METHOD == 0 && digits <= UINT64_C(1) << DBL_MANT_DIG &&
                      exponent >= -22 && exponent <= 22;
    if (digits == 0)
        return 0;
    if (exponent < 0)
        return both_exact ? (double)digits / powers_of_10[-exponent] : divide(digits, -exponent);
    return both_exact ? (double)digits * powers_of_10[exponent] : multiply(digits, exponent);
}

double jnumber_value(const struct jnumber *n)
{
    double value = 0;
    if (!n->is_short) {
        (void)number_parse(n->text, n->len, &value);
        return value;
    }
    value = short_value(n->digits, n->exponent);
    return n->negative ? -value : value;
}

bool jnumber_int64(const struct jnumber *n, int64_t *value)
{
    if (!n->is_plain || n->len - n->negative > INTEGER_MAX)
        return false;
    *value = n->negative ? -(int64_t)n->digits : (int64_t)n->digits;
    return true;
}
