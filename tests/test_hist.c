/* SPDX-License-Identifier: MIT */
/* links: hist.o */
#include "hist.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define VALUES 20000

static struct hist h;
static uint64_t values[VALUES];

static void set_up(void)
{
    h = (struct hist){0};
}

/* xorshift64*, S. Vigna, 2016: any even spread of bits will do. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The definition, on sorted values. */
static uint64_t exact_percentile(size_t count, double percent)
{
    double rank = ceil((double)count * percent / 100);
    return values[rank < 1 ? 0 : (size_t)rank - 1];
}

static void check_percentiles(size_t count)
{
    static const double percents[] = {0, 0.01, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        uint64_t exact = exact_percentile(count, percents[i]);
        uint64_t got = hist_percentile(&h, percents[i]);
        uint64_t error_max = exact >> (HIST_BITS - 1);
        ck_assert_msg(got >= exact && got - exact <= error_max,
                      "p%g of %zu values is %llu, not %llu", percents[i], count,
                      (unsigned long long)exact, (unsigned long long)got);
    }
}

START_TEST(nothing_has_percentile_zero)
{
    ck_assert_uint_eq(hist_percentile(&h, 50), 0);
    ck_assert_uint_eq(hist_percentile(&h, 100), 0);
    ck_assert_uint_eq(hist_count_to(&h, 1000), 0);
}
END_TEST

START_TEST(one_value_is_every_percentile_exactly)
{
    static const int64_t singles[] = {0, 1, 255, 256, 257, 12345, 987654321};
    for (size_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        set_up();
        hist_add(&h, singles[i]);
        ck_assert_uint_eq(hist_percentile(&h, 0), (uint64_t)singles[i]);
        ck_assert_uint_eq(hist_percentile(&h, 50), (uint64_t)singles[i]);
        ck_assert_uint_eq(hist_percentile(&h, 100), (uint64_t)singles[i]);
        ck_assert_uint_eq(h.sum, (uint64_t)singles[i]);
    }
}
END_TEST

START_TEST(small_values_are_exact)
{
    for (int64_t v = 0; v < 256; v++)
        hist_add(&h, v);
    for (int v = 0; v < 256; v++)
        ck_assert_uint_eq(hist_percentile(&h, (v + 1) * 100.0 / 256), (uint64_t)v);
}
END_TEST

START_TEST(percentiles_are_as_of_the_sorted_values)
{
    /* Even, over all sizes alike, and with a long tail. */
    for (int shape = 0; shape < 3; shape++) {
        uint64_t state = 42;
        set_up();
        for (size_t i = 0; i < VALUES; i++) {
            uint64_t r = next_random(&state);
            double u = (double)(r >> 11) / 9007199254740992.0;
            if (shape == 0)
                values[i] = r % 1000000;
            else if (shape == 1)
                values[i] = (r & HIST_VALUE_MAX) >> (r >> 58);
            else
                values[i] = (uint64_t)(80000 - 20000 * log(1 - u));
            hist_add(&h, (int64_t)values[i]);
        }
        check_percentiles(VALUES);
    }
}
END_TEST

START_TEST(few_values_have_their_own_percentiles)
{
    for (size_t count = 1; count <= 12; count++) {
        set_up();
        for (size_t i = 0; i < count; i++) {
            values[i] = 1000 * (i + 1) * (i + 1);
            hist_add(&h, (int64_t)values[i]);
        }
        check_percentiles(count);
    }
}
END_TEST

START_TEST(every_size_is_within_the_promised_error)
{
    for (unsigned bit = 0; bit < 38; bit++) {
        for (int64_t around = -1; around <= 1; around++) {
            int64_t v = (INT64_C(1) << bit) + around;
            set_up();
            hist_add(&h, v);
            hist_add(&h, (int64_t)HIST_VALUE_MAX); /* so that the maximum does not mend it */
            uint64_t got = hist_percentile(&h, 50);
            ck_assert_uint_ge(got, (uint64_t)v);
            ck_assert_uint_le(got - (uint64_t)v, (uint64_t)v >> (HIST_BITS - 1));
        }
    }
}
END_TEST

START_TEST(values_out_of_range_are_counted_at_its_ends)
{
    hist_add(&h, -5);
    hist_add(&h, INT64_MAX);
    hist_add(&h, (int64_t)HIST_VALUE_MAX + 1);
    ck_assert_uint_eq(h.count, 3);
    ck_assert_uint_eq(h.min, 0);
    ck_assert_uint_eq(h.max, HIST_VALUE_MAX);
    ck_assert_uint_eq(hist_percentile(&h, 100), HIST_VALUE_MAX);
    ck_assert_uint_eq(h.buckets[HIST_BUCKETS - 1], 2);
}
END_TEST

START_TEST(merged_is_as_if_counted_together)
{
    struct hist *parts = calloc(2, sizeof *parts);
    struct hist *empty = calloc(1, sizeof *empty);
    uint64_t state = 7;
    for (int i = 0; i < 5000; i++) {
        int64_t v = (int64_t)(next_random(&state) % 3000000);
        hist_add(&h, v);
        hist_add(&parts[i % 3 == 0], v);
    }
    hist_merge(&parts[0], empty);
    hist_merge(empty, &parts[1]);
    hist_merge(&parts[0], empty);
    ck_assert_mem_eq(&h, &parts[0], sizeof h);
    free(parts);
    free(empty);
}
END_TEST

START_TEST(count_to_adds_up)
{
    for (int64_t v = 1; v <= 200; v++)
        hist_add(&h, v);
    ck_assert_uint_eq(hist_count_to(&h, 0), 0);
    ck_assert_uint_eq(hist_count_to(&h, 100), 100);
    ck_assert_uint_eq(hist_count_to(&h, UINT64_MAX), 200);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hist");
    TCase *t = tcase_create("hist");
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, nothing_has_percentile_zero);
    tcase_add_test(t, one_value_is_every_percentile_exactly);
    tcase_add_test(t, small_values_are_exact);
    tcase_add_test(t, percentiles_are_as_of_the_sorted_values);
    tcase_add_test(t, few_values_have_their_own_percentiles);
    tcase_add_test(t, every_size_is_within_the_promised_error);
    tcase_add_test(t, values_out_of_range_are_counted_at_its_ends);
    tcase_add_test(t, merged_is_as_if_counted_together);
    tcase_add_test(t, count_to_adds_up);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
