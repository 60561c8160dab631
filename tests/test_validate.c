/* SPDX-License-Identifier: MIT */
/* links: validate.o cases.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o reject.o buf.o err.o */
#include "cases.h"
#include "validate.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOW_US  INT64_C(1763225160000000) /* 2025-11-15T16:46:00Z */
#define YEAR_US (INT64_C(31557600) * 1000000)

static const struct pair btc = {.symbol = "BTC", .symbol_len = 3, .listed = true, .active = true};
static const struct pair idle = {.symbol = "IDLE", .symbol_len = 4, .listed = true};
static const struct pair gone = {.symbol = "GONE", .symbol_len = 4, .active = true};

static struct validate_options options = {.max_age_us = 0, .max_ahead_us = 300000000};
static char detail[120];

static struct record tick_at(int64_t time_us)
{
    return (struct record){
        .time_us = time_us, .price = 1, .bid = NAN, .ask = NAN, .symbol_len = 3, .symbol = "BTC"};
}

static const char *validate_at(int64_t time_us, const struct pair *pair)
{
    struct record r = tick_at(time_us);
    return reject_code(validate_record(&options, &r, pair, NOW_US, detail, sizeof detail));
}

START_TEST(tick_of_an_active_pair_is_good)
{
    ck_assert_str_eq(validate_at(NOW_US, &btc), "none");
    ck_assert_str_eq(detail, "");
}
END_TEST

START_TEST(tick_without_pair_is_unknown)
{
    ck_assert_str_eq(validate_at(NOW_US, NULL), "unknown_symbol");
    ck_assert_str_eq(detail, "symbol: \"BTC\"");
}
END_TEST

START_TEST(tick_of_an_unlisted_pair_is_unknown)
{
    ck_assert_str_eq(validate_at(NOW_US, &gone), "unknown_symbol");
}
END_TEST

START_TEST(tick_of_an_inactive_pair_has_its_own_reason)
{
    ck_assert_str_eq(validate_at(NOW_US, &idle), "inactive_symbol");
    ck_assert_str_eq(detail, "symbol: \"BTC\"");
}
END_TEST

START_TEST(year_2000_is_the_earliest)
{
    ck_assert_str_eq(validate_at(INT64_C(946684800000000), &btc), "none");
    ck_assert_str_eq(validate_at(INT64_C(946684799999999), &btc), "time_too_early");
    ck_assert_str_eq(detail, "time: 1999-12-31T23:59:59.999999Z, now: 2025-11-15T16:46:00.000000Z");
    ck_assert_str_eq(validate_at(INT64_MIN, &btc), "time_too_early");
}
END_TEST

START_TEST(max_age_is_inclusive_and_zero_is_no_limit)
{
    options.max_age_us = 60000000;
    ck_assert_str_eq(validate_at(NOW_US - 60000000, &btc), "none");
    ck_assert_str_eq(validate_at(NOW_US - 60000001, &btc), "too_old");
    options.max_age_us = 0;
    ck_assert_str_eq(validate_at(NOW_US - 60000001, &btc), "none");
}
END_TEST

START_TEST(max_ahead_is_inclusive_and_zero_is_now)
{
    ck_assert_str_eq(validate_at(NOW_US + 300000000, &btc), "none");
    ck_assert_str_eq(validate_at(NOW_US + 300000001, &btc), "too_far_ahead");
    ck_assert_str_eq(validate_at(INT64_MAX, &btc), "too_far_ahead");
    options.max_ahead_us = 0;
    ck_assert_str_eq(validate_at(NOW_US, &btc), "none");
    ck_assert_str_eq(validate_at(NOW_US + 1, &btc), "too_far_ahead");
    options.max_ahead_us = INT64_MAX;
    ck_assert_str_eq(validate_at(INT64_MAX, &btc), "none");
    options.max_ahead_us = 300000000;
}
END_TEST

START_TEST(pair_is_looked_at_before_time)
{
    ck_assert_str_eq(validate_at(0, NULL), "unknown_symbol");
}
END_TEST

START_TEST(detail_is_cut_to_fit)
{
    struct record r = tick_at(0);
    char small[] = "XXXXXXXXXXXX";
    validate_record(&options, &r, &btc, NOW_US, small, 8);
    ck_assert_str_eq(small, "time: 1");
    ck_assert_str_eq(small + 8, "XXXX");
}
END_TEST

static const struct pair *find_pair(const char *symbol)
{
    if (strcmp(symbol, btc.symbol) == 0)
        return &btc;
    return strcmp(symbol, idle.symbol) == 0 ? &idle : NULL;
}

/* What becomes of a file's only item, by decoder and validation. */
static enum reject_reason reason_of(const struct test_case *c)
{
    static const struct validate_options limits = {.max_age_us = 10 * YEAR_US,
                                                   .max_ahead_us = 300000000};
    struct decoded d;
    decoded_init(&d);
    cases_decode(c, &d);
    ck_assert_uint_eq(d.count, 1);
    const struct decode_item *item = &d.items[0];
    ck_assert_msg(item->verdict == DECODE_TICK, "%s: %s", c->path, item->detail);
    enum reject_reason reason = validate_record(
        &limits, &item->record, find_pair(item->record.symbol), NOW_US, detail, sizeof detail);
    decoded_fini(&d);
    return reason;
}

static bool reasons_seen[REJECT_COUNT];

static void assert_rejected(const struct test_case *c)
{
    char line[100];
    enum reject_reason reason = reason_of(c);
    reasons_seen[reason] = true;
    snprintf(line, sizeof line, "reject %s\n", reject_code(reason));
    ck_assert_msg(strcmp(line, c->expected) == 0, "%s: %s", c->path, line);
}

static void assert_accepted(const struct test_case *c)
{
    ck_assert_msg(reason_of(c) == REJECT_NONE, "%s: %s", c->path, detail);
}

START_TEST(files_give_every_reason_of_validation)
{
    cases_run("validate/reject", assert_rejected);
    for (int reason = REJECT_TIME_TOO_EARLY; reason <= REJECT_INACTIVE_SYMBOL; reason++)
        ck_assert_msg(reasons_seen[reason], "no file gives %s",
                      reject_code((enum reject_reason)reason));
    cases_run("validate/accept", assert_accepted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("validate");
    TCase *tc = tcase_create("validate");
    tcase_add_test(tc, tick_of_an_active_pair_is_good);
    tcase_add_test(tc, tick_without_pair_is_unknown);
    tcase_add_test(tc, tick_of_an_unlisted_pair_is_unknown);
    tcase_add_test(tc, tick_of_an_inactive_pair_has_its_own_reason);
    tcase_add_test(tc, year_2000_is_the_earliest);
    tcase_add_test(tc, max_age_is_inclusive_and_zero_is_no_limit);
    tcase_add_test(tc, max_ahead_is_inclusive_and_zero_is_now);
    tcase_add_test(tc, pair_is_looked_at_before_time);
    tcase_add_test(tc, detail_is_cut_to_fit);
    tcase_add_test(tc, files_give_every_reason_of_validation);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
