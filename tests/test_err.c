/* SPDX-License-Identifier: MIT */
/* links: err.o */
#include "err.h"

#include <check.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* More than a process can have, and volatile so that the compiler does not know it. */
static volatile size_t too_much = (size_t)1 << 46;

/* AddressSanitizer is to let malloc() fail instead of ending the test itself. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

START_TEST(reason_is_formatted)
{
    struct err e;
    err_set(&e, "port %d of %s", 5432, "db");
    ck_assert_str_eq(e.text, "port 5432 of db");
    err_set(&e, "%s", "");
    ck_assert_str_eq(e.text, "");
}
END_TEST

START_TEST(wrapping_puts_the_context_in_front)
{
    struct err e;
    err_set(&e, "no such file");
    err_wrap(&e, "reading %s", "tickd.conf");
    ck_assert_str_eq(e.text, "reading tickd.conf: no such file");
    err_wrap(&e, "start");
    ck_assert_str_eq(e.text, "start: reading tickd.conf: no such file");
}
END_TEST

START_TEST(nobody_need_ask_for_the_reason)
{
    err_set(NULL, "%d", 1);
    err_wrap(NULL, "%d", 1);
}
END_TEST

START_TEST(long_reason_is_cut)
{
    char text[2 * ERR_MAX];
    struct err e;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    err_set(&e, "%s", text);
    ck_assert_uint_eq(strlen(e.text), ERR_MAX - 1);
}
END_TEST

START_TEST(wrapping_cuts_the_end_of_the_reason)
{
    char text[ERR_MAX];
    struct err e;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    err_set(&e, "%s", text);
    err_wrap(&e, "context");
    ck_assert_uint_eq(strlen(e.text), ERR_MAX - 1);
    ck_assert_int_eq(strncmp(e.text, "context: xxx", 12), 0);
}
END_TEST

START_TEST(wrapping_with_a_context_of_any_length_fits)
{
    char text[2 * ERR_MAX];
    for (size_t len = ERR_MAX - 8; len < ERR_MAX + 8; len++) {
        struct err e;
        memset(text, 'c', len);
        text[len] = '\0';
        err_set(&e, "reason");
        err_wrap(&e, "%s", text);
        ck_assert_uint_eq(strlen(e.text), ERR_MAX - 1);
        size_t kept = len < ERR_MAX - 3 ? len : ERR_MAX - 3;
        ck_assert_int_eq(strncmp(e.text, text, kept), 0);
        ck_assert_int_eq(strncmp(e.text + kept, ": reason", ERR_MAX - 1 - kept), 0);
    }
}
END_TEST

START_TEST(memory_is_there)
{
    char *p = err_malloc(8);
    memcpy(p, "1234567", 8);
    p = err_realloc(p, 16);
    ck_assert_str_eq(p, "1234567");
    free(p);
    uint64_t *zeros = err_calloc(100, sizeof *zeros);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(zeros[i], 0);
    free(zeros);
    char *copy = err_strdup("abc");
    ck_assert_str_eq(copy, "abc");
    free(copy);
}
END_TEST

/* malloc(0) may return NULL without being out of memory; so may realloc(p, 0), which frees. */
START_TEST(nothing_can_be_allocated)
{
    void *p = err_malloc(0);
    ck_assert_ptr_nonnull(p);
    p = err_realloc(p, 0);
    ck_assert_ptr_nonnull(p);
    free(p);
    p = err_calloc(0, 0);
    ck_assert_ptr_nonnull(p);
    free(p);
}
END_TEST

START_TEST(running_out_of_memory_in_malloc_aborts)
{
    free(err_malloc(too_much));
}
END_TEST

START_TEST(running_out_of_memory_in_calloc_aborts)
{
    free(err_calloc(too_much / 8, 8));
}
END_TEST

START_TEST(running_out_of_memory_in_realloc_aborts)
{
    free(err_realloc(NULL, too_much));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("err");
    tcase_add_test(t, reason_is_formatted);
    tcase_add_test(t, wrapping_puts_the_context_in_front);
    tcase_add_test(t, nobody_need_ask_for_the_reason);
    tcase_add_test(t, long_reason_is_cut);
    tcase_add_test(t, wrapping_cuts_the_end_of_the_reason);
    tcase_add_test(t, wrapping_with_a_context_of_any_length_fits);
    tcase_add_test(t, memory_is_there);
    tcase_add_test(t, nothing_can_be_allocated);
    tcase_add_test_raise_signal(t, running_out_of_memory_in_malloc_aborts, SIGABRT);
    tcase_add_test_raise_signal(t, running_out_of_memory_in_calloc_aborts, SIGABRT);
    tcase_add_test_raise_signal(t, running_out_of_memory_in_realloc_aborts, SIGABRT);
    Suite *s = suite_create("err");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
