/* SPDX-License-Identifier: MIT */
/* links: procfs.o */
#include "procfs.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static struct procfs read_now(void)
{
    struct procfs p;
    procfs_read(&p);
    return p;
}

/* The clocks are read one after the other, and the kernel tells starts in hundredths. */
START_TEST(start_is_a_while_ago_and_stays)
{
    double now = (double)time(NULL);
    struct procfs first = read_now();
    ck_assert_double_le(first.started_s, now + 2);
    ck_assert_double_ge(first.started_s, now - 3600);
    ck_assert_double_eq(read_now().started_s, first.started_s);
}
END_TEST

START_TEST(descriptors_are_counted)
{
    struct procfs before = read_now();
    int fd = dup(STDERR_FILENO);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read_now().open_fds, before.open_fds + 1);
    close(fd);
    ck_assert_int_eq(read_now().open_fds, before.open_fds);
    ck_assert_int_ge(before.max_fds, before.open_fds);
}
END_TEST

START_TEST(memory_and_threads_are_this_process_s)
{
    struct procfs p = read_now();
    ck_assert_int_eq(p.threads, 1);
    ck_assert_int_gt(p.resident_bytes, 100000);
    ck_assert_int_ge(p.virtual_bytes, p.resident_bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("procfs");
    TCase *tc = tcase_create("procfs");
    tcase_add_test(tc, start_is_a_while_ago_and_stays);
    tcase_add_test(tc, descriptors_are_counted);
    tcase_add_test(tc, memory_and_threads_are_this_process_s);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
