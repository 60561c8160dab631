/* SPDX-License-Identifier: MIT */
/* links: recorder.o */
#include "recorder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[RECORDER_BYTES + 1];

static const char *kept(void)
{
    struct recorder_piece pieces[2];
    recorder_read(pieces);
    memcpy(text, pieces[0].text, pieces[0].len);
    memcpy(text + pieces[0].len, pieces[1].text, pieces[1].len);
    text[pieces[0].len + pieces[1].len] = '\0';
    return text;
}

static void put(const char *line)
{
    recorder_put(line, strlen(line));
}

START_TEST(lines_come_back_in_order)
{
    ck_assert_str_eq(kept(), "");
    put("one\n");
    put("two\n");
    ck_assert_str_eq(kept(), "one\ntwo\n");
    recorder_clear();
    ck_assert_str_eq(kept(), "");
}
END_TEST

/* Whatever the length of the lines, whole lines are kept: the newest, without a gap. */
START_TEST(oldest_lines_are_forgotten_whole)
{
    char line[4096];
    unsigned last = 0;
    size_t total = 0;
    while (total < 3 * RECORDER_BYTES) {
        last++;
        int len = snprintf(line, sizeof line, "%u %0*u\n", last, (int)(last * 37 % 900) + 1, 7U);
        recorder_put(line, (size_t)len);
        total += (size_t)len;
    }
    const char *at = kept();
    ck_assert_uint_gt(strlen(at), RECORDER_BYTES - 2000);
    unsigned number = (unsigned)strtoul(at, NULL, 10);
    for (; *at; at = strchr(at, '\n') + 1)
        ck_assert_uint_eq(strtoul(at, NULL, 10), number++);
    ck_assert_uint_eq(number, last + 1);
}
END_TEST

START_TEST(line_that_ends_with_the_memory_is_kept)
{
    static char line[RECORDER_BYTES];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    recorder_put(line, sizeof line);
    put("next\n");
    ck_assert_str_eq(kept(), "next\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recorder");
    TCase *tc = tcase_create("recorder");
    tcase_add_test(tc, lines_come_back_in_order);
    tcase_add_test(tc, oldest_lines_are_forgotten_whole);
    tcase_add_test(tc, line_that_ends_with_the_memory_is_kept);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
