/* SPDX-License-Identifier: MIT */
/* links: clock.o */
#include "clock.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

START_TEST(monotonic_clock_never_goes_back)
{
    int64_t last = clock_now().mono_us;
    for (int i = 0; i < 10000; i++) {
        int64_t now = clock_now().mono_us;
        ck_assert_int_ge(now, last);
        last = now;
    }
}
END_TEST

/* Not time(): its second can begin some milliseconds late. */
static int64_t utc_us(void)
{
    struct timespec now;
    ck_assert_int_eq(timespec_get(&now, TIME_UTC), TIME_UTC);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

START_TEST(wall_clock_is_unix_time_in_microseconds)
{
    int64_t before = utc_us();
    int64_t wall_us = clock_now().wall_us;
    int64_t after = utc_us();
    ck_assert_int_ge(wall_us, before);
    ck_assert_int_le(wall_us, after);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("clock");
    tcase_add_test(t, monotonic_clock_never_goes_back);
    tcase_add_test(t, wall_clock_is_unix_time_in_microseconds);
    Suite *s = suite_create("clock");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
