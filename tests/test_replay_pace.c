/* SPDX-License-Identifier: MIT */
/* links: pace.o meter.o */
#include "pace.h"

#include "meter.h"
#include <check.h>
#include <stdlib.h>

#define SECOND  INT64_C(1000000000)
#define UNKNOWN INT64_MIN

START_TEST(even_rate_never_drifts)
{
    struct pace p = {.mode = PACE_RATE, .rate = 5000};
    pace_start(&p, 7 * SECOND);
    int64_t wrong = 0;
    for (int64_t i = 0; i < 10000000; i++)
        wrong += pace_due(&p, UNKNOWN) != 7 * SECOND + i * 200000;
    ck_assert_int_eq(wrong, 0);
}
END_TEST

START_TEST(odd_rate_has_its_messages_in_every_second)
{
    struct pace p = {.mode = PACE_RATE, .rate = 333.3};
    pace_start(&p, 0);
    int64_t due = 0;
    for (int64_t i = 0; i < 3333000; i++)
        due = pace_due(&p, UNKNOWN);
    ck_assert_int_lt(llabs(due - (10000 * SECOND - SECOND * 10 / 3333)), 1000);
}
END_TEST

START_TEST(recorded_pace_keeps_gaps_and_bursts)
{
    static const int64_t arrivals[] = {100, 100, 101, 5000, 5000, 9000};
    struct pace p = {.mode = PACE_RECORDED, .speed = 1};
    pace_start(&p, 70);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pace_due(&p, arrivals[i]), 70 + arrivals[i] - 100);
}
END_TEST

START_TEST(speed_shortens_every_gap)
{
    struct pace p = {.mode = PACE_RECORDED, .speed = 4};
    pace_start(&p, 0);
    ck_assert_int_eq(pace_due(&p, 1000), 0);
    ck_assert_int_eq(pace_due(&p, 5000), 1000);
    ck_assert_int_eq(pace_due(&p, 5004), 1001);
    ck_assert_int_eq(pace_span(&p, 3, 4004), 1001);
}
END_TEST

START_TEST(clock_set_back_does_not_reorder)
{
    struct pace p = {.mode = PACE_RECORDED, .speed = 1};
    pace_start(&p, 0);
    ck_assert_int_eq(pace_due(&p, 1000), 0);
    ck_assert_int_eq(pace_due(&p, 2000), 1000);
    ck_assert_int_eq(pace_due(&p, 500), 1000);
    ck_assert_int_eq(pace_due(&p, 2500), 1500);
}
END_TEST

START_TEST(unknown_arrival_goes_with_the_one_before)
{
    struct pace p = {.mode = PACE_RECORDED, .speed = 1};
    pace_start(&p, 10);
    ck_assert_int_eq(pace_due(&p, UNKNOWN), 10);
    ck_assert_int_eq(pace_due(&p, 1000), 10);
    ck_assert_int_eq(pace_due(&p, 1500), 510);
    ck_assert_int_eq(pace_due(&p, UNKNOWN), 510);
}
END_TEST

START_TEST(long_pauses_are_cut)
{
    struct pace p = {.mode = PACE_RECORDED, .speed = 1, .max_gap_ns = 100};
    pace_start(&p, 0);
    ck_assert_int_eq(pace_due(&p, 1000), 0);
    ck_assert_int_eq(pace_due(&p, 1100), 100);
    ck_assert_int_eq(pace_due(&p, 90000), 200);
    ck_assert_int_eq(pace_due(&p, 90050), 250);
}
END_TEST

START_TEST(repeated_recording_goes_on_where_it_ended)
{
    struct pace p = {.mode = PACE_RECORDED, .speed = 1};
    pace_start(&p, 0);
    pace_due(&p, 1000);
    ck_assert_int_eq(pace_due(&p, 3000), 2000);
    pace_repeat(&p);
    ck_assert_int_eq(pace_due(&p, 1000), 2000);
    ck_assert_int_eq(pace_due(&p, 3000), 4000);

    p = (struct pace){.mode = PACE_RATE, .rate = 1000};
    pace_start(&p, 0);
    pace_due(&p, 1000);
    pace_repeat(&p);
    ck_assert_int_eq(pace_due(&p, 1000), 1000000);
}
END_TEST

START_TEST(full_speed_is_always_due)
{
    struct pace p = {.mode = PACE_MAX};
    pace_start(&p, 5);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(pace_due(&p, i * SECOND), 5);
    ck_assert_int_eq(pace_span(&p, 10, SECOND), 0);
}
END_TEST

START_TEST(seconds_are_counted_by_the_clock)
{
    struct meter m = {0};
    /* 10 a second for three seconds, a second of nothing, 20 in the last one. */
    for (int i = 0; i < 30; i++)
        meter_add(&m, 0, i * SECOND / 10);
    for (int i = 0; i < 20; i++)
        meter_add(&m, 0, 4 * SECOND + i * SECOND / 20);
    meter_add(&m, 0, 5 * SECOND);
    ck_assert_uint_eq(m.seconds, 5);
    ck_assert_uint_eq(m.slowest, 0);
    ck_assert_uint_eq(m.fastest, 20);
    ck_assert_uint_eq(m.count, 51);
    ck_assert_double_eq(meter_rate(&m), 10);
}
END_TEST

START_TEST(meter_remembers_the_worst_delay)
{
    struct meter m = {0};
    meter_add(&m, 100, 90);
    meter_add(&m, 200, 350);
    meter_add(&m, 300, 360);
    ck_assert_int_eq(m.behind_max_ns, 150);
}
END_TEST

START_TEST(one_message_has_no_rate)
{
    struct meter m = {0};
    ck_assert_double_eq(meter_rate(&m), 0);
    meter_add(&m, 0, 5);
    ck_assert_double_eq(meter_rate(&m), 0);
    meter_add(&m, 0, 5);
    ck_assert_double_eq(meter_rate(&m), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay_pace");
    TCase *t = tcase_create("pace");
    tcase_add_test(t, even_rate_never_drifts);
    tcase_add_test(t, odd_rate_has_its_messages_in_every_second);
    tcase_add_test(t, recorded_pace_keeps_gaps_and_bursts);
    tcase_add_test(t, speed_shortens_every_gap);
    tcase_add_test(t, clock_set_back_does_not_reorder);
    tcase_add_test(t, unknown_arrival_goes_with_the_one_before);
    tcase_add_test(t, long_pauses_are_cut);
    tcase_add_test(t, repeated_recording_goes_on_where_it_ended);
    tcase_add_test(t, full_speed_is_always_due);
    tcase_add_test(t, seconds_are_counted_by_the_clock);
    tcase_add_test(t, meter_remembers_the_worst_delay);
    tcase_add_test(t, one_message_has_no_rate);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
