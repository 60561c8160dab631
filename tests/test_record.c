/* SPDX-License-Identifier: MIT */
/* links: record.o reject.o */
#include "record.h"
#include "reject.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct record sample(void)
{
    return (struct record){.time_us = 1763225136209097,
                           .price = 95993.66,
                           .volume = 0.25,
                           .bid = 95973.9,
                           .ask = NAN,
                           .source = SOURCE_BBO,
                           .symbol_len = 3,
                           .exchange_len = 8,
                           .symbol = "BTC",
                           .exchange = "pacifica"};
}

START_TEST(record_equals_its_copy)
{
    struct record a = sample();
    struct record b = sample();
    ck_assert(record_equal(&a, &b));
}
END_TEST

START_TEST(each_stored_field_makes_a_difference)
{
    struct record a = sample();
    struct record others[10];
    size_t n = 0;
    for (size_t i = 0; i < 10; i++)
        others[i] = sample();
    others[n++].time_us++;
    others[n++].price = 95993.67;
    others[n++].volume = 0;
    others[n++].bid = 95974;
    others[n++].bid = NAN;
    others[n++].ask = 95993.1;
    memcpy(others[n++].symbol, "ETH", 4);
    others[n].symbol_len = 4;
    memcpy(others[n++].symbol, "BTCX", 5);
    memcpy(others[n++].exchange, "pacificb", 9);
    others[n].exchange_len = 0;
    others[n++].exchange[0] = '\0';
    ck_assert_uint_eq(n, 10);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(!record_equal(&a, &others[i]), "%zu", i);
}
END_TEST

START_TEST(source_is_not_stored_and_makes_none)
{
    struct record a = sample();
    struct record b = sample();
    b.source = SOURCE_TRADES;
    ck_assert(record_equal(&a, &b));
}
END_TEST

START_TEST(bytes_after_the_text_make_none)
{
    struct record a = sample();
    struct record b = sample();
    b.symbol[10] = 'x';
    b.exchange[20] = 'x';
    ck_assert(record_equal(&a, &b));
}
END_TEST

START_TEST(prices_and_bbo_are_snapshots)
{
    static const bool expected[SOURCE_COUNT] = {[SOURCE_PRICES] = true, [SOURCE_BBO] = true};
    for (int source = 0; source < SOURCE_COUNT; source++) {
        struct record r = {.source = (enum record_source)source};
        ck_assert_int_eq(record_is_snapshot(&r), expected[source]);
    }
}
END_TEST

START_TEST(reasons_have_codes_fit_for_labels)
{
    for (int i = 0; i < REJECT_COUNT; i++) {
        const char *code = reject_code((enum reject_reason)i);
        ck_assert_uint_gt(strlen(code), 0);
        ck_assert_uint_eq(strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(code));
        ck_assert_uint_gt(strlen(reject_text((enum reject_reason)i)), 0);
    }
    ck_assert_str_eq(reject_code(REJECT_NONE), "none");
    ck_assert_str_eq(reject_code(REJECT_TOO_LARGE), "too_large");
    ck_assert_str_eq(reject_code(REJECT_DATABASE), "database");
    ck_assert_str_eq(reject_text(REJECT_TOO_OLD), "event time older than max_age");
}
END_TEST

START_TEST(reasons_have_different_codes)
{
    for (int i = 0; i < REJECT_COUNT; i++)
        for (int j = 0; j < i; j++)
            ck_assert_str_ne(reject_code((enum reject_reason)i),
                             reject_code((enum reject_reason)j));
}
END_TEST

/* docs/formats.md has one table row for each reason, and none for others. */
START_TEST(documentation_has_every_reason)
{
    FILE *f = fopen("docs/formats.md", "r");
    ck_assert_ptr_nonnull(f);
    char line[1000];
    int next = REJECT_NONE + 1;
    bool in_table = false;
    while (fgets(line, sizeof line, f)) {
        in_table = strncmp(line, "| reason ", 9) == 0 || (in_table && line[0] == '|');
        if (!in_table || strncmp(line, "| `", 3) != 0)
            continue;
        line[3 + strcspn(line + 3, "`")] = '\0';
        ck_assert_int_lt(next, REJECT_COUNT);
        ck_assert_str_eq(line + 3, reject_code((enum reject_reason)next++));
    }
    fclose(f);
    ck_assert_int_eq(next, REJECT_COUNT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("record");
    TCase *tc = tcase_create("record");
    tcase_add_test(tc, record_equals_its_copy);
    tcase_add_test(tc, each_stored_field_makes_a_difference);
    tcase_add_test(tc, source_is_not_stored_and_makes_none);
    tcase_add_test(tc, bytes_after_the_text_make_none);
    tcase_add_test(tc, prices_and_bbo_are_snapshots);
    tcase_add_test(tc, reasons_have_codes_fit_for_labels);
    tcase_add_test(tc, reasons_have_different_codes);
    tcase_add_test(tc, documentation_has_every_reason);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
