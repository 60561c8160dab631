/* SPDX-License-Identifier: MIT */
/* links: scan.o rewrite.o text.o buf.o err.o number.o timestamp.o */
#include "scan.h"

#include "rewrite.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A day, two seconds and three milliseconds. */
#define SHIFT_MS INT64_C(86402003)

static struct scan scan;
static struct buf out;
static struct symbol_map map;

static void set_up(void)
{
    scan_init(&scan);
    buf_init(&out);
    map = (struct symbol_map){NULL, 0};
}

static void tear_down(void)
{
    scan_fini(&scan);
    buf_fini(&out);
    symbol_map_fini(&map);
}

/* The message after a shift, as a string. */
static const char *moved(const char *text, int64_t shift_ms)
{
    struct rewrite r = {shift_ms, &map};
    scan_message(&scan, text, strlen(text));
    buf_clear(&out);
    rewrite_message(&r, &scan, text, strlen(text), &out);
    buf_put_u8(&out, '\0');
    return (const char *)out.data;
}

static const char *key_of(const char *text)
{
    static char key[64];
    scan_message(&scan, text, strlen(text));
    const struct token *t = scan_symbol(&scan);
    if (!t)
        return NULL;
    ck_assert_uint_lt(t->len, sizeof key);
    memcpy(key, text + t->at, t->len);
    key[t->len] = '\0';
    return key;
}

/* Messages of every shape, and what a shift by SHIFT_MS makes of them. */
static const struct {
    const char *before;
    const char *after;
} shifts[] = {
    /* Canonical: all notations of a time. */
    {"{\"time\":\"2025-11-15T16:45:36.209097+00:00\",\"symbol\":\"BTC\",\"price\":95993.660}",
     "{\"time\":\"2025-11-16T16:45:38.212097+00:00\",\"symbol\":\"BTC\",\"price\":95993.660}"},
    {"{\"timestamp\":\"2025-11-15t16:45:36.2090971234z\",\"symbol\":\"BTC\",\"price\":1e-05}",
     "{\"timestamp\":\"2025-11-16t16:45:38.2120971234z\",\"symbol\":\"BTC\",\"price\":1e-05}"},
    {"{\"time\":\"2025-12-31 23:59:59\",\"symbol\":\"BTC\",\"price\":1}",
     "{\"time\":\"2026-01-02 00:00:01\",\"symbol\":\"BTC\",\"price\":1}"},
    {"{\"time\":\"2025-11-15T16:45:36.9-03:30\",\"symbol\":\"BTC\",\"price\":1}",
     "{\"time\":\"2025-11-16T16:45:38.9-03:30\",\"symbol\":\"BTC\",\"price\":1}"},
    {"{\"time\":1763225136,\"symbol\":\"BTC\",\"price\":1}",
     "{\"time\":1763311538,\"symbol\":\"BTC\",\"price\":1}"},
    {"{\"time\":1763225136209,\"symbol\":\"BTC\",\"price\":1}",
     "{\"time\":1763311538212,\"symbol\":\"BTC\",\"price\":1}"},
    {"{\"time\":\"1763225136209097\",\"symbol\":\"BTC\",\"price\":1}",
     "{\"time\":\"1763311538212097\",\"symbol\":\"BTC\",\"price\":1}"},
    {"{ \"price\" : 1 , \"time\" : 1763225136209097001 , \"symbol\" : \"BTC\" }",
     "{ \"price\" : 1 , \"time\" : 1763311538212097001 , \"symbol\" : \"BTC\" }"},
    {"[{\"time\":1763225136209,\"symbol\":\"A\",\"price\":1},{\"symbol\":\"B\",\"time\":"
     "1763225136210,"
     "\"price\":2}]",
     "[{\"time\":1763311538212,\"symbol\":\"A\",\"price\":1},{\"symbol\":\"B\",\"time\":"
     "1763311538213,"
     "\"price\":2}]"},
    /* A canonical tick may have any other key. */
    {"{\"channel\":\"x\",\"time\":1763225136209,\"symbol\":\"BTC\",\"price\":1,\"t\":1763225136209,"
     "\"data\":{\"t\":1763225136209}}",
     "{\"channel\":\"x\",\"time\":1763311538212,\"symbol\":\"BTC\",\"price\":1,\"t\":1763225136209,"
     "\"data\":{\"t\":1763225136209}}"},
    /* Relay: its own clock and the item's time, also when the item is in a string. */
    {"{\"timestamp\": \"2025-11-08T12:00:00.123456\", \"symbol\": \"kBONK\", \"channel\": "
     "\"prices\", \"data\": {\"symbol\":\"kBONK\",\"timestamp\":1763225136209,\"mark\":\"1.10\"}}",
     "{\"timestamp\": \"2025-11-09T12:00:02.126456\", \"symbol\": \"kBONK\", \"channel\": "
     "\"prices\", \"data\": {\"symbol\":\"kBONK\",\"timestamp\":1763311538212,\"mark\":\"1.10\"}}"},
    {"{\"timestamp\":\"2025-11-08T12:00:00.1\",\"symbol\":\"S\",\"channel\":\"trades\",\"data\":"
     "\"{\\\"s\\\":\\\"S\\\",\\\"p\\\":\\\"1.0\\\",\\\"t\\\":1763225136209}\"}",
     "{\"timestamp\":\"2025-11-09T12:00:02.1\",\"symbol\":\"S\",\"channel\":\"trades\",\"data\":"
     "\"{\\\"s\\\":\\\"S\\\",\\\"p\\\":\\\"1.0\\\",\\\"t\\\":1763311538212}\"}"},
    {"{\"channel\":\"bbo\",\"data\":\"{\\u0022t\\u0022:1763225136209}\"}",
     "{\"channel\":\"bbo\",\"data\":\"{\\u0022t\\u0022:1763311538212}\"}"},
    /* Pacifica; the channel may come last. `t` is a time, ids and rates are not. */
    {"{\"data\":[{\"h\":1763225136209,\"s\":\"BTC\",\"p\":\"1\",\"a\":\"2\",\"t\":1763225136209,"
     "\"li\":1763225136209},{\"t\":1763225136210}],\"channel\":\"trades\"}",
     "{\"data\":[{\"h\":1763225136209,\"s\":\"BTC\",\"p\":\"1\",\"a\":\"2\",\"t\":1763311538212,"
     "\"li\":1763225136209},{\"t\":1763311538213}],\"channel\":\"trades\"}"},
    {"{\"channel\":\"bbo\",\"data\":{\"s\":\"BTC\",\"T\":1763225136209,\"t\":1763225136209}}",
     "{\"channel\":\"bbo\",\"data\":{\"s\":\"BTC\",\"T\":1763225136209,\"t\":1763311538212}}"},
    {"{\"channel\":\"prices\",\"data\":[{\"timestamp\":1763225136209,\"t\":1763225136209}]}",
     "{\"channel\":\"prices\",\"data\":[{\"timestamp\":1763311538212,\"t\":1763225136209}]}"},
    {"{\"channel\":\"book\",\"data\":{\"t\":1763225136209,\"l\":[[{\"p\":\"1\",\"t\":5}],[]]}}",
     "{\"channel\":\"book\",\"data\":{\"t\":1763311538212,\"l\":[[{\"p\":\"1\",\"t\":5}],[]]}}"},
    {"{\"channel\":\"mark_price_candle\",\"data\":{\"t\":1763225100000,\"T\":1763225159999}}",
     "{\"channel\":\"mark_price_candle\",\"data\":{\"t\":1763311502003,\"T\":1763311562002}}"},
    {"{\"code\":400,\"err\":\"x\",\"t\":1763225136209}",
     "{\"code\":400,\"err\":\"x\",\"t\":1763311538212}"},
};

START_TEST(shift_moves_event_times_and_nothing_else)
{
    ck_assert_str_eq(moved(shifts[_i].before, SHIFT_MS), shifts[_i].after);
}
END_TEST

/* Without a meaning known here, nothing moves. */
static const char *const unmoved[] = {
    "",
    "42",
    "\"2025-11-15T16:45:36Z\"",
    "[]",
    "[1763225136209]",
    "{}",
    "{\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":null,\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":\"yesterday\",\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":1.763225136209e12,\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":\"\",\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":{\"time\":1763225136209},\"symbol\":\"BTC\",\"price\":1}",
    "{\"note\":{\"time\":1763225136209},\"symbol\":\"BTC\",\"price\":1}",
    "{\"note\":\"\\\"time\\\":1763225136209\",\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":99999999999999999999999,\"symbol\":\"BTC\",\"price\":1}",
    "{\"time\":\"0000-01-01T00:00:00Z\",\"symbol\":\"\\\\\",\"price\":1,\"t\":5}x",
    "{\"stream\":\"btcusdt@trade\",\"data\":{\"E\":1723161481294,\"T\":1723161481294,\"t\":526}}",
    "{\"channel\":\"candles_5m\",\"data\":{\"s\":\"BTC\",\"t\":1763225136209}}",
    "{\"channel\":\"trades\",\"data\":\"{\\\"data\\\":\\\"{}\\\"\"}",
    "{\"channel\":\"trades\",\"data\":[{\"t\":\"x\"",
};

START_TEST(other_texts_stay_as_they_are)
{
    if (strncmp(unmoved[_i], "{\"time\":\"0000", 13) == 0)
        ck_assert_str_eq(moved(unmoved[_i], -SHIFT_MS), unmoved[_i]);
    else
        ck_assert_str_eq(moved(unmoved[_i], SHIFT_MS), unmoved[_i]);
}
END_TEST

START_TEST(coarse_times_move_alike_by_any_shift)
{
    /* 1 ms short of a second: times in seconds are rounded down, all by the same amount. */
    ck_assert_str_eq(moved("{\"time\":1763225136,\"symbol\":\"A\",\"price\":1}", 999),
                     "{\"time\":1763225136,\"symbol\":\"A\",\"price\":1}");
    ck_assert_str_eq(moved("{\"time\":1763225136,\"symbol\":\"A\",\"price\":1}", -1),
                     "{\"time\":1763225135,\"symbol\":\"A\",\"price\":1}");
    ck_assert_str_eq(
        moved("{\"time\":\"2025-01-01T00:00:00.5Z\",\"symbol\":\"A\",\"price\":1}", -1),
        "{\"time\":\"2025-01-01T00:00:00.4Z\",\"symbol\":\"A\",\"price\":1}");
}
END_TEST

/* A message, and the symbol by which it is keyed; NULL = none. */
static const struct {
    const char *text;
    const char *key;
} keys[] = {
    {"{\"symbol\":\"kBONK\",\"price\":1}", "kBONK"},
    {"{\"price\":1,\"symbol\":\"2Z\"}", "2Z"},
    {"{\"channel\":\"trades\",\"data\":[{\"s\":\"SOL\"},{\"s\":\"BTC\"}]}", "SOL"},
    {"{\"channel\":\"prices\",\"data\":[{\"symbol\":\"SOL\"}]}", "SOL"},
    {"{\"channel\":\"bbo\",\"data\":\"{\\\"s\\\":\\\"SOL\\\"}\"}", "SOL"},
    {"{\"stream\":\"ethusdt@bookTicker\",\"data\":{\"e\":\"bookTicker\",\"s\":\"ETHUSDT\"}}",
     "ETHUSDT"},
    {"[{\"symbol\":\"A\",\"price\":1},{\"symbol\":\"B\",\"price\":1}]", "A"},
    {"{\"symbol\":\"BTC\",\"price\":", "BTC"},
    {"{\"symbol\":7,\"price\":1}", NULL},
    {"{\"symbol\":\"\",\"price\":1}", NULL},
    {"{\"channel\":\"pong\"}", NULL},
    {"tick BTC 5", NULL},
};

START_TEST(message_is_keyed_by_its_first_symbol)
{
    const char *key = key_of(keys[_i].text);
    if (keys[_i].key)
        ck_assert_pstr_eq(key, keys[_i].key);
    else
        ck_assert_ptr_null(key);
}
END_TEST

START_TEST(map_renames_symbols_everywhere)
{
    struct err e;
    const char *texts[] = {"BTCUSDT=BTC,ETHUSDT=ETH", "A=kBONK"};
    ck_assert(symbol_map_parse(&map, &(struct arg_texts){texts, 2}, &e));
    ck_assert_str_eq(
        moved("{\"stream\":\"btcusdt@trade\",\"data\":{\"s\":\"BTCUSDT\",\"p\":\"61639.40\"}}", 0),
        "{\"stream\":\"btcusdt@trade\",\"data\":{\"s\":\"BTC\",\"p\":\"61639.40\"}}");
    ck_assert_str_eq(
        moved("{\"symbol\":\"A\",\"channel\":\"bbo\",\"data\":\"{\\\"s\\\":\\\"A\\\"}\"}", 0),
        "{\"symbol\":\"kBONK\",\"channel\":\"bbo\",\"data\":\"{\\\"s\\\":\\\"kBONK\\\"}\"}");
    ck_assert_str_eq(
        moved("[{\"symbol\":\"ETHUSDT\",\"price\":1},{\"symbol\":\"XRP\",\"price\":1}]", 0),
        "[{\"symbol\":\"ETH\",\"price\":1},{\"symbol\":\"XRP\",\"price\":1}]");
}
END_TEST

static const char *const bad_maps[] = {"", "BTC", "=BTC", "BTC=", "A=B,", "A=\"", "A=B C", "A=B\\"};

START_TEST(map_that_names_nothing_is_refused)
{
    struct err e;
    const char *texts[] = {bad_maps[_i]};
    ck_assert(!symbol_map_parse(&map, &(struct arg_texts){texts, 1}, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "FROM=TO"));
}
END_TEST

START_TEST(first_event_time_is_found)
{
    int64_t time_us = 0;
    const char *text = "{\"channel\":\"trades\",\"data\":[{\"s\":\"BTC\",\"t\":1763225136209}]}";
    scan_message(&scan, text, strlen(text));
    ck_assert(scan_time(&scan, text, &time_us));
    ck_assert_int_eq(time_us, 1763225136209000);
    text = "{\"channel\":\"pong\"}";
    scan_message(&scan, text, strlen(text));
    ck_assert(!scan_time(&scan, text, &time_us));
}
END_TEST

START_TEST(no_cut_message_is_read_beyond_its_end)
{
    const char *text = shifts[_i].before;
    for (size_t len = 0; len <= strlen(text); len++) {
        /* Its own memory, for the sanitizer to see. */
        char *cut = malloc(len + 1);
        memcpy(cut, text, len);
        char *exact = realloc(cut, len ? len : 1);
        struct rewrite r = {SHIFT_MS, &map};
        scan_message(&scan, exact, len);
        buf_clear(&out);
        rewrite_message(&r, &scan, exact, len, &out);
        free(exact);
    }
}
END_TEST

int main(void)
{
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
    Suite *suite = suite_create("replay_scan");
    TCase *t = tcase_create("scan");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, shift_moves_event_times_and_nothing_else, 0, COUNT(shifts));
    tcase_add_loop_test(t, other_texts_stay_as_they_are, 0, COUNT(unmoved));
    tcase_add_test(t, coarse_times_move_alike_by_any_shift);
    tcase_add_loop_test(t, message_is_keyed_by_its_first_symbol, 0, COUNT(keys));
    tcase_add_test(t, map_renames_symbols_everywhere);
    tcase_add_loop_test(t, map_that_names_nothing_is_refused, 0, COUNT(bad_maps));
    tcase_add_test(t, first_event_time_is_found);
    tcase_add_loop_test(t, no_cut_message_is_read_beyond_its_end, 0, COUNT(shifts));
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
