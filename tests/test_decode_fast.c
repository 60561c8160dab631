/* SPDX-License-Identifier: MIT */
/* links: cases.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o reject.o buf.o err.o */
#include "cases.h"
#include "decode_fast.h"
#include "detail.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK                                                                                       \
    "{\"time\":\"2025-11-15T16:45:36.209097+00:00\",\"symbol\":\"BTC\",\"price\":95993.66,"        \
    "\"volume\":0.25,\"bid\":95973.9,\"ask\":95993.1,\"exchange\":\"pacifica\"}"
#define BBO                                                                                        \
    "{\"channel\":\"bbo\",\"data\":{\"s\":\"BTC\",\"i\":5123125041685,\"li\":10000000001,"         \
    "\"t\":1723161481272,\"b\":\"61639.40\",\"B\":\"45.377\",\"a\":\"61639.50\",\"A\":\"5.1\"}}"
#define TRADES                                                                                     \
    "{\"channel\":\"trades\",\"data\":[{\"h\":526,\"s\":\"BTC\",\"a\":\"0.195\",\"p\":\"61639."    \
    "4\","                                                                                         \
    "\"d\":\"open_short\",\"tc\":\"normal\",\"t\":1723161481294,\"li\":1000,\"it\":0}]}"
#define PRICES                                                                                     \
    "{\"channel\":\"prices\",\"data\":[{\"symbol\":\"XRP\",\"timestamp\":1749051612681,"           \
    "\"mark\":\"1.5\",\"mid\":\"1.4\",\"oracle\":\"1.3\",\"funding\":\"0.1\","                     \
    "\"next_funding\":\"0.1\",\"open_interest\":\"7\",\"volume_24h\":\"2\","                       \
    "\"yesterday_price\":\"1\"},{\"symbol\":\"BTC\",\"mid\":\"5\"}]}"
#define RELAYED                                                                                    \
    "{\"timestamp\":\"2025-11-08T12:00:00.123456\",\"symbol\":\"kBONK\",\"channel\":\"prices\","   \
    "\"data\":{\"mark\":\"0.0123\"}}"
#define RELAYED_TEXT                                                                               \
    "{\"timestamp\":\"2025-11-08T12:00:00.123456\",\"symbol\":\"kBONK\",\"channel\":\"prices\","   \
    "\"data\":\"{\\\"symbol\\\":\\\"kBONK\\\",\\\"mark\\\":\\\"0.0123\\\"}\"}"

static const char *const streams[] = {TICK,    "[" TICK "," TICK "]", BBO, TRADES, PRICES,
                                      RELAYED, RELAYED_TEXT};
#define STREAMS ((int)(sizeof streams / sizeof *streams))

static struct decoded fast;
static struct decoded parsed;
static struct decode_options options;

static void set_up(void)
{
    decoded_init(&fast);
    decoded_init(&parsed);
    options = (struct decode_options){.shape = SHAPE_AUTO,
                                      .max_message_bytes = CASES_MAX_MESSAGE_BYTES,
                                      .max_ticks = CASES_MAX_TICKS,
                                      .synthetic_spread_bps = 1,
                                      .default_exchange = "pacifica"};
}

static void tear_down(void)
{
    decoded_fini(&fast);
    decoded_fini(&parsed);
}

/* A message in words that any terminal takes. */
static const char *shown(const char *bytes, size_t len)
{
    static char text[200];
    struct detail d = detail_start(text, sizeof text);
    detail_quote(&d, bytes, len, sizeof text - 10);
    return text;
}

/* True if the scanner takes the message. Its bytes are put where their memory ends, so that
 * sanitizers see what reads on. */
static bool scans(const char *bytes, size_t len)
{
    char *payload = malloc(len ? len : 1);
    ck_assert_ptr_nonnull(payload);
    memcpy(payload, bytes, len);
    const struct message m = {
        .timestamp_ms = CASES_KAFKA_MS, .payload = payload, .payload_len = len};
    const struct decode_job job = {&options, &m, &fast};
    fast.count = 0;
    /* Size is judged before the scanner is asked. */
    bool taken = len <= options.max_message_bytes && decode_fast(&job);
    if (!taken)
        ck_assert_uint_eq(fast.count, 0);
    options.parse_all = true;
    decode_message(&options, &m, &parsed);
    options.parse_all = false;
    free(payload);
    return taken;
}

/* Bit by bit: records are zero where they hold nothing. */
static bool same_items(void)
{
    if (fast.count != parsed.count)
        return false;
    for (size_t i = 0; i < fast.count; i++) {
        const struct decode_item *a = &fast.items[i];
        const struct decode_item *b = &parsed.items[i];
        if (a->verdict != b->verdict || a->reason != b->reason || strcmp(a->detail, b->detail) ||
            memcmp(&a->record, &b->record, sizeof a->record) != 0)
            return false;
    }
    return true;
}

/* Declined, or the same as parsed; true if taken. */
static bool agrees(const char *bytes, size_t len)
{
    bool taken = scans(bytes, len);
    ck_assert_msg(!taken || same_items(), "differs from what is parsed: %s", shown(bytes, len));
    return taken;
}

/* ---- what is taken ---- */

static const char *const taken[] = {
    TICK,
    BBO,
    TRADES,
    PRICES,
    RELAYED,
    RELAYED_TEXT,
    " \t\r\n" TICK " \n",
    "[ " TICK " , " TICK " ]",
    "[]",
    "{\"price\":1,\"symbol\":\"A\"}",
    "{\"symbol\":\"A\",\"price\":\"1e-5\",\"time\":\"1763225136209\"}",
    "{\"symbol\":\"A\",\"price\":1,\"time\":null,\"timestamp\":1763225136209}",
    "{\"symbol\":\"A\",\"price\":1,\"time\":1763225136209,\"timestamp\":\"not read\"}",
    "{\"symbol\":\"A\",\"price\":1,\"volume\":-0.0,\"bid\":null,\"exchange\":\"\"}",
    "{\"symbol\":\"\xe2\x82\xac\",\"price\":0.1234567890123456789012345}",
    "{\"symbol\":\"A\",\"price\":179769313486231570000000000000000000000e270}",
    "{\"symbol\":\"A\",\"price\":1,\"channel\":\"bbo\",\"side\":[{\"x\":[true,false,null,-1e9]},{}]"
    "}",
    "{\"channel\":\"trades\",\"data\":[]}",
    "{\"channel\":\"prices\",\"data\":[{\"symbol\":\"A\",\"mid\":\"1\",\"mark\":null}]}",
    "{\"channel\":\"prices\",\"data\":{\"symbol\":\"A\",\"mark\":\"x\",\"mid\":1}}",
    "{\"channel\":\"prices\",\"data\":{\"symbol\":\"A\",\"mark\":1e999,\"mid\":0,\"oracle\":1}}",
    "{\"channel\":\"prices\",\"data\":{\"symbol\":\"A\",\"mark\":1,\"yesterday_price\":\"0\"}}",
    "{\"channel\":\"bbo\",\"data\":{\"s\":\"A\",\"a\":\"1\"}}",
    "{\"data\":{\"s\":\"BTC\",\"l\":[[{\"p\":\"1\",\"a\":\"2\",\"n\":3}],[]]},\"channel\":"
    "\"book\"}",
    "{\"channel\":\"mark_price_candle\",\"data\":{\"t\":1,\"T\":2,\"s\":\"BTC\",\"o\":\"1\"}}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"[{\\\"mark\\\":1}]\\n\"}",
};

START_TEST(streams_are_taken)
{
    ck_assert_msg(agrees(taken[_i], strlen(taken[_i])), "declined: %s",
                  shown(taken[_i], strlen(taken[_i])));
}
END_TEST

/* ---- what is declined ---- */

static const char *const declined[] = {
    "",
    " ",
    "1",
    "{}",
    "{\"symbol\":\"A\"}",
    "{\"price\":1}",
    "{\"symbol\":null,\"price\":1}",
    "{\"symbol\":\"\",\"price\":1}",
    "{\"symbol\":\"abcdefghijklmnopqrstu\",\"price\":1}",
    "{\"symbol\":\"A\",\"price\":0}",
    "{\"symbol\":\"A\",\"price\":-1}",
    "{\"symbol\":\"A\",\"price\":1e999}",
    "{\"symbol\":\"A\",\"price\":\"1e999\"}",
    "{\"symbol\":\"A\",\"price\":\" 1\"}",
    "{\"symbol\":\"A\",\"price\":\"1 \"}",
    "{\"symbol\":\"A\",\"price\":01}",
    "{\"symbol\":\"A\",\"price\":1.}",
    "{\"symbol\":\"A\",\"price\":.5}",
    "{\"symbol\":\"A\",\"price\":+1}",
    "{\"symbol\":\"A\",\"price\":1e}",
    "{\"symbol\":\"A\",\"price\":null}",
    "{\"symbol\":\"A\",\"price\":true}",
    "{\"symbol\":\"A\",\"price\":1,\"volume\":-1}",
    "{\"symbol\":\"A\",\"price\":1,\"bid\":0}",
    "{\"symbol\":\"A\",\"price\":1,\"time\":1.5}",
    "{\"symbol\":\"A\",\"price\":1,\"time\":9223372036854775807}",
    "{\"symbol\":\"A\",\"price\":1,\"time\":\"yesterday\"}",
    "{\"symbol\":\"A\",\"price\":1,\"exchange\":1}",
    "{\"symbol\":\"A\",\"price\":1}}",
    "{\"symbol\":\"A\",\"price\":1},",
    "{\"symbol\":\"A\",\"price\":1,}",
    "{\"symbol\":\"A\",\"price\":1",
    "{\"symbol\":\"A\" \"price\":1}",
    "{\"symbol\":\"A\",\"price\" 1}",
    "[" TICK ",]",
    "[" TICK "",
    "[" TICK ",1]",
    "[{\"symbol\":\"A\",\"price\":1},{\"symbol\":\"A\"}]",
    /* escapes; bytes that are no text */
    "{\"symbol\":\"\\u0041\",\"price\":1}",
    "{\"symbol\":\"A\\\"\",\"price\":1}",
    "{\"symb\\u006fl\":\"A\",\"price\":1}",
    "{\"symbol\":\"A\",\"price\":1,\"x\\ty\":1}",
    "{\"symbol\":\"\x1f\",\"price\":1}",
    "{\"symbol\":\"\xff\",\"price\":1}",
    "{\"symbol\":\"\xed\xa0\x80\",\"price\":1}",
    "{\"symbol\":\"A\",\"price\":1,\"note\":\"\xc0\x80\"}",
    "\xef\xbb\xbf" TICK,
    /* a key twice: read, not read, below */
    "{\"symbol\":\"A\",\"price\":1,\"price\":1}",
    "{\"symbol\":\"A\",\"price\":1,\"bid\":null,\"bid\":null}",
    "{\"symbol\":\"A\",\"price\":1,\"x\":1,\"y\":1,\"x\":1}",
    "{\"symbol\":\"A\",\"price\":1,\"a_key_of_more_than_16_bytes\":1,"
    "\"a_key_of_more_than_16_bytes\":1}",
    "{\"symbol\":\"A\",\"price\":1,\"x\":{\"y\":1,\"y\":1}}",
    "{\"symbol\":\"A\",\"price\":1,\"x\":[[[[[[[[[1]]]]]]]]]}",
    /* frames */
    "{\"channel\":\"news\",\"data\":[]}",
    "{\"channel\":\"bbo\"}",
    "{\"channel\":\"bbo\",\"data\":1}",
    "{\"channel\":null,\"data\":[]}",
    "{\"channel\":\"bbo\",\"data\":{\"s\":\"A\",\"t\":1}}",
    "{\"channel\":\"bbo\",\"data\":{\"s\":\"A\",\"b\":\"1\",\"a\":0}}",
    "{\"channel\":\"bbo\",\"data\":{\"s\":\"A\",\"a\":\"1\"},\"price\":1,\"symbol\":\"B\"}",
    "{\"channel\":\"prices\",\"data\":{\"mark\":1},\"symbol\":\"A\"}",
    "{\"channel\":\"prices\",\"data\":{\"symbol\":\"A\",\"mark\":1},\"timestamp\":1763225130000}",
    "{\"channel\":\"prices\",\"data\":{\"symbol\":\"A\",\"mark\":\"x\",\"mid\":0}}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":1} x\"}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":\\u0031}\"}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":1}\n\"}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":1}\x1f\"}",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":1",
    "{\"channel\":\"prices\",\"symbol\":\"A\",\"data\":\"{\\\"mark\\\":1,\\\"x\\\":\\\"\xe2\\\\\"}"
    "\"}",
    "{\"error\":\"no\"}",
};

START_TEST(the_rest_is_declined)
{
    ck_assert_msg(!scans(declined[_i], strlen(declined[_i])), "taken: %s",
                  shown(declined[_i], strlen(declined[_i])));
}
END_TEST

START_TEST(nul_bytes_are_declined)
{
    static const char in_text[] = "{\"symbol\":\"A\0\",\"price\":1}";
    static const char in_key[] = "{\"symbol\0\":\"A\",\"price\":1}";
    static const char behind[] = "{\"symbol\":\"A\",\"price\":1}\0";
    ck_assert(!scans(in_text, sizeof in_text - 1));
    ck_assert(!scans(in_key, sizeof in_key - 1));
    ck_assert(!scans(behind, sizeof behind - 1));
}
END_TEST

START_TEST(array_over_the_tick_limit_is_declined)
{
    options.max_ticks = 2;
    ck_assert(agrees("[" TICK "," TICK "]", strlen("[" TICK "," TICK "]")));
    options.max_ticks = 1;
    ck_assert(!scans("[" TICK "," TICK "]", strlen("[" TICK "," TICK "]")));
}
END_TEST

START_TEST(message_without_any_time_is_declined)
{
    const struct message m = {.timestamp_ms = MESSAGE_NO_TIME,
                              .payload = "{\"symbol\":\"A\",\"price\":1}",
                              .payload_len = 24};
    const struct decode_job job = {&options, &m, &fast};
    ck_assert(!decode_fast(&job));
}
END_TEST

START_TEST(shape_other_than_the_wanted_is_declined)
{
    static const struct {
        const char *text;
        enum decode_shape shape;
    } cases[] = {{TICK, SHAPE_CANONICAL}, {"[" TICK "]", SHAPE_CANONICAL},
                 {BBO, SHAPE_PACIFICA},   {"{\"channel\":\"book\"}", SHAPE_PACIFICA},
                 {RELAYED, SHAPE_RELAY},  {RELAYED_TEXT, SHAPE_RELAY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int shape = SHAPE_CANONICAL; shape <= SHAPE_PACIFICA; shape++) {
            options.shape = (enum decode_shape)shape;
            ck_assert_int_eq(agrees(cases[i].text, strlen(cases[i].text)),
                             options.shape == cases[i].shape);
        }
    }
}
END_TEST

/* ---- near and far ---- */

START_TEST(every_beginning_of_a_stream_is_declined)
{
    const char *text = streams[_i];
    for (size_t len = 0; len < strlen(text); len++)
        ck_assert_msg(!scans(text, len), "taken: %s", shown(text, len));
}
END_TEST

START_TEST(whatever_is_one_byte_away_agrees)
{
    static const char bytes[] = "\"\\{}[]:, \n\x1f\xc3.019-eatsp";
    char text[1024];
    size_t len = strlen(streams[_i]);
    memcpy(text, streams[_i], len);
    size_t count = 0;
    for (size_t at = 0; at < len; at++) {
        char was = text[at];
        for (size_t i = 0; i < sizeof bytes; i++) { /* NUL, too */
            text[at] = bytes[i];
            count += agrees(text, len);
        }
        text[at] = was;
    }
    ck_assert_uint_gt(count, 0);
}
END_TEST

static size_t cases_taken;
static size_t cases_wrong;

static void compare(const struct test_case *c)
{
    bool is_taken = scans(c->payload, c->payload_len);
    cases_taken += is_taken;
    if (is_taken && !same_items()) {
        cases_wrong++;
        fprintf(stderr, "%s: differs from what is parsed\n", c->path);
    }
}

static size_t count_taken(const char *directory)
{
    cases_taken = cases_wrong = 0;
    cases_run(directory, compare);
    ck_assert_uint_eq(cases_wrong, 0);
    return cases_taken;
}

START_TEST(cases_agree_and_most_are_taken)
{
    ck_assert_uint_gt(count_taken("decode/accept"), 90);
    ck_assert_uint_gt(count_taken("decode/ignore"), 5);
    ck_assert_uint_eq(count_taken("decode/mixed"), 0);
    ck_assert_uint_eq(count_taken("decode/reject"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode_fast");
    TCase *tc = tcase_create("decode_fast");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, streams_are_taken, 0, (int)(sizeof taken / sizeof *taken));
    tcase_add_loop_test(tc, the_rest_is_declined, 0, (int)(sizeof declined / sizeof *declined));
    tcase_add_test(tc, nul_bytes_are_declined);
    tcase_add_test(tc, array_over_the_tick_limit_is_declined);
    tcase_add_test(tc, message_without_any_time_is_declined);
    tcase_add_test(tc, shape_other_than_the_wanted_is_declined);
    tcase_add_loop_test(tc, every_beginning_of_a_stream_is_declined, 0, STREAMS);
    tcase_add_loop_test(tc, whatever_is_one_byte_away_agrees, 0, STREAMS);
    tcase_add_test(tc, cases_agree_and_most_are_taken);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
