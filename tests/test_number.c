/* SPDX-License-Identifier: MIT */
/* links: number.o */
#include "number.h"

#include "hot_assert.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_same(const char *text, double expected)
{
    double value = NAN;
    hot_assert_msg(number_parse(text, strlen(text), &value), "%s", text);
    hot_assert_msg(memcmp(&value, &expected, sizeof value) == 0, "%s: %.17g, not %.17g", text,
                   value, expected);
}

static const char *const numbers[] = {
    "0",
    "-0",
    "1",
    "10",
    "-1",
    "0.0",
    "95993.66",
    "0.1",
    "1e5",
    "1E5",
    "1e+5",
    "1e-5",
    "1.5e007",
    "2e-8",
    "0e999999999999999999999999",
    "1e22",
    "1e23",
    "9007199254740991",
    "9007199254740993",
    "999999999999999e22",
    "999999999999999e-22",
    "123456789012345678901234567890",
    "1.7976931348623157e308",
    "2.2250738585072011e-308",
    "2.2250738585072014e-308",
    "4.9406564584124654e-324",
    "2.4703282292062327e-324",
    "2.4703282292062328e-324",
    "6.631236846766476e-316",
    "3.237883913302901e-319",
    "5e-324",
    "1e-400",
    "-1e-400",
    "8.41e21",
    "9.109e-31",
    "7.2057594037927933e16",
    "0.000000000000000000000000000000000000000000001e45",
};

START_TEST(numbers_are_what_strtod_makes_of_them)
{
    assert_same(numbers[_i], strtod(numbers[_i], NULL));
}
END_TEST

static const char *const no_numbers[] = {
    "",     "-",   "+1",    "01",    "-01",  "00",   ".5",       "5.",    "-.5",
    "1.e5", "e5",  "1e",    "1e+",   "1e-",  "1e5.", "1.2.3",    "1 ",    " 1",
    "1\n",  "1,5", "1_0",   "0x1p3", "0x10", "inf",  "-inf",     "nan",   "NaN",
    "--1",  "1-",  "1e--5", "1e5 ",  "1d",   "1f",   "Infinity", "1e5e5", "\xd9\xa1",
};

START_TEST(other_texts_are_no_numbers)
{
    double value;
    int64_t integer;
    const char *text = no_numbers[_i];
    ck_assert_msg(!number_parse(text, strlen(text), &value), "%s", text);
    ck_assert_msg(!number_parse_int64(text, strlen(text), &integer), "%s", text);
    ck_assert_msg(!number_is_integer(text, strlen(text)), "%s", text);
}
END_TEST

START_TEST(length_ends_the_number)
{
    double value;
    ck_assert(number_parse("1.25e5x", 4, &value));
    ck_assert_double_eq(value, 1.25);
    ck_assert(!number_parse("1.25", 2, &value));
    ck_assert(!number_parse("1\0", 2, &value));
}
END_TEST

START_TEST(beyond_a_double_is_infinite)
{
    assert_same("1.7976931348623159e308", INFINITY);
    assert_same("1e400", INFINITY);
    assert_same("-1e400", -INFINITY);
    assert_same("1e99999999999999999999999999", INFINITY);
    assert_same("1e-99999999999999999999999999", 0.0);
}
END_TEST

START_TEST(errno_is_left_alone)
{
    double value;
    errno = EAGAIN;
    ck_assert(number_parse("1e400", 5, &value));
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

/* Long digits decide between two doubles only at their very end. */
START_TEST(thousands_of_digits_round_right)
{
    static char text[20000];
    size_t half = (size_t)snprintf(text, sizeof text, "9007199254740993.");
    memset(text + half, '0', 10000);
    text[half + 10000] = '\0';
    assert_same(text, 9007199254740992.0);
    text[half + 9999] = '1';
    assert_same(text, 9007199254740994.0);
    memcpy(text + half + 10000, "e-5", 4);
    assert_same(text, strtod(text, NULL));

    memset(text, '9', 5000);
    memcpy(text + 5000, "e-5000", 7);
    assert_same(text, 1.0);

    memcpy(text, "0.", 2);
    memset(text + 2, '0', 5000);
    memcpy(text + 5002, "17e5001", 8);
    assert_same(text, 1.7);
}
END_TEST

/* A generator of its own, so that a failure can be repeated. */
static uint64_t state = 88172645463325252;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

START_TEST(random_decimals_are_what_strtod_makes_of_them)
{
    for (int i = 0; i < 200000; i++) {
        char text[64];
        unsigned long long digits = next() >> (next() % 60);
        unsigned decimals = (unsigned)(next() % 19);
        snprintf(text, sizeof text, "%s%llu.%0*llue%d", next() % 2 ? "-" : "", digits,
                 (int)decimals + 1, (unsigned long long)(next() % 10000000),
                 (int)(next() % 40) - 20);
        assert_same(text, strtod(text, NULL));
    }
}
END_TEST

START_TEST(random_doubles_survive_17_digits)
{
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next();
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        char text[64];
        snprintf(text, sizeof text, "%.17g", value);
        assert_same(text, value);
    }
}
END_TEST

START_TEST(integers_reach_both_ends_of_int64)
{
    int64_t value;
    ck_assert(number_parse_int64("9223372036854775807", 19, &value));
    ck_assert(value == INT64_MAX);
    ck_assert(number_parse_int64("-9223372036854775808", 20, &value));
    ck_assert(value == INT64_MIN);
    ck_assert(number_parse_int64("-0", 2, &value));
    ck_assert(value == 0);
    ck_assert(!number_parse_int64("9223372036854775808", 19, &value));
    ck_assert(!number_parse_int64("-9223372036854775809", 20, &value));
    ck_assert(!number_parse_int64("99999999999999999999", 20, &value));
}
END_TEST

START_TEST(fraction_or_exponent_makes_no_integer)
{
    static const char *const texts[] = {"1.0", "1e3", "1E3", "0.5"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t value;
        ck_assert(!number_parse_int64(texts[i], strlen(texts[i]), &value));
        ck_assert(!number_is_integer(texts[i], strlen(texts[i])));
    }
    ck_assert(number_is_integer("-99999999999999999999", 21));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("number");
    TCase *tc = tcase_create("number");
    tcase_add_loop_test(tc, numbers_are_what_strtod_makes_of_them, 0,
                        (int)(sizeof numbers / sizeof *numbers));
    tcase_add_loop_test(tc, other_texts_are_no_numbers, 0,
                        (int)(sizeof no_numbers / sizeof *no_numbers));
    tcase_add_test(tc, length_ends_the_number);
    tcase_add_test(tc, beyond_a_double_is_infinite);
    tcase_add_test(tc, errno_is_left_alone);
    tcase_add_test(tc, thousands_of_digits_round_right);
    tcase_add_test(tc, random_decimals_are_what_strtod_makes_of_them);
    tcase_add_test(tc, random_doubles_survive_17_digits);
    tcase_add_test(tc, integers_reach_both_ends_of_int64);
    tcase_add_test(tc, fraction_or_exponent_makes_no_integer);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
