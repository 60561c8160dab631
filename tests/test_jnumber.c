/* SPDX-License-Identifier: MIT */
/* links: jnumber.o number.o */
#include "jnumber.h"
#include "number.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4000

/* Reads `text`, all of it, from memory that ends with it and from such that goes on: where there is
 * room short numbers are read eight bytes at a time. */
static bool scan(const char *text, struct jnumber *n)
{
    static const char more[] = ",\"abcdefghijklmnopqrstuvwxyz";
    struct jnumber with_room;
    size_t len = strlen(text);
    char *copy = malloc(len + sizeof more);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, len);
    memcpy(copy + len, more, sizeof more);
    bool again = jnumber_scan(copy, copy + len + sizeof more, &with_room) == copy + len;
    copy = realloc(copy, len ? len : 1);
    ck_assert_ptr_nonnull(copy);
    bool whole = jnumber_scan(copy, copy + len, n) == copy + len;
    ck_assert_msg(whole == again, "%s", text);
    if (whole) {
        n->text = with_room.text = text;
        double value = jnumber_value(n);
        double same = jnumber_value(&with_room);
        ck_assert_uint_eq(n->len, len);
        ck_assert_uint_eq(with_room.len, len);
        ck_assert_int_eq(n->is_plain, with_room.is_plain);
        ck_assert_msg(memcmp(&value, &same, sizeof value) == 0, "%s", text);
    }
    free(copy);
    return whole;
}

static void assert_same(const char *text)
{
    struct jnumber n;
    ck_assert_msg(scan(text, &n), "not read: %s", text);
    double got = jnumber_value(&n);
    double wanted = strtod(text, NULL);
    ck_assert_msg(memcmp(&got, &wanted, sizeof got) == 0, "%s: %a, not %a", text, got, wanted);
}

/* Knuth's MMIX generator: the same numbers in every run. */
static uint64_t next(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 11 ^ state << 42;
}

static int below(int limit)
{
    return (int)(next() % (uint64_t)limit);
}

START_TEST(grammar_is_that_of_number_parse)
{
    static const char *const texts[] = {
        "0",  "-0",  "5",    "-5",   "10",   "0.5",  "1e5",  "1E+5",  "1e-5", "0e0",   "-0.0e-0",
        "",   "-",   "+5",   "05",   "00",   "-01",  ".5",   "5.",    "5.e1", "1e",    "1e+",
        "1 ", " 1",  "1a",   "0x1",  "inf",  "nan",  "1e5.", "1e5e5", "--1",  "1.2.3", "1_0",
        "-a", "1e-", "1.5e", "0e-0", "1e05", "-1.e", "e5",   "1,5",   "1e 5",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct jnumber n;
        double wanted;
        bool good = number_parse(texts[i], strlen(texts[i]), &wanted);
        ck_assert_msg(scan(texts[i], &n) == good, "%s", texts[i]);
        if (good)
            assert_same(texts[i]);
    }
}
END_TEST

START_TEST(scan_ends_behind_the_number)
{
    struct jnumber n;
    static const char text[] = "12.5,\"x\"";
    ck_assert_ptr_eq(jnumber_scan(text, text + strlen(text), &n), text + 4);
    ck_assert_uint_eq(n.len, 4);
    ck_assert(jnumber_value(&n) == 12.5);
}
END_TEST

START_TEST(edges_are_nearest)
{
    static const char *const texts[] = {
        "9007199254740992",
        "9007199254740993",
        "9007199254740993e1",
        "9007199254740993e-1",
        "9007199254740995",
        "9223372036854775807",
        "9223372036854775809",
        "9999999999999999999",
        "18446744073709551615",
        "0.000000000000000001",
        "1e22",
        "1e23",
        "1e27",
        "1e28",
        "9999999999999999999e27",
        "9999999999999999999e28",
        "9999999999999999999e-27",
        "9999999999999999999e-28",
        "1e-27",
        "1e-28",
        "4503599627370496.5",
        "4503599627370497.5",
        "9007199254740991.5",
        "0.30000000000000004",
        "95993.660000000003",
        "1.7976931348623157e308",
        "1e309",
        "-1e309",
        "1e-400",
        "5e-324",
        "2e-324",
        "1e99999",
        "1e-99999",
        "0e99999",
        "1e00000000000000000001",
        "1e-00000000000000000001",
        "0.00000000000000000000000000000000000000000000001",
        "100000000000000000000000000000000000000000000000",
        "1000000000000000000000000000000e-30",
        "0.0000000000000000000000000000000000001e37",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_same(texts[i]);
}
END_TEST

/* Up to 24 digits, a point anywhere, an exponent now and then. */
START_TEST(decimals_are_nearest)
{
    for (int round = 0; round < ROUNDS; round++) {
        char text[64];
        size_t len = 0;
        int whole = 1 + below(12);
        int fraction = below(13);
        text[len++] = (char)('1' + below(9));
        for (int i = 1; i < whole; i++)
            text[len++] = (char)('0' + below(10));
        if (fraction)
            text[len++] = '.';
        for (int i = 0; i < fraction; i++)
            text[len++] = (char)('0' + below(10));
        text[len] = '\0';
        if (below(3) == 0)
            snprintf(text + len, sizeof text - len, "e%d", below(80) - 40);
        assert_same(text);
    }
}
END_TEST

/* Doubles printed with 15 to 21 digits: the last of these lie on both sides of them. */
START_TEST(printed_doubles_come_back)
{
    for (int round = 0; round < ROUNDS; round++) {
        char text[64];
        double value = ldexp((double)(next() >> 11), below(100) - 80);
        snprintf(text, sizeof text, "%.*g", 15 + below(7), value);
        if (!strchr(text, '+'))
            assert_same(text);
    }
}
END_TEST

/* Integers of 54 to 60 bits, the lowest kept one set or not, and exactly a half behind it; and the
 * same with as many binary digits behind the point. */
START_TEST(halfway_goes_to_even)
{
    for (int round = 0; round < ROUNDS; round++) {
        char text[64];
        int bits = 54 + below(7);
        uint64_t half = UINT64_C(1) << (bits - 54);
        uint64_t kept = ((UINT64_C(1) << 52) | (next() >> 12)) << (bits - 53);
        snprintf(text, sizeof text, "%llu", (unsigned long long)(kept | half));
        assert_same(text);
        snprintf(text, sizeof text, "%lld.5", (long long)((kept | half) >> (bits - 53)));
        assert_same(text);
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)(kept | half), below(50) - 25);
        assert_same(text);
    }
}
END_TEST

START_TEST(integers_have_18_digits_at_most)
{
    struct jnumber n;
    int64_t value = 0;
    ck_assert(scan("999999999999999999", &n) && jnumber_int64(&n, &value));
    ck_assert_int_eq(value, INT64_C(999999999999999999));
    ck_assert(scan("-999999999999999999", &n) && jnumber_int64(&n, &value));
    ck_assert_int_eq(value, INT64_C(-999999999999999999));
    ck_assert(scan("-0", &n) && jnumber_int64(&n, &value));
    ck_assert_int_eq(value, 0);
    ck_assert(scan("1000000000000000000", &n) && !jnumber_int64(&n, &value));
    ck_assert(scan("1.0", &n) && !jnumber_int64(&n, &value));
    ck_assert(scan("1e3", &n) && !jnumber_int64(&n, &value));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jnumber");
    TCase *tc = tcase_create("jnumber");
    tcase_add_test(tc, grammar_is_that_of_number_parse);
    tcase_add_test(tc, scan_ends_behind_the_number);
    tcase_add_test(tc, edges_are_nearest);
    tcase_add_test(tc, decimals_are_nearest);
    tcase_add_test(tc, printed_doubles_come_back);
    tcase_add_test(tc, halfway_goes_to_even);
    tcase_add_test(tc, integers_have_18_digits_at_most);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
