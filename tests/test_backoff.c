/* SPDX-License-Identifier: MIT */
/* links: backoff.o */
#include "backoff.h"

#include <check.h>
#include <stdlib.h>

START_TEST(wait_doubles_up_to_the_maximum)
{
    static const uint32_t highest[] = {200, 400, 800, 1000, 1000, 1000};
    struct backoff b;
    backoff_init(&b, 100, 1000);
    for (size_t i = 0; i < sizeof highest / sizeof highest[0]; i++)
        ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), highest[i]);
    ck_assert_uint_eq(b.failures, 6);
}
END_TEST

START_TEST(wait_is_never_below_the_minimum)
{
    struct backoff b;
    backoff_init(&b, 100, 1000);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(backoff_next_ms(&b, 0), 100);
}
END_TEST

START_TEST(random_bits_spread_evenly)
{
    /* 100..200 are 101 values: the middle of the bits is the middle of the range. */
    struct backoff b;
    backoff_init(&b, 100, 1000);
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_C(1) << 31), 150);
    int seen[101] = {0};
    for (uint32_t i = 0; i < 101; i++) {
        backoff_reset(&b);
        uint32_t middle = (uint32_t)(((uint64_t)i * UINT32_MAX + UINT32_MAX / 2) / 101);
        seen[backoff_next_ms(&b, middle) - 100]++;
    }
    for (int i = 0; i < 101; i++)
        ck_assert_int_eq(seen[i], 1);
}
END_TEST

START_TEST(reset_makes_the_next_wait_short)
{
    struct backoff b;
    backoff_init(&b, 100, 1000);
    for (int i = 0; i < 5; i++)
        backoff_next_ms(&b, UINT32_MAX);
    backoff_reset(&b);
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), 200);
}
END_TEST

START_TEST(failures_for_ever_do_not_overflow)
{
    struct backoff b;
    backoff_init(&b, 7, UINT32_MAX);
    b.failures = 40;
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
    b.failures = UINT32_MAX;
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
    ck_assert_uint_eq(b.failures, UINT32_MAX);
    backoff_init(&b, UINT32_MAX, UINT32_MAX);
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), UINT32_MAX);
}
END_TEST

START_TEST(maximum_below_minimum_means_minimum)
{
    struct backoff b;
    backoff_init(&b, 500, 100);
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), 500);
    backoff_init(&b, 0, 0);
    ck_assert_uint_eq(backoff_next_ms(&b, UINT32_MAX), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("backoff");
    tcase_add_test(t, wait_doubles_up_to_the_maximum);
    tcase_add_test(t, wait_is_never_below_the_minimum);
    tcase_add_test(t, random_bits_spread_evenly);
    tcase_add_test(t, reset_makes_the_next_wait_short);
    tcase_add_test(t, failures_for_ever_do_not_overflow);
    tcase_add_test(t, maximum_below_minimum_means_minimum);
    Suite *s = suite_create("backoff");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
