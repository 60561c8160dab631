/* SPDX-License-Identifier: MIT */
/* links: lag.o hist.o err.o */
#include "lag.h"

#include <check.h>
#include <stdlib.h>

static struct hist all, interval;
static struct lag *lag;

static void set_up(void)
{
    all = (struct hist){0};
    interval = (struct hist){0};
    lag = lag_new(&all, &interval);
}

static void tear_down(void)
{
    lag_free(lag);
}

START_TEST(message_waits_until_the_offset_is_past_it)
{
    lag_sent(lag, 0, 7, 10000);
    lag_seen(lag, 0, 7, 50000);
    ck_assert_uint_eq(lag_waiting(lag), 1);
    ck_assert_uint_eq(all.count, 0);
    lag_seen(lag, 0, 8, 90000);
    ck_assert_uint_eq(lag_waiting(lag), 0);
    ck_assert_uint_eq(all.count, 1);
    ck_assert_uint_eq(all.sum, 80000);
    ck_assert_uint_eq(interval.sum, 80000);
}
END_TEST

START_TEST(messages_of_one_batch_become_visible_together)
{
    for (int64_t i = 0; i < 3; i++)
        lag_sent(lag, 0, 5 + i, 1000 * i);
    lag_seen(lag, 0, 7, 100000);
    ck_assert_uint_eq(all.count, 2);
    ck_assert_uint_eq(all.sum, 100000 + 99000);
    ck_assert_uint_eq(lag_waiting(lag), 1);
}
END_TEST

START_TEST(acknowledgement_may_come_after_the_sight)
{
    lag_seen(lag, 0, 3, 20000);
    lag_seen(lag, 0, 6, 40000);
    lag_sent(lag, 0, 2, 10000);
    lag_sent(lag, 0, 3, 11000);
    lag_sent(lag, 0, 6, 12000);
    ck_assert_uint_eq(all.count, 2);
    ck_assert_uint_eq(all.min, 10000); /* the first sight that was past it, no later one */
    ck_assert_uint_eq(all.max, 29000);
    ck_assert_uint_eq(lag_waiting(lag), 1);
}
END_TEST

START_TEST(partitions_are_apart)
{
    lag_sent(lag, 0, 1, 1000);
    lag_sent(lag, 3, 1, 2000);
    lag_seen(lag, 3, 2, 5000);
    ck_assert_uint_eq(all.count, 1);
    ck_assert_uint_eq(all.sum, 3000);
    ck_assert_uint_eq(lag_waiting(lag), 1);
}
END_TEST

START_TEST(step_back_hides_nothing)
{
    lag_seen(lag, 0, 10, 1000);
    lag_seen(lag, 0, 4, 2000);
    lag_sent(lag, 0, 5, 500);
    ck_assert_uint_eq(all.count, 1);
    ck_assert_uint_eq(all.sum, 500);
}
END_TEST

START_TEST(many_messages_are_all_counted)
{
    enum { N = 100000, BATCH = 37 };
    for (int64_t i = 0; i < N; i++) {
        lag_sent(lag, (int32_t)(i % 2), i / 2, i);
        if (i % BATCH == 0) {
            lag_seen(lag, 0, i / 4, i + 10);
            lag_seen(lag, 1, i / 4, i + 10);
        }
    }
    lag_seen(lag, 0, N, N);
    lag_seen(lag, 1, N, N);
    ck_assert_uint_eq(all.count, N);
    ck_assert_uint_eq(lag_waiting(lag), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("lag");
    TCase *t = tcase_create("lag");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, message_waits_until_the_offset_is_past_it);
    tcase_add_test(t, messages_of_one_batch_become_visible_together);
    tcase_add_test(t, acknowledgement_may_come_after_the_sight);
    tcase_add_test(t, partitions_are_apart);
    tcase_add_test(t, step_back_hides_nothing);
    tcase_add_test(t, many_messages_are_all_counted);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
