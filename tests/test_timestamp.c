/* SPDX-License-Identifier: MIT */
/* links: timestamp.o number.o */
#include "timestamp.h"

#include "hot_assert.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *text;
    int64_t time_us;
} good[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00", 0},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1969-12-31T23:59:59.9999999Z", -1},
    {"2000-01-01T00:00:00Z", 946684800000000},
    {"2025-11-15T16:45:36.209097+00:00", 1763225136209097},
    {"2025-11-15t16:45:36.209097z", 1763225136209097},
    {"2025-11-15 16:45:36.209097", 1763225136209097},
    {"2025-11-15T16:45:36.209097999Z", 1763225136209097},
    {"2025-11-15T16:45:36.2090970000000000000000000000000000001Z", 1763225136209097},
    {"2025-11-15T16:45:36.2Z", 1763225136200000},
    {"2025-11-15T16:45:36.000001Z", 1763225136000001},
    {"2025-11-15T22:15:36+05:30", 1763225136000000},
    {"2025-11-14T16:46:36-23:59", 1763225136000000},
    {"2025-11-16T16:44:36+23:59", 1763225136000000},
    {"2024-02-29T00:00:00Z", 1709164800000000},
    {"2100-02-28T23:59:59Z", 4107542399000000},
    {"2016-12-31T23:59:60Z", 1483228800000000},
    {"2016-12-31T23:59:60.999999Z", 1483228800999999},
    {"2016-12-31T15:59:60-08:00", 1483228800000000},
    {"1969-12-31T23:59:60Z", 0},
    {"0000-01-01T00:00:00Z", -62167219200000000},
    {"9999-12-31T23:59:59.999999Z", 253402300799999999},
};

START_TEST(good_times_are_read)
{
    int64_t time_us = 42;
    ck_assert_msg(timestamp_parse(good[_i].text, strlen(good[_i].text), &time_us), "%s",
                  good[_i].text);
    ck_assert_int_eq(time_us, good[_i].time_us);
}
END_TEST

START_TEST(cut_times_are_not_read)
{
    static const char text[] = "2025-11-15T16:45:36.209097+00:00";
    for (size_t len = 0; len < strlen(text); len++) {
        int64_t time_us;
        bool whole_without_rest = len == 19 || (len >= 21 && len <= 26);
        ck_assert_msg(timestamp_parse_rfc3339(text, len, &time_us) == whole_without_rest, "%.*s",
                      (int)len, text);
    }
}
END_TEST

/* Each byte of a good time, replaced by each other byte: never read as the same time, and never
 * past the end (the copy is exactly as long as the text, for the sanitizers to see). */
START_TEST(other_bytes_change_or_break_the_time)
{
    static const char text[] = "2025-11-15T16:45:36.209097+01:30";
    int64_t original = 0;
    ck_assert(timestamp_parse_rfc3339(text, strlen(text), &original));
    for (size_t at = 0; at < strlen(text); at++) {
        for (int byte = 0; byte < 256; byte++) {
            char *copy = malloc(strlen(text));
            memcpy(copy, text, strlen(text));
            copy[at] = (char)byte;
            int64_t time_us = 0;
            bool separator = at == 10 && (byte == 'T' || byte == 't' || byte == ' ');
            bool same =
                timestamp_parse_rfc3339(copy, strlen(text), &time_us) && time_us == original;
            ck_assert_msg(same == (separator || copy[at] == text[at]), "byte %d at %zu", byte, at);
            free(copy);
        }
    }
}
END_TEST

/* Against the C library's calendar, a day at a time. */
/* With 'T' date and clock are read eight characters at a time, with 't' one by one. */
START_TEST(letter_between_date_and_time_plays_no_part)
{
    char upper[] = "2024-02-29T23:59:60.5Z";
    char lower[] = "2024-02-29t23:59:60.5Z";
    for (size_t at = 0; at < strlen(upper); at++) {
        char was = upper[at];
        for (int byte = 0; byte < 256 && was != 'T'; byte++) {
            int64_t a = 0;
            int64_t b = 0;
            upper[at] = lower[at] = (char)byte;
            ck_assert_int_eq(timestamp_parse_rfc3339(upper, strlen("2024-02-29T23:59:60.5Z"), &a),
                             timestamp_parse_rfc3339(lower, strlen("2024-02-29T23:59:60.5Z"), &b));
            ck_assert_int_eq(a, b);
        }
        upper[at] = was;
        lower[at] = was == 'T' ? 't' : was;
    }
}
END_TEST

START_TEST(every_day_of_600_years_is_right)
{
    for (time_t day = -20000; day < 200000; day++) {
        time_t seconds = day * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        char text[64];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000Z", &tm);
        int64_t time_us = 0;
        hot_assert_msg(timestamp_parse_rfc3339(text, strlen(text), &time_us), "%s", text);
        hot_assert_msg(time_us == (int64_t)seconds * 1000000, "%s", text);
        char printed[TIMESTAMP_TEXT_SIZE];
        hot_assert_msg(strcmp(timestamp_format(time_us, printed), text) == 0, "%s", text);
    }
}
END_TEST

START_TEST(integers_tell_their_unit_by_size)
{
    static const struct {
        int64_t value;
        int64_t time_us;
    } cases[] = {
        {0, 0},
        {1, 1000000},
        {-1, -1000000},
        {1763225136, 1763225136000000},
        {1763225136209, 1763225136209000},
        {1763225136209097, 1763225136209097},
        {1763225136209097999, 1763225136209097},
        {99999999999, 99999999999000000},
        {100000000000, 100000000000000},
        {99999999999999, 99999999999999000},
        {100000000000000, 100000000000000},
        {99999999999999999, 99999999999999999},
        {100000000000000000, 100000000000000},
        {-99999999999, -99999999999000000},
        {-100000000000, -100000000000000},
        {-100000000000000, -100000000000000},
        {-100000000000000000, -100000000000000},
        {INT64_MAX, 9223372036854775},
        {INT64_MIN, -9223372036854775},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(timestamp_from_integer(cases[i].value), cases[i].time_us);
}
END_TEST

START_TEST(text_may_be_an_integer)
{
    int64_t time_us = 0;
    ck_assert(timestamp_parse("1763225136209", 13, &time_us));
    ck_assert_int_eq(time_us, 1763225136209000);
    ck_assert(timestamp_parse("-1", 2, &time_us));
    ck_assert_int_eq(time_us, -1000000);
    ck_assert(!timestamp_parse("99999999999999999999", 20, &time_us));
    ck_assert(!timestamp_parse("1763225136.5", 12, &time_us));
    ck_assert(!timestamp_parse("", 0, &time_us));
}
END_TEST

START_TEST(any_time_can_be_printed)
{
    char text[TIMESTAMP_TEXT_SIZE];
    ck_assert_str_eq(timestamp_format(-1, text), "1969-12-31T23:59:59.999999Z");
    ck_assert_str_eq(timestamp_format(253402300799999999, text), "9999-12-31T23:59:59.999999Z");
    ck_assert_str_eq(timestamp_format(253402300800000000, text), "10000-01-01T00:00:00.000000Z");
    ck_assert_str_eq(timestamp_format(INT64_MAX, text), "294247-01-10T04:00:54.775807Z");
    ck_assert_str_eq(timestamp_format(INT64_MIN, text), "-290308-12-21T19:59:05.224192Z");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timestamp");
    TCase *tc = tcase_create("timestamp");
    tcase_add_loop_test(tc, good_times_are_read, 0, (int)(sizeof good / sizeof *good));
    tcase_add_test(tc, cut_times_are_not_read);
    tcase_add_test(tc, other_bytes_change_or_break_the_time);
    tcase_add_test(tc, letter_between_date_and_time_plays_no_part);
    tcase_add_test(tc, every_day_of_600_years_is_right);
    tcase_add_test(tc, integers_tell_their_unit_by_size);
    tcase_add_test(tc, text_may_be_an_integer);
    tcase_add_test(tc, any_time_can_be_printed);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
