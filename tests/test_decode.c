/* SPDX-License-Identifier: MIT */
/* links: cases.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o reject.o buf.o err.o */
#include "cases.h"
#include "decode.h"
#include "utf8.h"

#include <check.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct decoded decoded;
static struct decode_options options;

static void set_up(void)
{
    decoded_init(&decoded);
    options = (struct decode_options){.shape = SHAPE_AUTO,
                                      .max_message_bytes = 1000,
                                      .max_ticks = 10,
                                      .synthetic_spread_bps = 1,
                                      .default_exchange = "pacifica"};
}

static void tear_down(void)
{
    decoded_fini(&decoded);
}

/* Decodes `text` as a message that came at `time_ms`; returns its first item. */
static const struct decode_item *decode_at(const char *text, int64_t time_ms)
{
    struct message m = {.timestamp_ms = time_ms, .payload = text, .payload_len = strlen(text)};
    decode_message(&options, &m, &decoded);
    return &decoded.items[0];
}

static const struct decode_item *decode_text(const char *text)
{
    return decode_at(text, MESSAGE_NO_TIME);
}

static void assert_rejected(const struct decode_item *item, enum reject_reason reason,
                            const char *detail)
{
    ck_assert_int_eq(item->verdict, DECODE_REJECTED);
    ck_assert_str_eq(reject_code(item->reason), reject_code(reason));
    ck_assert_str_eq(item->detail, detail);
}

/* ---- cases in files ---- */

static int mismatches;

static void compare(const struct test_case *c)
{
    cases_decode(c, &decoded);
    char *got = cases_print(&decoded);
    if (strcmp(got, c->expected) != 0) {
        mismatches++;
        fprintf(stderr, "%s\n  expected %s  got      %s  detail   %s\n", c->path, c->expected, got,
                decoded.items[0].detail);
    }
    free(got);
    for (size_t i = 0; i < decoded.count; i++) {
        const struct decode_item *item = &decoded.items[i];
        bool has_detail = item->detail[0] != '\0';
        ck_assert_msg(has_detail == (item->verdict == DECODE_REJECTED), "%s: item %zu", c->path, i);
        ck_assert_uint_eq(utf8_valid_prefix(item->detail, strlen(item->detail)),
                          strlen(item->detail));
    }
}

static void run_directory(const char *directory, size_t at_least)
{
    mismatches = 0;
    ck_assert_uint_ge(cases_run(directory, compare), at_least);
    ck_assert_msg(mismatches == 0, "%d cases differ", mismatches);
}

START_TEST(accepted_files_give_their_ticks)
{
    run_directory("decode/accept", 100);
}
END_TEST

START_TEST(rejected_files_give_their_reasons)
{
    run_directory("decode/reject", 150);
}
END_TEST

START_TEST(ignored_files_give_one_ignored_item)
{
    run_directory("decode/ignore", 10);
}
END_TEST

START_TEST(bad_items_spare_their_siblings)
{
    run_directory("decode/mixed", 5);
}
END_TEST

/* Says something only where one of these locales, with a decimal comma, is installed. */
START_TEST(locale_plays_no_part)
{
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        setlocale(LC_ALL, "de_DE");
    run_directory("decode/accept", 100);
    run_directory("decode/reject", 150);
}
END_TEST

static bool reasons_seen[REJECT_COUNT];

static void note_reasons(const struct test_case *c)
{
    cases_decode(c, &decoded);
    for (size_t i = 0; i < decoded.count; i++)
        reasons_seen[decoded.items[i].reason] = true;
}

START_TEST(files_cover_every_reason_of_the_decoder)
{
    cases_run("decode/reject", note_reasons);
    for (int reason = REJECT_NONE + 1; reason < REJECT_TIME_TOO_EARLY; reason++)
        ck_assert_msg(reasons_seen[reason] || reason == REJECT_NO_TIME, "no file gives %s",
                      reject_code((enum reject_reason)reason));
}
END_TEST

/* ---- messages that are no files ---- */

START_TEST(tombstone_is_rejected)
{
    struct message m = {.timestamp_ms = 0, .payload = NULL, .payload_len = 0};
    decode_message(&options, &m, &decoded);
    ck_assert_uint_eq(decoded.count, 1);
    assert_rejected(&decoded.items[0], REJECT_BAD_JSON, "empty message");
}
END_TEST

START_TEST(message_of_the_size_limit_is_read)
{
    const char text[] = "{\"symbol\":\"BTC\",\"price\":1,\"time\":1763225136}";
    options.max_message_bytes = strlen(text);
    ck_assert_int_eq(decode_text(text)->verdict, DECODE_TICK);
    options.max_message_bytes = strlen(text) - 1;
    assert_rejected(decode_text(text), REJECT_TOO_LARGE, "44 bytes, not 43");
}
END_TEST

START_TEST(array_of_the_tick_limit_is_read)
{
    options.max_ticks = 2;
    decode_text("[{},{}]");
    ck_assert_uint_eq(decoded.count, 2);
    decode_text("[{},{},{}]");
    ck_assert_uint_eq(decoded.count, 1);
    assert_rejected(&decoded.items[0], REJECT_TOO_MANY_TICKS, "3, not 2");
}
END_TEST

START_TEST(results_do_not_leak_into_the_next_message)
{
    decode_text("[{\"symbol\":5},{},{},{},{},{},{},{},{},{}]");
    ck_assert_uint_eq(decoded.count, 10);
    const struct decode_item *item =
        decode_text("{\"symbol\":\"X\",\"price\":1,\"time\":1763225136}");
    ck_assert_uint_eq(decoded.count, 1);
    ck_assert_int_eq(item->verdict, DECODE_TICK);
    ck_assert_int_eq(item->reason, REJECT_NONE);
    ck_assert_str_eq(item->detail, "");
    ck_assert_str_eq(item->record.symbol, "X");
    ck_assert_str_eq(item->record.exchange, "pacifica");
    ck_assert(isnan(item->record.bid) && isnan(item->record.ask));
}
END_TEST

START_TEST(no_time_anywhere_is_rejected)
{
    assert_rejected(decode_text("{\"symbol\":\"BTC\",\"price\":1}"), REJECT_NO_TIME,
                    "time: missing, and so is Kafka's timestamp");
    assert_rejected(decode_text("{\"channel\":\"trades\",\"data\":[{\"s\":\"B\",\"p\":\"1\"}]}"),
                    REJECT_NO_TIME, "t: missing, and so is Kafka's timestamp");
}
END_TEST

START_TEST(kafka_time_may_be_before_1970_but_not_beyond_int64)
{
    const char text[] = "{\"symbol\":\"BTC\",\"price\":1}";
    ck_assert_int_eq(decode_at(text, -1)->record.time_us, -1000);
    assert_rejected(decode_at(text, INT64_MAX), REJECT_BAD_TIME,
                    "Kafka's timestamp: 9223372036854775807 ms");
}
END_TEST

static const char canonical[] = "{\"symbol\":\"B\",\"price\":1,\"time\":1763225136}";
static const char relay[] = "{\"timestamp\":\"2025-11-08T12:00:00\",\"channel\":\"prices\","
                            "\"data\":{\"symbol\":\"B\",\"mark\":\"1\"}}";
static const char pacifica[] =
    "{\"channel\":\"trades\",\"data\":[{\"s\":\"B\",\"p\":\"1\",\"t\":1763225136209}]}";

START_TEST(one_shape_only_rejects_the_others)
{
    static const char *const texts[] = {
        [SHAPE_CANONICAL] = canonical, [SHAPE_RELAY] = relay, [SHAPE_PACIFICA] = pacifica};
    for (int wanted = SHAPE_CANONICAL; wanted <= SHAPE_PACIFICA; wanted++) {
        options.shape = (enum decode_shape)wanted;
        for (int shape = SHAPE_CANONICAL; shape <= SHAPE_PACIFICA; shape++) {
            const struct decode_item *item = decode_text(texts[shape]);
            if (shape == wanted)
                ck_assert_int_eq(item->verdict, DECODE_TICK);
            else
                ck_assert_int_eq(item->reason, REJECT_UNKNOWN_SHAPE);
        }
    }
    assert_rejected(decode_text(relay), REJECT_UNKNOWN_SHAPE,
                    "shape: relay, and decoder = pacifica");
}
END_TEST

START_TEST(control_frames_belong_to_pacifica)
{
    options.shape = SHAPE_PACIFICA;
    ck_assert_int_eq(decode_text("{\"error\":\"x\"}")->verdict, DECODE_IGNORED);
    options.shape = SHAPE_CANONICAL;
    ck_assert_int_eq(decode_text("{\"error\":\"x\"}")->verdict, DECODE_REJECTED);
}
END_TEST

START_TEST(default_exchange_is_the_configured_one)
{
    snprintf(options.default_exchange, sizeof options.default_exchange, "%s", "elsewhere");
    ck_assert_str_eq(decode_text(canonical)->record.exchange, "elsewhere");
    ck_assert_str_eq(decode_text(pacifica)->record.exchange, "elsewhere");
}
END_TEST

static const char mid_of_100[] = "{\"channel\":\"prices\",\"data\":[{\"symbol\":\"B\","
                                 "\"timestamp\":1763225136209,\"mid\":\"100\"}]}";

START_TEST(spread_makes_the_quote_of_prices)
{
    options.synthetic_spread_bps = 50;
    const struct record *r = &decode_text(mid_of_100)->record;
    ck_assert_double_eq(r->bid, 100 * 0.995);
    ck_assert_double_eq(r->ask, 100 * 1.005);
}
END_TEST

START_TEST(spread_of_one_point_is_what_the_predecessor_multiplied_with)
{
    const struct record *r = &decode_text(mid_of_100)->record;
    ck_assert_double_eq(r->bid, 100 * 0.9999);
    ck_assert_double_eq(r->ask, 100 * 1.0001);
}
END_TEST

START_TEST(spread_that_makes_no_quote_gives_none)
{
    static const double spreads[] = {0, -1, 10000, INFINITY, NAN};
    for (size_t i = 0; i < sizeof spreads / sizeof *spreads; i++) {
        options.synthetic_spread_bps = spreads[i];
        const struct decode_item *item = decode_text(mid_of_100);
        ck_assert_int_eq(item->verdict, DECODE_TICK);
        ck_assert_msg(isnan(item->record.bid) && isnan(item->record.ask), "%g", spreads[i]);
    }
}
END_TEST

/* ---- details ---- */

static const struct {
    const char *text;
    enum reject_reason reason;
    const char *detail;
} details[] = {
    {"{\"symbol\":\"B\",\"price\":\"abc\"}", REJECT_BAD_PRICE, "price: \"abc\""},
    {"{\"symbol\":\"B\",\"price\":-1.5}", REJECT_BAD_PRICE, "price: -1.5"},
    {"{\"symbol\":\"B\",\"price\":0}", REJECT_BAD_PRICE, "price: 0"},
    {"{\"symbol\":\"B\",\"price\":[]}", REJECT_BAD_PRICE, "price: an array"},
    {"{\"symbol\":\"B\",\"price\":true}", REJECT_BAD_PRICE, "price: true"},
    {"{\"symbol\":\"B\",\"price\":1e999}", REJECT_BAD_PRICE,
     "price: a number beyond the range of a double"},
    {"{\"symbol\":\"B\",\"price\":null}", REJECT_NO_PRICE, "price: missing"},
    {"{\"symbol\":\"B\",\"price\":1,\"volume\":\"\"}", REJECT_BAD_VOLUME, "volume: \"\""},
    {"{\"symbol\":\"B\",\"price\":1,\"bid\":{}}", REJECT_BAD_QUOTE, "bid: an object"},
    {"{\"symbol\":\"B\",\"price\":1,\"time\":\"\\n\\u001b\\\"\"}", REJECT_BAD_TIME,
     "time: \"\\n\\u001b\\\"\""},
    {"{\"symbol\":\"ABCDEFGHIJKLMNOPQRSTU\",\"price\":1}", REJECT_TEXT_TOO_LONG,
     "symbol: 21 bytes, not 20: \"ABCDEFGHIJKLMNOPQRSTU\""},
    {"{\"symbol\":\"a\\u0000b\",\"price\":1}", REJECT_NUL_BYTE, "symbol: \"a\\u0000b\""},
    {"{\"symbol\":\"\",\"price\":1}", REJECT_NO_SYMBOL, "symbol: empty"},
    {"{\"price\":1}", REJECT_NO_SYMBOL, "symbol: missing"},
    {"{\"channel\":\"bbo\",\"data\":{\"s\":\"B\"}}", REJECT_NO_PRICE, "b and a: missing"},
    {"{\"channel\":\"bbo\"}", REJECT_UNKNOWN_SHAPE, "data: nothing"},
    {"{\"channel\":\"x\"}", REJECT_UNKNOWN_SHAPE, "channel: \"x\""},
    {"{\"channel\":\"prices\",\"data\":{\"symbol\":\"B\"}}", REJECT_NO_PRICE,
     "mark, mid or oracle: missing"},
    {"{\"channel\":\"prices\",\"data\":{\"symbol\":\"B\",\"mid\":\"-1\"}}", REJECT_BAD_PRICE,
     "mid: \"-1\""},
    {"{\"symbol\":\"B\",\"channel\":\"bbo\",\"data\":\"{]\"}", REJECT_BAD_JSON,
     "data: string or '}' expected near ']', at byte 2"},
    {"{}", REJECT_UNKNOWN_SHAPE, "neither tick nor frame: an object"},
    {"[7]", REJECT_UNKNOWN_SHAPE, "not an object: 7"},
    {"{\"a\":1,\"a\":2}", REJECT_BAD_JSON, "duplicate object key near '\"a\"', at byte 10"},
    {"{\"a\":1e999,\"a\":2}", REJECT_BAD_JSON, "duplicate object key near '\"a\"'"},
    {"{\"a\":\"\xff\"}", REJECT_BAD_UTF8, "byte 0xff at byte 6"},
};

START_TEST(detail_names_the_field_and_what_was_seen)
{
    assert_rejected(decode_at(details[_i].text, 0), details[_i].reason, details[_i].detail);
}
END_TEST

START_TEST(detail_is_cut_at_a_character)
{
    char text[500] = "{\"symbol\":\"B\",\"price\":\"";
    for (int i = 0; i < 100; i++)
        strcat(text, "\xe2\x82\xac");
    strcat(text, "\"}");
    const char *detail = decode_at(text, 0)->detail;
    ck_assert_uint_lt(strlen(detail), DECODE_DETAIL_MAX);
    ck_assert_uint_eq(utf8_valid_prefix(detail, strlen(detail)), strlen(detail));
    ck_assert_str_eq(detail + strlen(detail) - 7, "\xe2\x82\xac\"...");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decode");
    TCase *tc = tcase_create("decode");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, accepted_files_give_their_ticks);
    tcase_add_test(tc, rejected_files_give_their_reasons);
    tcase_add_test(tc, ignored_files_give_one_ignored_item);
    tcase_add_test(tc, bad_items_spare_their_siblings);
    tcase_add_test(tc, locale_plays_no_part);
    tcase_add_test(tc, files_cover_every_reason_of_the_decoder);
    tcase_add_test(tc, tombstone_is_rejected);
    tcase_add_test(tc, message_of_the_size_limit_is_read);
    tcase_add_test(tc, array_of_the_tick_limit_is_read);
    tcase_add_test(tc, results_do_not_leak_into_the_next_message);
    tcase_add_test(tc, no_time_anywhere_is_rejected);
    tcase_add_test(tc, kafka_time_may_be_before_1970_but_not_beyond_int64);
    tcase_add_test(tc, one_shape_only_rejects_the_others);
    tcase_add_test(tc, control_frames_belong_to_pacifica);
    tcase_add_test(tc, default_exchange_is_the_configured_one);
    tcase_add_test(tc, spread_makes_the_quote_of_prices);
    tcase_add_test(tc, spread_of_one_point_is_what_the_predecessor_multiplied_with);
    tcase_add_test(tc, spread_that_makes_no_quote_gives_none);
    tcase_add_loop_test(tc, detail_names_the_field_and_what_was_seen, 0,
                        (int)(sizeof details / sizeof *details));
    tcase_add_test(tc, detail_is_cut_at_a_character);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
