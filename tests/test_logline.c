/* SPDX-License-Identifier: MIT */
/* links: logline.o utf8.o */
#include "logline.h"

#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct logline line;

static __attribute__((format(printf, 2, 3))) const char *render(bool json, const char *fields, ...)
{
    logline_begin(&line, json, -1);
    va_list args;
    va_start(args, fields);
    logline_put_fields(&line, fields, args);
    va_end(args);
    logline_end(&line);
    ck_assert_uint_le(line.len, LOGLINE_MAX);
    ck_assert_int_eq(line.text[line.len - 1], '\n');
    static char text[LOGLINE_MAX];
    memcpy(text, line.text, line.len - 1);
    text[line.len - 1] = '\0';
    return text;
}

/* The value of `key` in a JSON line, as jansson reads it. */
static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(root != NULL, "%s: %s", error.text, text);
    return root;
}

START_TEST(plain_values_stand_bare)
{
    ck_assert_str_eq(render(false, "host=%s attempts=%d", "db", 3), "host=db attempts=3");
}
END_TEST

START_TEST(value_with_blank_or_equal_sign_is_quoted_and_stays_one_value)
{
    ck_assert_str_eq(render(false, "why=%s n=%d", "no route=to host", 1),
                     "why=\"no route=to host\" n=1");
    ck_assert_str_eq(render(false, "a=%s b=%s c=%s", "x b=1", "y c=2", ""),
                     "a=\"x b=1\" b=\"y c=2\" c=\"\"");
}
END_TEST

START_TEST(value_of_several_conversions_is_one_value)
{
    ck_assert_str_eq(render(false, "range=%d-%d share=%d%% at=%s", 3, 9, 50, "x"),
                     "range=3-9 share=50% at=x");
    ck_assert_str_eq(render(false, "key=%.*s", 2, "abc"), "key=ab");
}
END_TEST

START_TEST(newline_cannot_forge_a_line)
{
    const char *text = render(false, "why=%s", "x\nlevel=error event=fake\r\t\x1b[31m\x7f");
    ck_assert_str_eq(text, "why=\"x\\nlevel=error event=fake\\r\\t\\u001b[31m\\u007f\"");
}
END_TEST

START_TEST(quote_and_backslash_are_escaped)
{
    ck_assert_str_eq(render(false, "why=%s", "a\"b\\c"), "why=\"a\\\"b\\\\c\"");
}
END_TEST

START_TEST(characters_that_fool_a_terminal_are_escaped)
{
    /* C1 control, line separator, right-to-left override, byte order mark */
    ck_assert_str_eq(render(false, "x=%s", "\xC2\x85\xE2\x80\xA8\xE2\x80\xAE\xEF\xBB\xBF"),
                     "x=\"\\u0085\\u2028\\u202e\\ufeff\"");
    ck_assert_str_eq(render(false, "x=%s", "\xC3\xA4\xE2\x82\xBF"), "x=\xC3\xA4\xE2\x82\xBF");
}
END_TEST

START_TEST(json_line_is_an_object_of_numbers_and_strings)
{
    json_t *o = parsed(render(true, "host=%s n=%d big=%llu share=%.2f hex=%x range=%d-%d", "7", -3,
                              (unsigned long long)UINT64_MAX / 2, 0.25, 255U, 1, 2));
    ck_assert_str_eq(json_string_value(json_object_get(o, "host")), "7");
    ck_assert_int_eq(json_integer_value(json_object_get(o, "n")), -3);
    ck_assert(json_is_integer(json_object_get(o, "big")));
    ck_assert(fabs(json_real_value(json_object_get(o, "share")) - 0.25) < 1e-9);
    ck_assert_str_eq(json_string_value(json_object_get(o, "hex")), "ff");
    ck_assert_str_eq(json_string_value(json_object_get(o, "range")), "1-2");
    json_decref(o);
}
END_TEST

START_TEST(number_that_json_has_not_becomes_a_string)
{
    json_t *o = parsed(render(true, "a=%f b=%f c=%03d d=%+d", (double)NAN, (double)INFINITY, 7, 7));
    ck_assert(json_is_string(json_object_get(o, "a")));
    ck_assert(json_is_string(json_object_get(o, "b")));
    ck_assert_str_eq(json_string_value(json_object_get(o, "c")), "007");
    ck_assert_str_eq(json_string_value(json_object_get(o, "d")), "+7");
    json_decref(o);
}
END_TEST

/* Broken UTF-8 of every kind: stray continuation, cut sequence, overlong, surrogate, too high,
 * 5-byte. */
static const char *const broken[] = {
    "\x80", "\xE2\x82", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
    "\xFF", "a\xC3"};

START_TEST(invalid_utf8_becomes_replacement_characters)
{
    json_t *o = parsed(render(true, "x=%s", broken[_i]));
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(o, "x")), "\xEF\xBF\xBD"));
    json_decref(o);
    ck_assert_ptr_nonnull(strstr(render(false, "x=%s", broken[_i]), "x=\""));
}
END_TEST

START_TEST(nul_byte_in_a_value_is_escaped)
{
    logline_begin(&line, true, -1);
    logline_put(&line, "x", "a\0b", 3, false);
    logline_end(&line);
    line.text[line.len] = '\0';
    ck_assert_str_eq(line.text, "{\"x\":\"a\\u0000b\"}\n");
}
END_TEST

/* Values of every length around the limit: escapes and characters must not be cut in the middle. */
START_TEST(long_line_is_cut_and_stays_valid)
{
    static const char *const units[] = {"a", "\n", "\xE2\x82\xBF", "\xFF", "\\"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        for (size_t n = LOGLINE_MAX / 8; n < LOGLINE_MAX + 64; n += n < 600 ? 1 : 7) {
            char *value = malloc(n * 3 + 1);
            size_t len = 0;
            for (size_t i = 0; i < n; i++, len += strlen(units[u]))
                memcpy(value + len, units[u], strlen(units[u]));
            value[len] = '\0';
            json_decref(parsed(render(true, "first=%s second=%s third=%d", value, value, 3)));
            const char *text = render(false, "first=%s second=%d", value, 3);
            ck_assert(strstr(text, " cut=true") || strstr(text, " second=3"));
            free(value);
        }
    }
}
END_TEST

START_TEST(format_that_is_no_pair_is_left_out)
{
    json_t *o = parsed(render(true, "a=%d nothing %d", 1, 2));
    ck_assert_uint_eq(json_object_size(o), 1);
    json_decref(o);
    ck_assert_str_eq(render(false, "%s", ""), "");
}
END_TEST

START_TEST(priority_stands_in_front)
{
    logline_begin(&line, true, 4);
    logline_end(&line);
    ck_assert_int_eq(strncmp(line.text, "<4>{}\n", line.len), 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("logline");
    tcase_add_test(t, plain_values_stand_bare);
    tcase_add_test(t, value_with_blank_or_equal_sign_is_quoted_and_stays_one_value);
    tcase_add_test(t, value_of_several_conversions_is_one_value);
    tcase_add_test(t, newline_cannot_forge_a_line);
    tcase_add_test(t, quote_and_backslash_are_escaped);
    tcase_add_test(t, characters_that_fool_a_terminal_are_escaped);
    tcase_add_test(t, json_line_is_an_object_of_numbers_and_strings);
    tcase_add_test(t, number_that_json_has_not_becomes_a_string);
    tcase_add_loop_test(t, invalid_utf8_becomes_replacement_characters, 0,
                        (int)(sizeof broken / sizeof broken[0]));
    tcase_add_test(t, nul_byte_in_a_value_is_escaped);
    tcase_add_test(t, long_line_is_cut_and_stays_valid);
    tcase_add_test(t, format_that_is_no_pair_is_left_out);
    tcase_add_test(t, priority_stands_in_front);
    Suite *s = suite_create("logline");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
