/* SPDX-License-Identifier: MIT */
/* links: monitor.o dbstats.o lastprices.o procfs.o hist.o history.o quotes.o pairs.o err.o */
#include "monitor.h"

#include "log.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct monitor *m;
static struct pairs *pairs;
static struct config config = {.ready_max_lag = 10};
static struct vital_facts facts;
static struct vitals v;
static PGresult *result;

uint64_t log_dropped(void)
{
    return 4;
}

static struct instant at(double seconds)
{
    return (struct instant){(int64_t)(seconds * 1e6), INT64_C(1763225136000000)};
}

static void set_up(void)
{
    pairs = pairs_new();
    memset(&facts, 0, sizeof facts);
    m = monitor_new(&config, pairs, at(0));
    result = NULL;
}

static void tear_down(void)
{
    PQclear(result);
    monitor_free(m);
    pairs_free(pairs);
}

/* A row of text columns, NULL where a value is. */
static void make_row(int columns, const char *const *values)
{
    PGresAttDesc descriptions[16] = {0};
    static char name[] = "column";
    for (int i = 0; i < columns; i++)
        descriptions[i].name = name;
    PQclear(result);
    result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PQsetResultAttrs(result, columns, descriptions);
    for (int i = 0; i < columns; i++)
        PQsetvalue(result, 0, i, (char *)(uintptr_t)values[i],
                   values[i] ? (int)strlen(values[i]) : -1);
}

START_TEST(rates_are_of_the_last_second)
{
    monitor_second(m, &facts, at(1));
    facts.stats.messages = 250;
    facts.stats.stored = 500;
    monitor_second(m, &facts, at(3));
    monitor_vitals(m, &facts, at(3), &v);
    ck_assert_double_eq(v.messages_per_s, 125);
    ck_assert_double_eq(v.stored_per_s, 250);
    ck_assert_uint_eq(v.log_dropped, 4);
}
END_TEST

START_TEST(history_takes_a_sample_every_five_seconds)
{
    for (int second = 1; second <= 16; second++) {
        facts.stats.messages += 10;
        monitor_second(m, &facts, at(second - 0.001));
    }
    monitor_vitals(m, &facts, at(16), &v);
    ck_assert_uint_eq(v.history->count, 3);
    ck_assert_double_eq_tol(history_get(v.history, 1)->messages, 10, 0.1);
    ck_assert(isnan(history_get(v.history, 2)->latency_p50_s));
    ck_assert_int_eq(history_get(v.history, 2)->lag, -1);
}
END_TEST

START_TEST(commit_is_counted_row_by_row)
{
    struct batch_row rows[2] = {{.event_us = 900}, {.event_us = 2000}};
    struct batch b = {.row = rows, .row_count = 2, .rows = {.len = 100}, .dead = {.len = 20}};
    monitor_commit(m, &b, 70, 1000);
    for (int second = 1; second <= 5; second++)
        monitor_second(m, &facts, at(second));
    monitor_commit(m, &b, 70, 1000);
    monitor_vitals(m, &facts, at(5), &v);
    ck_assert_uint_eq(v.hists[HIST_BATCH_ROWS].sum, 4);
    ck_assert_uint_eq(v.hists[HIST_BATCH_BYTES].sum, 240);
    ck_assert_uint_eq(v.hists[HIST_COMMIT].sum, 140);
    ck_assert_uint_eq(v.hists[HIST_EVENT_TO_COMMIT].count, 4);
    ck_assert_uint_eq(v.hists[HIST_EVENT_TO_COMMIT].sum, 200); /* an event of the future is now */
    ck_assert_double_eq_tol(history_get(v.history, 0)->latency_p99_s, 100e-6, 1e-6);
}
END_TEST

START_TEST(backpressure_adds_up)
{
    monitor_backpressure(m, true, 1000000);
    monitor_backpressure(m, true, 2000000);
    monitor_vitals(m, &facts, at(3), &v);
    ck_assert(v.backpressure);
    ck_assert_double_eq(v.backpressure_s, 2);
    monitor_backpressure(m, false, 4000000);
    monitor_backpressure(m, false, 9000000);
    monitor_backpressure(m, true, 10000000);
    monitor_vitals(m, &facts, at(10.5), &v);
    ck_assert_double_eq(v.backpressure_s, 3.5);
}
END_TEST

START_TEST(lag_is_the_sum_if_all_are_known)
{
    struct vital_partition partitions[] = {{.stored = 5, .end = 9}, {.stored = 1, .end = 4}};
    facts.partitions = partitions;
    facts.partition_count = 2;
    monitor_vitals(m, &facts, at(1), &v);
    ck_assert_int_eq(v.lag, 7);
    partitions[0].end = OFFSETS_UNKNOWN;
    monitor_vitals(m, &facts, at(1), &v);
    ck_assert_int_eq(v.lag, -1);
}
END_TEST

START_TEST(example_keeps_the_beginning_of_a_long_message)
{
    char payload[1000];
    memset(payload, 'x', sizeof payload);
    struct message message = {.offset = 77, .payload = payload, .payload_len = sizeof payload};
    struct partition p = {.id = 3};
    monitor_reject(m, &p, &message, REJECT_BAD_JSON, "why", 5);
    monitor_vitals(m, &facts, at(1), &v);
    const struct vital_example *x = &v.examples[REJECT_BAD_JSON];
    ck_assert_uint_eq(x->payload_len, VITAL_EXAMPLE_MAX);
    ck_assert_uint_eq(x->payload_bytes, 1000);
    ck_assert_uint_eq(x->partition, 3);
    ck_assert_str_eq(x->detail, "why");
    message.payload = NULL;
    message.payload_len = 0;
    monitor_reject(m, &p, &message, REJECT_BAD_JSON, NULL, 6);
    ck_assert_uint_eq(x->payload_len, 0);
    ck_assert_str_eq(x->detail, "");
}
END_TEST

START_TEST(sizes_are_taken_and_growth_is_measured)
{
    static const char *const first[] = {"4096", "1000", "3", "t", "7", "2", "5000000", "6000000"};
    static const char *const second[] = {"4096", "3000", "3", "f", "7", "2", "0", "0"};
    struct err e;
    make_row(8, first);
    ck_assert(monitor_stats(m, result, 1000000, &e));
    monitor_vitals(m, &facts, at(1), &v);
    ck_assert_int_eq(v.database->database_bytes, 4096);
    ck_assert_int_eq(v.database->chunks, 3);
    ck_assert(dbstats_archive_fails(v.database));
    ck_assert_double_eq(dbstats_growth(v.database), 0);
    make_row(8, second);
    ck_assert(monitor_stats(m, result, 11000000, &e));
    ck_assert_double_eq(dbstats_growth(v.database), 200);
    ck_assert(!dbstats_archive_fails(v.database));
    make_row(7, first);
    ck_assert(!monitor_stats(m, result, 12000000, &e));
    ck_assert_int_eq(v.database->looked_us, 11000000);
}
END_TEST

START_TEST(growth_is_over_what_is_remembered)
{
    struct err e;
    for (int i = 0; i < 3 * DBSTATS_SIZES; i++) {
        char bytes[24];
        snprintf(bytes, sizeof bytes, "%d", i < DBSTATS_SIZES ? 0 : i * 100);
        const char *const row[] = {"1", bytes, "0", "f", "0", "0", "0", "0"};
        make_row(8, row);
        ck_assert(monitor_stats(m, result, (int64_t)(i + 1) * 1000000, &e));
    }
    monitor_vitals(m, &facts, at(1), &v);
    ck_assert_double_eq(dbstats_growth(v.database), 100);
}
END_TEST

START_TEST(prices_of_unknown_symbols_are_passed_over)
{
    static const char *const pair[] = {"BTC", "t", "", "major"};
    static const char *const price[] = {"BTC", "5", "100.5", NULL, "101"};
    static const char *const other[] = {"ETH", "5", "1", NULL, NULL};
    struct err e;
    size_t count;
    make_row(4, pair);
    ck_assert(pairs_load(pairs, result, &e));
    make_row(5, other);
    ck_assert(monitor_prices(m, result, &count, &e));
    ck_assert_uint_eq(count, 0);
    make_row(5, price);
    ck_assert(monitor_prices(m, result, &count, &e));
    ck_assert_uint_eq(count, 1);
    monitor_vitals(m, &facts, at(1), &v);
    const struct quote *quote = quotes_get(v.quotes, 0);
    ck_assert_double_eq(quote->price, 100.5);
    ck_assert(isnan(quote->bid));
    make_row(4, pair);
    ck_assert(!monitor_prices(m, result, &count, &e));
}
END_TEST

START_TEST(process_is_looked_up)
{
    monitor_vitals(m, &facts, at(1), &v);
    ck_assert_int_gt(v.process.resident_bytes, 100000);
    ck_assert_int_ge(v.process.threads, 1);
    ck_assert_int_ge(v.process.open_fds, 3);
    ck_assert(v.process.started_s > 1e9);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("monitor");
    TCase *tc = tcase_create("monitor");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, rates_are_of_the_last_second);
    tcase_add_test(tc, history_takes_a_sample_every_five_seconds);
    tcase_add_test(tc, commit_is_counted_row_by_row);
    tcase_add_test(tc, backpressure_adds_up);
    tcase_add_test(tc, lag_is_the_sum_if_all_are_known);
    tcase_add_test(tc, example_keeps_the_beginning_of_a_long_message);
    tcase_add_test(tc, sizes_are_taken_and_growth_is_measured);
    tcase_add_test(tc, growth_is_over_what_is_remembered);
    tcase_add_test(tc, prices_of_unknown_symbols_are_passed_over);
    tcase_add_test(tc, process_is_looked_up);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
