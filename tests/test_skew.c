/* SPDX-License-Identifier: MIT */
/* links: skew.o */
#include "skew.h"

#include <check.h>
#include <stdlib.h>

#define ASKED    INT64_C(1700000000000000)
#define ANSWERED (ASKED + 3000000)

START_TEST(slow_answer_is_no_difference)
{
    ck_assert_int_eq(skew_us("1700000000000000", ASKED, ANSWERED), 0);
    ck_assert_int_eq(skew_us("1700000001500000", ASKED, ANSWERED), 0);
    ck_assert_int_eq(skew_us("1700000003000000", ASKED, ANSWERED), 0);
}
END_TEST

START_TEST(difference_is_what_the_way_cannot_explain)
{
    ck_assert_int_eq(skew_us("1699999999999990", ASKED, ANSWERED), -10);
    ck_assert_int_eq(skew_us("1700000003000010", ASKED, ANSWERED), 10);
    ck_assert_int_eq(skew_us("1700003603000000", ASKED, ANSWERED), INT64_C(3600000000));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("skew");
    tcase_add_test(t, slow_answer_is_no_difference);
    tcase_add_test(t, difference_is_what_the_way_cannot_explain);
    Suite *s = suite_create("skew");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
