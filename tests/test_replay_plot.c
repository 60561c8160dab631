/* SPDX-License-Identifier: MIT */
/* links: plot.o buf.o err.o */
#include "plot.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct buf out;

static void set_up(void)
{
    buf_init(&out);
}

static void tear_down(void)
{
    buf_fini(&out);
}

static const char *text(void)
{
    buf_put_u8(&out, 0);
    return (const char *)out.data;
}

static void put(const double *x, const double *values, size_t count)
{
    const struct plot_line line = {"line", values, false};
    const struct plot p = {"id1", "Title", "ms", "", x, count, &line, 1};
    plot_put(&p, &out);
}

START_TEST(axis_has_a_few_round_marks)
{
    for (double max = 0.0013; max < 1e9; max *= 1.07) {
        double step = plot_step(max);
        ck_assert_double_ge(max / step, 2.9);
        ck_assert_double_le(max / step, 6.1);
    }
    ck_assert_double_eq(plot_step(100), 25);
    ck_assert_double_eq(plot_step(20), 5);
    ck_assert_double_eq(plot_step(45), 10);
    ck_assert_double_eq(plot_step(90), 20);
}
END_TEST

START_TEST(line_has_a_point_for_each_value)
{
    static const double x[] = {1, 2, 3}, values[] = {0, 5, 10};
    put(x, values, 3);
    const char *d = strstr(text(), "<path class=\"line1\" d=\"M");
    ck_assert_ptr_nonnull(d);
    int moves = 0, lines = 0;
    for (d = strchr(d, 'M'); *d != '"'; d++) {
        moves += *d == 'M';
        lines += *d == 'L';
    }
    ck_assert_int_eq(moves, 1);
    ck_assert_int_eq(lines, 2);
}
END_TEST

START_TEST(gap_interrupts_the_line)
{
    const double x[] = {1, 2, 3, 4}, values[] = {1, NAN, 3, 4};
    put(x, values, 4);
    const char *d = strstr(text(), "d=\"M");
    ck_assert_ptr_nonnull(d);
    ck_assert_ptr_nonnull(strchr(d + 4, 'M'));
    ck_assert_ptr_null(strstr(d, "nan"));
}
END_TEST

START_TEST(nothing_to_draw_is_a_plot_without_points)
{
    put(NULL, NULL, 0);
    const char *s = text();
    ck_assert_ptr_nonnull(strstr(s, "d=\"\""));
    ck_assert_ptr_null(strstr(s, "nan"));
    ck_assert_ptr_null(strstr(s, "inf"));
}
END_TEST

START_TEST(zeros_only_do_not_divide_by_zero)
{
    static const double x[] = {0, 1}, values[] = {0, 0};
    put(x, values, 2);
    const char *s = text();
    ck_assert_ptr_null(strstr(s, "nan"));
    ck_assert_ptr_null(strstr(s, "inf"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("plot");
    TCase *t = tcase_create("plot");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, axis_has_a_few_round_marks);
    tcase_add_test(t, line_has_a_point_for_each_value);
    tcase_add_test(t, gap_interrupts_the_line);
    tcase_add_test(t, nothing_to_draw_is_a_plot_without_points);
    tcase_add_test(t, zeros_only_do_not_divide_by_zero);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
