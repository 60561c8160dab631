/* SPDX-License-Identifier: MIT */
/* links: quotes.o err.o */
#include "quotes.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

static struct quotes *q;

static void set_up(void)
{
    q = quotes_new();
}

static void tear_down(void)
{
    quotes_free(q);
}

static struct record tick(int64_t time_us, double price)
{
    return (struct record){
        .time_us = time_us, .price = price, .bid = price - 1, .ask = price + 1, .day_ago = 50};
}

static void put(uint32_t slot, struct record r)
{
    quotes_put(q, slot, &r);
}

START_TEST(nothing_is_known_of_a_new_pair)
{
    const struct quote *quote = quotes_get(q, 7);
    ck_assert(quote->time_us == INT64_MIN);
    ck_assert(isnan(quote->price) && isnan(quotes_change_24h(quote)));
    ck_assert(quotes_rate(q, 7) == 0);
    ck_assert(isnan(quotes_spark(q, 7, 0)));
}
END_TEST

START_TEST(newest_event_time_is_the_last_price)
{
    put(3, tick(20, 100));
    put(3, tick(10, 90));
    ck_assert_double_eq(quotes_get(q, 3)->price, 100);
    put(3, tick(20, 101));
    ck_assert_double_eq(quotes_get(q, 3)->price, 101);
    ck_assert_uint_eq(quotes_get(q, 3)->ticks, 3);
}
END_TEST

START_TEST(trade_without_quote_keeps_the_quote)
{
    put(0, tick(1, 100));
    put(0, (struct record){.time_us = 2, .price = 104, .bid = NAN, .ask = NAN});
    const struct quote *quote = quotes_get(q, 0);
    ck_assert_double_eq(quote->price, 104);
    ck_assert_double_eq(quote->bid, 99);
    ck_assert_double_eq(quote->ask, 101);
    ck_assert_double_eq(quote->day_ago, 50);
}
END_TEST

START_TEST(change_is_told_only_where_the_feed_tells_it)
{
    put(0, tick(1, 100));
    ck_assert_double_eq_tol(quotes_change_24h(quotes_get(q, 0)), 100, 1e-9);
    put(1, (struct record){.time_us = 2, .price = 104, .bid = NAN, .ask = NAN});
    ck_assert(isnan(quotes_change_24h(quotes_get(q, 1))));
}
END_TEST

START_TEST(table_never_replaces_what_is_newer)
{
    put(0, tick(10, 100));
    quotes_restore(q, 0, 9, 1, NAN, NAN);
    quotes_restore(q, 0, 10, 2, NAN, NAN);
    ck_assert_double_eq(quotes_get(q, 0)->price, 100);
    quotes_restore(q, 200, 9, 5, 4, NAN);
    ck_assert_double_eq(quotes_get(q, 200)->price, 5);
    ck_assert_uint_eq(quotes_get(q, 200)->ticks, 0);
    put(200, tick(9, 6));
    ck_assert_double_eq(quotes_get(q, 200)->price, 6);
}
END_TEST

START_TEST(each_change_has_a_number_of_its_own)
{
    put(0, tick(1, 100));
    put(1, tick(1, 100));
    ck_assert_uint_eq(quotes_get(q, 0)->change, 1);
    ck_assert_uint_eq(quotes_change(q), 2);
    put(0, tick(0, 100)); /* older: nothing has changed */
    ck_assert_uint_eq(quotes_change(q), 2);
}
END_TEST

START_TEST(rate_is_the_mean_of_the_last_seconds)
{
    for (int second = 0; second < 40; second++) {
        for (int i = 0; i < 25; i++)
            put(2, tick(second, 1));
        quotes_second(q);
        if (second > 0)
            ck_assert_double_eq(quotes_rate(q, 2), 25);
    }
    for (int second = 0; second < QUOTES_RATE_S; second++)
        quotes_second(q);
    ck_assert_double_eq(quotes_rate(q, 2), 0);
}
END_TEST

START_TEST(sparkline_holds_the_last_prices_in_order)
{
    for (unsigned point = 0; point < QUOTES_SPARK + 5; point++) {
        put(0, tick(point, point));
        for (unsigned i = 0; i < quotes_spark_s; i++)
            quotes_second(q);
        size_t last = QUOTES_SPARK - 1;
        ck_assert_float_eq(quotes_spark(q, 0, last), (float)point);
        if (point > 0)
            ck_assert_float_eq(quotes_spark(q, 0, last - 1), (float)(point - 1));
    }
    ck_assert_float_eq(quotes_spark(q, 0, 0), 5);
}
END_TEST

START_TEST(pair_that_comes_later_has_no_past)
{
    for (unsigned i = 0; i < 3 * quotes_spark_s; i++)
        quotes_second(q);
    put(500, tick(1, 9));
    ck_assert(isnan(quotes_spark(q, 500, QUOTES_SPARK - 1)));
    quotes_second(q);
    ck_assert(quotes_rate(q, 500) > 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quotes");
    TCase *tc = tcase_create("quotes");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, nothing_is_known_of_a_new_pair);
    tcase_add_test(tc, newest_event_time_is_the_last_price);
    tcase_add_test(tc, trade_without_quote_keeps_the_quote);
    tcase_add_test(tc, change_is_told_only_where_the_feed_tells_it);
    tcase_add_test(tc, table_never_replaces_what_is_newer);
    tcase_add_test(tc, each_change_has_a_number_of_its_own);
    tcase_add_test(tc, rate_is_the_mean_of_the_last_seconds);
    tcase_add_test(tc, sparkline_holds_the_last_prices_in_order);
    tcase_add_test(tc, pair_that_comes_later_has_no_past);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
