/* SPDX-License-Identifier: MIT */
/* links: history.o */
#include "history.h"

#include <check.h>
#include <stdlib.h>

static struct history h;

static void add(int64_t time_us)
{
    history_add(&h, &(struct history_sample){.time_us = time_us});
}

START_TEST(samples_come_oldest_first)
{
    add(1);
    add(2);
    ck_assert_uint_eq(h.count, 2);
    ck_assert_int_eq(history_get(&h, 0)->time_us, 1);
    ck_assert_int_eq(history_get(&h, 1)->time_us, 2);
}
END_TEST

START_TEST(oldest_is_overwritten)
{
    for (int64_t i = 0; i < HISTORY_SAMPLES + 3; i++)
        add(i);
    ck_assert_uint_eq(h.count, HISTORY_SAMPLES);
    for (size_t i = 0; i < h.count; i++)
        ck_assert_int_eq(history_get(&h, i)->time_us, (int64_t)i + 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tc = tcase_create("history");
    tcase_add_test(tc, samples_come_oldest_first);
    tcase_add_test(tc, oldest_is_overwritten);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
