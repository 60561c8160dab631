/* SPDX-License-Identifier: MIT */
/* links: json_out.o buf.o err.o utf8.o timestamp.o number.o */
#include "json_out.h"

#include <check.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct buf out;
static struct json_out json;

static void set_up(void)
{
    buf_init(&out);
    json_out_init(&json, &out);
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

START_TEST(members_and_elements_are_separated)
{
    json_out_open(&json, '{');
    json_out_key(&json, "a");
    json_out_open(&json, '[');
    json_out_int(&json, -1);
    json_out_bool(&json, true);
    json_out_open(&json, '{');
    json_out_close(&json, '}');
    json_out_null(&json);
    json_out_close(&json, ']');
    json_out_key(&json, "b");
    json_out_text(&json, "x");
    json_out_key(&json, "c");
    json_out_text(&json, NULL);
    json_out_close(&json, '}');
    ck_assert_str_eq(text(), "{\"a\":[-1,true,{},null],\"b\":\"x\",\"c\":null}");
}
END_TEST

START_TEST(numbers_come_back_as_they_were)
{
    static const double values[] = {0,    0.1,     1e-300,  95993.66, 2e-8,
                                    1e22, DBL_MAX, DBL_MIN, 1.0 / 3,  123456789.123456789};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        buf_clear(&out);
        json_out_init(&json, &out);
        json_out_number(&json, values[i]);
        ck_assert(strtod(text(), NULL) == values[i]);
    }
}
END_TEST

START_TEST(what_is_not_finite_is_null)
{
    json_out_open(&json, '[');
    json_out_number(&json, NAN);
    json_out_number(&json, INFINITY);
    json_out_round(&json, -INFINITY, 2);
    json_out_close(&json, ']');
    ck_assert_str_eq(text(), "[null,null,null]");
}
END_TEST

START_TEST(rounding_keeps_what_is_asked_for)
{
    json_out_open(&json, '[');
    json_out_round(&json, 1.23456, 2);
    json_out_round(&json, 250, 1);
    json_out_round(&json, DBL_MAX, 3);
    json_out_close(&json, ']');
    ck_assert_str_eq(text(), "[1.23,250,1.7976931348623157e+308]");
}
END_TEST

START_TEST(no_character_breaks_out_of_a_string)
{
    for (int c = 0; c < 256; c++) {
        char in[3] = {'a', (char)c, 'z'};
        buf_clear(&out);
        json_out_init(&json, &out);
        json_out_bytes(&json, in, sizeof in);
        ck_assert_ptr_null(memchr(out.data, '<', out.len));
        ck_assert_ptr_null(memchr(out.data, '\n', out.len));
        json_t *value =
            json_loadb((const char *)out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert_msg(value, "byte %d", c);
        const char *back = json_string_value(value);
        if (c < 0x80)
            ck_assert_mem_eq(back, in, sizeof in);
        else
            ck_assert_str_eq(back, "a\xef\xbf\xbdz");
        json_decref(value);
    }
}
END_TEST

START_TEST(text_of_any_language_stays)
{
    json_out_text(&json, "K\xc3\xb6ln \xe2\x82\xbf");
    ck_assert_str_eq(text(), "\"K\xc3\xb6ln \xe2\x82\xbf\"");
}
END_TEST

START_TEST(times_are_rfc_3339)
{
    json_out_open(&json, '[');
    json_out_time(&json, INT64_C(1763225136209097));
    json_out_time(&json, INT64_MIN);
    json_out_close(&json, ']');
    ck_assert_str_eq(text(), "[\"2025-11-15T16:45:36.209097Z\",null]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_out");
    TCase *tc = tcase_create("json_out");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, members_and_elements_are_separated);
    tcase_add_test(tc, numbers_come_back_as_they_were);
    tcase_add_test(tc, what_is_not_finite_is_null);
    tcase_add_test(tc, rounding_keeps_what_is_asked_for);
    tcase_add_test(tc, no_character_breaks_out_of_a_string);
    tcase_add_test(tc, text_of_any_language_stays);
    tcase_add_test(tc, times_are_rfc_3339);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
