/* SPDX-License-Identifier: MIT */
/* links: tiegroup.o item.o err.o */
#include "tiegroup.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define VERDICTS_MAX 64

static struct tiegroup group;
static enum tiegroup_mode mode;
static bool keep_repeats;
static int64_t next_offset;

static struct tie_verdict verdicts[VERDICTS_MAX];
static struct item items[VERDICTS_MAX]; /* copies: the group is emptied */
static size_t count;

static void set_up(void)
{
    tiegroup_init(&group);
    mode = TIEGROUP_SPREAD;
    keep_repeats = false;
    next_offset = 0;
    count = 0;
}

static void tear_down(void)
{
    tiegroup_fini(&group);
}

static void sent_from(uint16_t partition, int64_t time_us, double price, bool snapshot)
{
    const struct item i = {.time_us = time_us,
                           .offset = next_offset++,
                           .price = price,
                           .bid = NAN,
                           .ask = NAN,
                           .partition = partition,
                           .snapshot = snapshot};
    ck_assert(tiegroup_takes_item(&group, time_us));
    tiegroup_add_item(&group, mode, &i);
}

static void trade(int64_t time_us, double price)
{
    sent_from(0, time_us, price, false);
}

static void quote(int64_t time_us, double price)
{
    sent_from(0, time_us, price, true);
}

static void row(int64_t time_us, double price)
{
    const struct item_row r = {.time_us = time_us,
                               .values = {.price = price, .bid = NAN, .ask = NAN}};
    ck_assert(tiegroup_takes_row(&group, time_us));
    tiegroup_add_row(&group, &r);
}

static void on_verdict(void *ctx, const struct tie_verdict *v)
{
    (void)ctx;
    ck_assert_uint_lt(count, VERDICTS_MAX);
    verdicts[count] = *v;
    if (v->item) {
        items[count] = *v->item;
        verdicts[count].item = &items[count];
    }
    count++;
}

static void judge(void)
{
    count = 0;
    tiegroup_judge(&group, mode, keep_repeats, on_verdict, NULL);
    ck_assert(tiegroup_is_empty(&group));
}

static size_t counted(enum tie_fate fate)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += verdicts[i].fate == fate;
    return n;
}

/* All items stored, repeated or yielded, and no row left over. */
static void assert_good(size_t stored, size_t repeated, size_t yielded)
{
    ck_assert_uint_eq(counted(TIE_STORED), stored);
    ck_assert_uint_eq(counted(TIE_REPEATED), repeated);
    ck_assert_uint_eq(counted(TIE_YIELDED), yielded);
    ck_assert_uint_eq(count, stored + repeated + yielded);
}

START_TEST(single_tick_is_at_its_time)
{
    trade(10, 1);
    row(10, 1);
    judge();
    assert_good(1, 0, 0);
}
END_TEST

START_TEST(ties_take_the_next_microseconds_in_order_of_arrival)
{
    trade(10, 1);
    trade(10, 2);
    trade(10, 3);
    row(10, 1);
    row(11, 2);
    row(12, 3);
    judge();
    assert_good(3, 0, 0);
}
END_TEST

START_TEST(other_order_of_ties_is_seen)
{
    trade(10, 1);
    trade(10, 2);
    row(10, 2);
    row(11, 1);
    judge();
    ck_assert_uint_gt(counted(TIE_MOVED) + counted(TIE_CHANGED) + counted(TIE_MISSING), 0);
}
END_TEST

START_TEST(late_tick_goes_behind_those_that_spread_into_its_time)
{
    /* Items come sorted by time; the offsets say that the one of 11 arrived last. */
    trade(10, 1);
    trade(10, 2);
    trade(11, 3);
    row(10, 1);
    row(11, 2);
    row(12, 3);
    judge();
    assert_good(3, 0, 0);
}
END_TEST

START_TEST(early_arrival_keeps_its_microsecond)
{
    next_offset = 1;
    trade(10, 1);
    trade(10, 2);
    next_offset = 0;
    trade(11, 3); /* arrived first */
    row(10, 1);
    row(11, 3);
    row(12, 2);
    judge();
    assert_good(3, 0, 0);
}
END_TEST

START_TEST(equal_trades_are_all_stored)
{
    trade(10, 1);
    trade(10, 1);
    row(10, 1);
    row(11, 1);
    judge();
    assert_good(2, 0, 0);
}
END_TEST

START_TEST(repeated_quote_is_not_stored)
{
    quote(10, 1);
    trade(10, 7);
    quote(10, 1);
    quote(10, 2);
    quote(10, 1);
    row(10, 1);
    row(11, 7);
    row(12, 2);
    row(13, 1);
    judge();
    assert_good(4, 1, 0);
}
END_TEST

START_TEST(repeats_are_stored_if_they_are_to_be_kept)
{
    keep_repeats = true;
    quote(10, 1);
    quote(10, 1);
    row(10, 1);
    row(11, 1);
    judge();
    assert_good(2, 0, 0);
}
END_TEST

START_TEST(stored_repeat_is_told_and_its_followers_are_not)
{
    quote(10, 1);
    quote(10, 1);
    trade(10, 5);
    row(10, 1);
    row(11, 1);
    row(12, 5);
    judge();
    ck_assert_uint_eq(counted(TIE_REPEAT_STORED), 1);
    ck_assert_uint_eq(counted(TIE_STORED), 2);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(deleted_row_is_missing_alone)
{
    trade(10, 1);
    trade(10, 2);
    trade(10, 3);
    row(10, 1);
    row(12, 3);
    judge();
    ck_assert_uint_eq(counted(TIE_MISSING), 1);
    ck_assert_uint_eq(counted(TIE_STORED), 2);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(copy_of_a_row_is_extra)
{
    trade(10, 1);
    row(10, 1);
    row(11, 1);
    judge();
    ck_assert_uint_eq(counted(TIE_EXTRA), 1);
    ck_assert_uint_eq(counted(TIE_STORED), 1);
    ck_assert_ptr_nonnull(verdicts[1].item);
}
END_TEST

START_TEST(other_values_are_a_change)
{
    trade(10, 1);
    trade(10, 2);
    row(10, 1);
    row(11, 2.5);
    judge();
    ck_assert_uint_eq(counted(TIE_CHANGED), 1);
    ck_assert_uint_eq(counted(TIE_STORED), 1);
}
END_TEST

START_TEST(shifted_row_is_moved)
{
    trade(10, 1);
    row(11, 1);
    judge();
    ck_assert_uint_eq(counted(TIE_MOVED), 1);
    ck_assert_int_eq(verdicts[0].expected_us, 10);
    ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(row_of_nothing_is_extra)
{
    row(10, 1);
    ck_assert(!tiegroup_takes_row(&group, 11));
    ck_assert(!tiegroup_takes_item(&group, 10));
    judge();
    ck_assert_uint_eq(counted(TIE_EXTRA), 1);
    ck_assert_ptr_null(verdicts[0].item);
}
END_TEST

START_TEST(times_that_do_not_touch_are_other_groups)
{
    trade(10, 1);
    trade(10, 2);
    ck_assert(tiegroup_takes_item(&group, 12));
    ck_assert(!tiegroup_takes_item(&group, 13));
}
END_TEST

START_TEST(first_keeps_the_first)
{
    mode = TIEGROUP_FIRST;
    quote(10, 1);
    trade(10, 2);
    quote(10, 1);
    row(10, 1);
    judge();
    assert_good(1, 1, 1);
}
END_TEST

START_TEST(last_keeps_the_last)
{
    mode = TIEGROUP_LAST;
    trade(10, 1);
    trade(10, 2);
    trade(10, 3);
    row(10, 3);
    judge();
    assert_good(1, 0, 2);
}
END_TEST

START_TEST(wrong_one_of_a_tie_is_seen)
{
    mode = TIEGROUP_LAST;
    trade(10, 1);
    trade(10, 2);
    row(10, 1);
    judge();
    ck_assert_uint_eq(counted(TIE_CHANGED), 1);
}
END_TEST

START_TEST(partitions_have_no_order)
{
    sent_from(0, 10, 1, false);
    sent_from(1, 10, 2, false);
    row(10, 2);
    row(11, 1);
    judge();
    assert_good(2, 0, 0);
}
END_TEST

START_TEST(loss_is_seen_whatever_the_order)
{
    sent_from(0, 10, 1, false);
    sent_from(1, 10, 2, false);
    row(10, 2);
    judge();
    ck_assert_uint_eq(counted(TIE_MISSING), 1);
}
END_TEST

START_TEST(repeat_across_partitions_may_be_one)
{
    /* 1, 2 from one partition and 1 from another: stored are 1 2 1, or 1 2. */
    sent_from(0, 10, 1, true);
    sent_from(0, 10, 2, true);
    sent_from(1, 10, 1, true);
    row(10, 1);
    row(11, 2);
    judge();
    assert_good(2, 1, 0);
}
END_TEST

static size_t stored;

static void count_stored(void *ctx, const struct tie_verdict *v)
{
    (void)ctx;
    stored += v->fate == TIE_STORED;
}

START_TEST(big_group_is_placed_in_order)
{
    enum { N = 5000 };
    for (int i = 0; i < N; i++)
        trade(10 + i / 10, i);
    for (int i = 0; i < N; i++) {
        const struct item_row r = {.time_us = 10 + i,
                                   .values = {.price = i, .bid = NAN, .ask = NAN}};
        tiegroup_add_row(&group, &r);
    }
    stored = 0;
    tiegroup_judge(&group, mode, keep_repeats, count_stored, NULL);
    ck_assert_uint_eq(stored, N);
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, single_tick_is_at_its_time);
    tcase_add_test(t, ties_take_the_next_microseconds_in_order_of_arrival);
    tcase_add_test(t, other_order_of_ties_is_seen);
    tcase_add_test(t, late_tick_goes_behind_those_that_spread_into_its_time);
    tcase_add_test(t, early_arrival_keeps_its_microsecond);
    tcase_add_test(t, equal_trades_are_all_stored);
    tcase_add_test(t, repeated_quote_is_not_stored);
    tcase_add_test(t, repeats_are_stored_if_they_are_to_be_kept);
    tcase_add_test(t, stored_repeat_is_told_and_its_followers_are_not);
    tcase_add_test(t, deleted_row_is_missing_alone);
    tcase_add_test(t, copy_of_a_row_is_extra);
    tcase_add_test(t, other_values_are_a_change);
    tcase_add_test(t, shifted_row_is_moved);
    tcase_add_test(t, row_of_nothing_is_extra);
    tcase_add_test(t, times_that_do_not_touch_are_other_groups);
    tcase_add_test(t, first_keeps_the_first);
    tcase_add_test(t, last_keeps_the_last);
    tcase_add_test(t, wrong_one_of_a_tie_is_seen);
    tcase_add_test(t, partitions_have_no_order);
    tcase_add_test(t, loss_is_seen_whatever_the_order);
    tcase_add_test(t, repeat_across_partitions_may_be_one);
    tcase_add_test(t, big_group_is_placed_in_order);
}

int main(void)
{
    Suite *s = suite_create("tiegroup");
    TCase *t = tcase_create("tiegroup");
    tcase_add_checked_fixture(t, set_up, tear_down);
    add_tests(t);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
