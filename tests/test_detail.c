/* SPDX-License-Identifier: MIT */
/* links: detail.o utf8.o */
#include "detail.h"
#include "hot_assert.h"
#include "utf8.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char text[120];

static const char *quote(const char *bytes, size_t len, size_t size, size_t max)
{
    struct detail d = detail_start(text, size);
    detail_quote(&d, bytes, len, max);
    return text;
}

static const char *quote_all(const char *bytes)
{
    return quote(bytes, strlen(bytes), sizeof text, 100);
}

START_TEST(text_starts_empty)
{
    struct detail d = detail_start(text, 1);
    ck_assert_str_eq(text, "");
    detail_print(&d, "x");
    detail_quote(&d, "x", 1, 1);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(parts_are_appended)
{
    struct detail d = detail_start(text, sizeof text);
    detail_print(&d, "price: ");
    detail_quote(&d, "abc", 3, 10);
    detail_print(&d, " at %d", 7);
    ck_assert_str_eq(text, "price: \"abc\" at 7");
    ck_assert_uint_eq(d.len, strlen(text));
}
END_TEST

START_TEST(controls_are_escaped)
{
    ck_assert_str_eq(quote_all("\n\r\t\x1b[31m\x7f"), "\"\\n\\r\\t\\u001b[31m\\u007f\"");
    ck_assert_str_eq(quote("\0", 1, sizeof text, 100), "\"\\u0000\"");
    ck_assert_str_eq(quote_all("\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf"),
                     "\"\\u0085\\u2028\\u202e\\ufeff\"");
}
END_TEST

START_TEST(quotes_and_backslashes_are_escaped_in_quotes_only)
{
    ck_assert_str_eq(quote_all("a\"b\\"), "\"a\\\"b\\\\\"");
    struct detail d = detail_start(text, sizeof text);
    detail_print(&d, "%s", "a\"b\\\n");
    ck_assert_str_eq(text, "a\"b\\\\n");
}
END_TEST

START_TEST(other_characters_are_kept)
{
    ck_assert_str_eq(quote_all("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80"),
                     "\"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80\"");
}
END_TEST

START_TEST(broken_bytes_are_shown_as_numbers)
{
    ck_assert_str_eq(quote_all("a\xff\xc3"), "\"a\\xff\\xc3\"");
    ck_assert_str_eq(quote_all("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
    struct detail d = detail_start(text, sizeof text);
    detail_print(&d, "%s", "\x80");
    ck_assert_str_eq(text, "\\x80");
}
END_TEST

START_TEST(max_cuts_at_a_character)
{
    ck_assert_str_eq(quote("abcdef", 6, sizeof text, 6), "\"abcdef\"");
    ck_assert_str_eq(quote("abcdef", 6, sizeof text, 5), "\"abcde\"...");
    ck_assert_str_eq(quote("\xe2\x82\xac\xe2\x82\xac", 6, sizeof text, 5), "\"\xe2\x82\xac\"...");
    ck_assert_str_eq(quote("a\n", 2, sizeof text, 2), "\"a\"...");
}
END_TEST

/* Whatever the size: bounded, terminated, well-formed, never half a character. */
START_TEST(size_cuts_at_a_character)
{
    static const char bytes[] = "\xe2\x82\xac\n\xff\"\xf0\x9f\x98\x80xyz";
    for (size_t size = 1; size <= 60; size++) {
        memset(text, 'X', sizeof text);
        struct detail d = detail_start(text, size);
        detail_print(&d, "\xe2\x82\xac: ");
        detail_quote(&d, bytes, strlen(bytes), 100);
        detail_print(&d, "%s", bytes);
        ck_assert_uint_lt(strlen(text), size);
        ck_assert_uint_eq(utf8_valid_prefix(text, strlen(text)), strlen(text));
        for (size_t i = size; i < sizeof text; i++)
            hot_assert(text[i] == 'X');
    }
}
END_TEST

START_TEST(every_code_point_is_one_character)
{
    for (uint32_t code = 0; code < 0x110000; code += code < 0x900 ? 1 : 61) {
        char s[4];
        size_t len = 1;
        if (code < 0x80) {
            s[0] = (char)code;
        } else if (code < 0x800) {
            s[0] = (char)(0xc0 | code >> 6);
            len = 2;
        } else if (code < 0x10000) {
            s[0] = (char)(0xe0 | code >> 12);
            len = 3;
        } else {
            s[0] = (char)(0xf0 | code >> 18);
            len = 4;
        }
        for (size_t i = 1; i < len; i++)
            s[i] = (char)(0x80 | (code >> (6 * (len - 1 - i)) & 0x3f));
        uint32_t got = 0;
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        hot_assert(utf8_next(s, len, &got) == (surrogate ? 0 : len));
        hot_assert(surrogate || got == code);
        hot_assert(utf8_next(s, len - 1, &got) == 0);
    }
}
END_TEST

START_TEST(malformed_utf8_is_refused)
{
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xc2\xc2",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe2\x82",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(utf8_next(bad[i], strlen(bad[i]), NULL) == 0, "%zu", i);
    ck_assert_uint_eq(utf8_valid_prefix("ab\xc3\xa9\xc3", 5), 4);
    ck_assert_uint_eq(utf8_valid_prefix("", 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("detail");
    TCase *tc = tcase_create("detail");
    tcase_add_test(tc, text_starts_empty);
    tcase_add_test(tc, parts_are_appended);
    tcase_add_test(tc, controls_are_escaped);
    tcase_add_test(tc, quotes_and_backslashes_are_escaped_in_quotes_only);
    tcase_add_test(tc, other_characters_are_kept);
    tcase_add_test(tc, broken_bytes_are_shown_as_numbers);
    tcase_add_test(tc, max_cuts_at_a_character);
    tcase_add_test(tc, size_cuts_at_a_character);
    tcase_add_test(tc, every_code_point_is_one_character);
    tcase_add_test(tc, malformed_utf8_is_refused);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
