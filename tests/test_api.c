/* SPDX-License-Identifier: MIT */
/* links: api.o json_out.o utf8.o timestamp.o number.o history.o ready.o dbstats.o hist.o reject.o schema.o schema_sql.o fkcheck.o err.o buf.o fake_vitals.o quotes.o pairs.o config.o config_print.o confcred.o confenv.o dburl.o http_address.o inifile.o options.o optval.o property.o slurp.o */
#include "api.h"

#include "fake_vitals.h"
#include <check.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buf out;
static json_t *document;

static void set_up(void)
{
    buf_init(&out);
    fake_vitals_init();
}

static void tear_down(void)
{
    json_decref(document);
    fake_vitals_fini();
    buf_fini(&out);
}

static json_t *parse(const void *text, size_t len)
{
    json_error_t error;
    json_t *value = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    ck_assert_msg(value, "%s", error.text);
    json_decref(document);
    document = value;
    return value;
}

static json_t *get(void (*render)(struct buf *, const struct vitals *))
{
    buf_clear(&out);
    render(&out, &vitals);
    return parse(out.data, out.len);
}

static json_t *member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    ck_assert_msg(value, "%s", name);
    return value;
}

static void put(uint32_t slot, double price)
{
    struct record r = {.time_us = INT64_C(1763225135000000),
                       .price = price,
                       .bid = price - 1,
                       .ask = NAN,
                       .day_ago = price / 2};
    quotes_put(fake_quotes, slot, &r);
}

START_TEST(pairs_are_the_active_ones)
{
    put(0, 100);
    json_t *pairs = get(api_pairs);
    ck_assert_int_eq(json_integer_value(member(pairs, "count")), 2);
    json_t *btc = json_array_get(member(pairs, "pairs"), 0);
    ck_assert_str_eq(json_string_value(member(btc, "symbol")), "BTC");
    ck_assert_str_eq(json_string_value(member(btc, "display_name")), "Bitcoin");
    ck_assert_double_eq(json_number_value(member(btc, "price")), 100);
    ck_assert_double_eq(json_number_value(member(btc, "age_s")), 1);
    ck_assert_double_eq(json_number_value(member(btc, "change_24h_pct")), 100);
    json_t *bonk = json_array_get(member(pairs, "pairs"), 1);
    ck_assert(json_is_null(member(bonk, "price")) && json_is_null(member(bonk, "age_s")));
}
END_TEST

START_TEST(sparkline_has_six_digits)
{
    put(0, 95993.66123);
    put(2, 0.0000123456789);
    for (unsigned i = 0; i < quotes_spark_s; i++)
        quotes_second(fake_quotes);
    json_t *pairs = member(get(api_pairs), "pairs");
    json_t *spark = member(json_array_get(pairs, 0), "spark");
    ck_assert_uint_eq(json_array_size(spark), 1);
    ck_assert_double_eq_tol(json_number_value(json_array_get(spark, 0)), 95993.7, 1e-6);
    spark = member(json_array_get(pairs, 1), "spark");
    ck_assert_double_eq_tol(json_number_value(json_array_get(spark, 0)), 0.0000123457, 1e-9);
}
END_TEST

START_TEST(sparkline_shows_what_can_be_drawn)
{
    put(0, 0); /* tickd takes no such prices, but the table may have them */
    put(2, INFINITY);
    for (unsigned i = 0; i < quotes_spark_s; i++)
        quotes_second(fake_quotes);
    json_t *pairs = member(get(api_pairs), "pairs");
    json_t *spark = member(json_array_get(pairs, 0), "spark");
    ck_assert_uint_eq(json_array_size(spark), 1);
    ck_assert_double_eq(json_number_value(json_array_get(spark, 0)), 0);
    ck_assert_uint_eq(json_array_size(member(json_array_get(pairs, 1), "spark")), 0);
}
END_TEST

START_TEST(latest_prices_are_those_that_are_known)
{
    put(1, 5); /* not active */
    put(2, 100);
    json_t *prices = get(api_latest_prices);
    ck_assert_int_eq(json_integer_value(member(prices, "count")), 1);
    json_t *price = json_array_get(member(prices, "prices"), 0);
    static const char *const names[] = {"symbol",         "display_name", "price", "time",
                                        "change_24h_pct", "bid",          "ask",   "category"};
    ck_assert_uint_eq(json_object_size(price), sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        member(price, names[i]);
    ck_assert_str_eq(json_string_value(member(price, "time")), "2025-11-15T16:45:35.000000Z");
    ck_assert(json_is_null(member(price, "ask")));
}
END_TEST

START_TEST(unready_names_conditions_and_objects)
{
    fake_schema.count = 1;
    snprintf(fake_schema.findings[0].object, sizeof fake_schema.findings[0].object, "pairs");
    snprintf(fake_schema.findings[0].text, sizeof fake_schema.findings[0].text, "missing");
    vitals.facts.kafka_up = false;
    vitals.facts.kafka_waits_for = "brokers: Connection refused";
    json_t *ready = get(api_ready);
    ck_assert(json_is_false(member(ready, "ready")));
    json_t *missing = member(ready, "missing");
    ck_assert_uint_eq(json_array_size(missing), 2);
    json_t *schema = json_array_get(missing, 0), *broker = json_array_get(missing, 1);
    ck_assert_str_eq(json_string_value(member(schema, "name")), "schema");
    json_t *object = json_array_get(member(schema, "objects"), 0);
    ck_assert_str_eq(json_string_value(member(object, "object")), "pairs");
    ck_assert_str_eq(json_string_value(member(object, "severity")), "fatal");
    ck_assert_str_eq(json_string_value(member(broker, "waits_for")), "brokers: Connection refused");
}
END_TEST

START_TEST(status_shows_rejects_with_any_bytes)
{
    struct vital_example *x = &fake_examples[REJECT_BAD_UTF8];
    *x = (struct vital_example){.time_us = 1,
                                .partition = 2,
                                .offset = 7,
                                .payload_len = 4,
                                .payload_bytes = 400,
                                .payload = "\xff<\0\n"};
    vitals.facts.stats.rejects[REJECT_BAD_UTF8] = 9;
    json_t *rejects = member(get(api_status), "rejects");
    ck_assert_uint_eq(json_array_size(rejects), 1);
    json_t *last = member(json_array_get(rejects, 0), "last");
    ck_assert_int_eq(json_integer_value(member(last, "offset")), 7);
    ck_assert_int_eq(json_integer_value(member(last, "payload_bytes")), 400);
    ck_assert_ptr_null(memchr(out.data, '<', out.len));
}
END_TEST

START_TEST(history_has_columns_of_one_length)
{
    for (int i = 0; i < 200; i++)
        history_add(&fake_history,
                    &(struct history_sample){.lag = i == 199 ? -1 : i, .latency_p50_s = NAN});
    json_t *history = member(get(api_status), "history");
    const char *name;
    json_t *column;
    json_object_foreach(history, name, column)
    {
        if (strcmp(name, "step_s") != 0)
            ck_assert_uint_eq(json_array_size(column), HISTORY_SAMPLES);
    }
    json_t *lag = member(history, "lag");
    ck_assert_int_eq(json_integer_value(json_array_get(lag, 0)), 20);
    ck_assert(json_is_null(json_array_get(lag, HISTORY_SAMPLES - 1)));
}
END_TEST

/* The document of the only event in the buffer, which must have this name. */
static json_t *event(const char *name)
{
    char head[64];
    int len = snprintf(head, sizeof head, "event: %s\ndata: ", name);
    ck_assert_mem_eq(out.data, head, (size_t)len);
    ck_assert_mem_eq(out.data + out.len - 2, "\n\n", 2);
    size_t size = out.len - (size_t)len - 2;
    ck_assert_ptr_null(memchr(out.data + len, '\n', size));
    return parse(out.data + len, size);
}

START_TEST(event_has_what_is_new)
{
    put(0, 100);
    uint64_t position = quotes_change(fake_quotes);
    put(2, 3);
    api_event_prices(&out, &vitals, position);
    json_t *prices = event("prices");
    ck_assert(json_is_false(member(prices, "full")));
    ck_assert_uint_eq(json_array_size(member(prices, "prices")), 1);
    buf_clear(&out);
    api_event_prices(&out, &vitals, quotes_change(fake_quotes));
    ck_assert_uint_eq(out.len, 0);
    api_event_prices(&out, &vitals, 0);
    ck_assert(json_is_true(member(event("prices"), "full")));
}
END_TEST

START_TEST(state_event_has_rates_of_all_pairs)
{
    api_event_state(&out, &vitals);
    json_t *state = event("state");
    ck_assert_uint_eq(json_object_size(member(state, "ticks_per_s")), 2);
    ck_assert_str_eq(json_string_value(member(state, "state")), "flowing");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *tc = tcase_create("api");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, pairs_are_the_active_ones);
    tcase_add_test(tc, sparkline_has_six_digits);
    tcase_add_test(tc, sparkline_shows_what_can_be_drawn);
    tcase_add_test(tc, latest_prices_are_those_that_are_known);
    tcase_add_test(tc, unready_names_conditions_and_objects);
    tcase_add_test(tc, status_shows_rejects_with_any_bytes);
    tcase_add_test(tc, history_has_columns_of_one_length);
    tcase_add_test(tc, event_has_what_is_new);
    tcase_add_test(tc, state_event_has_rates_of_all_pairs);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
