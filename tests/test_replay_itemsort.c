/* SPDX-License-Identifier: MIT */
/* links: itemsort.o item.o err.o */
#include "itemsort.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 30000

/* All orders at once: times collide, partitions and offsets tell them apart. */
static struct item make_item(uint32_t i)
{
    uint32_t mixed = i * 2654435761U; /* Knuth's multiplier: a permutation of the numbers */
    return (struct item){.time_us = mixed % 997,
                         .offset = (int64_t)(mixed >> 8),
                         .price = i,
                         .bid = NAN,
                         .index = (int32_t)(i % 3),
                         .partition = (uint16_t)(mixed % 7)};
}

static bool is_before(const struct item *a, const struct item *b)
{
    return a->time_us < b->time_us || (a->time_us == b->time_us && item_is_before(a, b));
}

static void check_sorted(size_t in_memory)
{
    struct err e;
    const struct item *item;
    struct item last = {.time_us = -1};
    struct itemsort *s = itemsort_new(in_memory);
    double sum = 0;
    size_t count = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct item made = make_item(i);
        ck_assert(itemsort_add(s, &made, &e));
    }
    ck_assert(itemsort_finish(s, &e));
    for (;;) {
        ck_assert(itemsort_next(s, &item, &e));
        if (!item)
            break;
        if (!is_before(&last, item))
            ck_abort_msg("item %zu is out of order", count);
        last = *item;
        sum += item->price;
        count++;
    }
    ck_assert_uint_eq(count, COUNT);
    ck_assert_double_eq(sum, (double)COUNT * (COUNT - 1) / 2);
    ck_assert(itemsort_next(s, &item, &e));
    ck_assert_ptr_null(item);
    itemsort_free(s);
}

START_TEST(fits_in_memory)
{
    check_sorted(COUNT);
    check_sorted(COUNT * 2);
}
END_TEST

START_TEST(spills_into_runs)
{
    check_sorted(COUNT / 2);
    check_sorted(COUNT / 7);
    check_sorted(1000);
}
END_TEST

START_TEST(run_may_be_longer_than_what_is_read_at_once)
{
    check_sorted(COUNT - 1);
}
END_TEST

START_TEST(nothing_is_sorted_too)
{
    struct err e;
    const struct item *item;
    struct itemsort *s = itemsort_new(10);
    ck_assert(itemsort_finish(s, &e));
    ck_assert(itemsort_next(s, &item, &e));
    ck_assert_ptr_null(item);
    itemsort_free(s);
}
END_TEST

START_TEST(no_place_for_the_file_is_an_error)
{
    struct err e = {""};
    struct itemsort *s = itemsort_new(1);
    struct item item = make_item(0);
    setenv("TMPDIR", "/nonexistent/directory", 1);
    ck_assert(itemsort_add(s, &item, &e));
    ck_assert(!itemsort_add(s, &item, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/directory"));
    itemsort_free(s);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("itemsort");
    TCase *t = tcase_create("itemsort");
    tcase_add_test(t, fits_in_memory);
    tcase_add_test(t, spills_into_runs);
    tcase_add_test(t, run_may_be_longer_than_what_is_read_at_once);
    tcase_add_test(t, nothing_is_sorted_too);
    tcase_add_test(t, no_place_for_the_file_is_an_error);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
