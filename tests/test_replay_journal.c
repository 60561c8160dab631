/* SPDX-License-Identifier: MIT */
/* links: journal.o outfile.o text.o timestamp.o number.o buf.o clock.o err.o */
#include "journal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct delivery make(int32_t partition, int64_t offset, const char *key, const char *value)
{
    return (struct delivery){.partition = partition,
                             .offset = offset,
                             .timestamp_ms = 1700000000000,
                             .produced_us = 5 * offset,
                             .key = key,
                             .key_len = key ? strlen(key) : 0,
                             .value = value,
                             .value_len = strlen(value)};
}

static void assert_text(const void *data, size_t len, const char *expected)
{
    ck_assert_uint_eq(len, strlen(expected));
    ck_assert_mem_eq(data, expected, len);
}

START_TEST(file_gives_back_what_was_put)
{
    static const char *const keys[] = {"BTC", NULL, "", "k\tK"};
    static const char *const values[] = {"{\"a\":1}", "not\tJSON", "", "{}"};
    char path[] = "/tmp/test_replay_journal.XXXXXX", line[256];
    struct err e;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    struct journal *j = journal_open(path, -1, &e);
    ck_assert_ptr_nonnull(j);
    for (int i = 0; i < 4; i++) {
        struct delivery d = make(i, 100 + i, keys[i], values[i]);
        journal_put(j, &d);
    }
    ck_assert(journal_close(j, &e));
    FILE *f = fopen(path, "r");
    for (int i = 0; i < 4; i++) {
        struct delivery d;
        ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
        ck_assert_msg(journal_parse(&d, line, strlen(line) - 1, &e), "%s", e.text);
        ck_assert_int_eq(d.partition, i);
        ck_assert_int_eq(d.offset, 100 + i);
        ck_assert_int_eq(d.timestamp_ms, 1700000000000);
        ck_assert_int_eq(d.key == NULL, keys[i] == NULL);
        if (keys[i])
            assert_text(d.key, d.key_len, keys[i]);
        assert_text(d.value, d.value_len, values[i]);
    }
    ck_assert_ptr_null(fgets(line, sizeof line, f));
    fclose(f);
    unlink(path);
}
END_TEST

START_TEST(other_lines_are_refused)
{
    static const char *const lines[] = {
        "",
        "0\t1\t2",
        "0\t1\t2\t3\tab",
        "-1\t1\t2\t-1\tx",
        "0\t-5\t2\t-1\tx",
        "x\t1\t2\t-1\t{}",
        "0\t1\t2\t-2\tx",
        "0\t1\t2\t\tx",
        "0\t1 \t2\t-1\tx",
        "99999999999\t1\t2\t-1\tx",
        "0\t99999999999999999999\t2\t-1\tx",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct err e = {""};
        struct delivery d;
        ck_assert_msg(!journal_parse(&d, lines[i], strlen(lines[i]), &e), "\"%s\"", lines[i]);
        ck_assert_str_ne(e.text, "");
    }
}
END_TEST

START_TEST(marks_come_through_the_pipe)
{
    struct err e;
    struct journal_mark marks[3];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    struct journal *j = journal_open(NULL, ends[1], &e);
    for (int i = 0; i < 3; i++) {
        struct delivery d = make(i, 10 + i, NULL, "abc");
        journal_put(j, &d);
    }
    ck_assert(journal_close(j, &e));
    ck_assert_int_eq(read(ends[0], marks, sizeof marks), sizeof marks);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(marks[i].partition, i);
        ck_assert_int_eq(marks[i].offset, 10 + i);
        ck_assert_int_eq(marks[i].produced_us, 5 * (10 + i));
        ck_assert_uint_eq(marks[i].bytes, 3);
    }
    ck_assert_int_eq(read(ends[0], marks, sizeof marks), 0); /* closed */
    close(ends[0]);
}
END_TEST

START_TEST(file_that_cannot_be_made_is_an_error)
{
    struct err e = {""};
    ck_assert_ptr_null(journal_open("/nonexistent/journal", -1, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/journal"));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("journal");
    TCase *t = tcase_create("journal");
    tcase_add_test(t, file_gives_back_what_was_put);
    tcase_add_test(t, other_lines_are_refused);
    tcase_add_test(t, marks_come_through_the_pipe);
    tcase_add_test(t, file_that_cannot_be_made_is_an_error);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
