/* SPDX-License-Identifier: MIT */
/* links: metrics.o ready.o dbstats.o hist.o reject.o schema.o schema_sql.o fkcheck.o err.o buf.o fake_vitals.o quotes.o pairs.o config.o config_print.o confcred.o confenv.o dburl.o http_address.o inifile.o options.o optval.o property.o slurp.o */
#include "metrics.h"

#include "fake_vitals.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct buf out;

static void set_up(void)
{
    buf_init(&out);
    fake_vitals_init();
}

static void tear_down(void)
{
    fake_vitals_fini();
    buf_fini(&out);
}

static const char *render(enum metrics_format format)
{
    buf_clear(&out);
    metrics_render(&out, &vitals, format);
    buf_put_u8(&out, 0);
    return (const char *)out.data;
}

/* True if there is exactly this line. */
static bool has_line(enum metrics_format format, const char *line)
{
    const char *text = render(format);
    size_t len = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++) {
        if ((at == text || at[-1] == '\n') && at[len] == '\n')
            return true;
    }
    return false;
}

#define ck_assert_line(format, line) ck_assert_msg(has_line(format, line), "%s", line)

START_TEST(counters_have_their_values)
{
    vitals.facts.stats.messages = 12345678901234;
    vitals.facts.stats.rejects[REJECT_BAD_PRICE] = 3;
    vitals.backpressure_s = 0.25;
    ck_assert_line(METRICS_TEXT, "# TYPE tickd_messages_consumed_total counter");
    ck_assert_line(METRICS_TEXT, "tickd_messages_consumed_total 12345678901234");
    ck_assert_line(METRICS_TEXT, "tickd_ticks_rejected_total{reason=\"bad_price\"} 3");
    ck_assert_line(METRICS_TEXT, "tickd_ticks_rejected_total{reason=\"no_time\"} 0");
    ck_assert_line(METRICS_TEXT, "tickd_backpressure_seconds_total 0.25");
}
END_TEST

START_TEST(families_of_openmetrics_lack_the_suffix)
{
    ck_assert_line(METRICS_OPENMETRICS, "# TYPE tickd_messages_consumed counter");
    ck_assert_line(METRICS_OPENMETRICS, "tickd_messages_consumed_total 0");
    ck_assert_line(METRICS_OPENMETRICS, "# TYPE tickd_build info");
    ck_assert_line(METRICS_TEXT, "# TYPE tickd_build_info gauge");
    const char *text = render(METRICS_OPENMETRICS);
    ck_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
    ck_assert_ptr_null(strstr(render(METRICS_TEXT), "# EOF"));
}
END_TEST

START_TEST(only_active_pairs_are_shown)
{
    struct record r = {.time_us = INT64_C(1763225135500000), .price = 1};
    quotes_put(fake_quotes, 0, &r);
    quotes_put(fake_quotes, 1, &r);
    ck_assert_line(METRICS_TEXT, "tickd_pair_ticks_total{symbol=\"BTC\"} 1");
    ck_assert_line(METRICS_TEXT, "tickd_pair_ticks_total{symbol=\"kBONK\"} 0");
    ck_assert_line(METRICS_TEXT,
                   "tickd_pair_last_tick_timestamp_seconds{symbol=\"BTC\"} 1763225135.5");
    ck_assert_ptr_null(strstr(render(METRICS_TEXT), "OLD"));
    ck_assert_ptr_null(strstr(render(METRICS_TEXT), "_timestamp_seconds{symbol=\"kBONK\"}"));
}
END_TEST

START_TEST(partitions_have_lag_and_offsets)
{
    fake_partitions[1].end = OFFSETS_UNKNOWN;
    ck_assert_line(METRICS_TEXT,
                   "tickd_partition_lag_messages{topic=\"ticks\",partition=\"0\"} 30");
    ck_assert_line(METRICS_TEXT,
                   "tickd_partition_stored_offset{topic=\"ticks\",partition=\"1\"} 50");
    ck_assert_ptr_null(
        strstr(render(METRICS_TEXT), "_lag_messages{topic=\"ticks\",partition=\"1\""));
}
END_TEST

START_TEST(lag_is_never_negative)
{
    fake_partitions[0].end = 90; /* the stored offset is newer than what is known of the log */
    ck_assert_line(METRICS_TEXT, "tickd_partition_lag_messages{topic=\"ticks\",partition=\"0\"} 0");
}
END_TEST

START_TEST(labels_are_escaped_and_come_once)
{
    fake_schema.count = 3;
    for (size_t i = 0; i < 2; i++)
        snprintf(fake_schema.findings[i].object, sizeof fake_schema.findings[i].object, "%s",
                 "a\"b\\c\nd");
    snprintf(fake_schema.findings[2].object, sizeof fake_schema.findings[2].object, "orders");
    fake_schema.findings[2].severity = SCHEMA_WARNING;
    ck_assert_line(METRICS_TEXT, "tickd_schema_object_missing{object=\"a\\\"b\\\\c\\nd\","
                                 "severity=\"fatal\"} 1");
    ck_assert_line(METRICS_TEXT,
                   "tickd_schema_object_missing{object=\"orders\",severity=\"warning\"} 1");
    ck_assert_line(METRICS_TEXT, "tickd_schema_findings{severity=\"fatal\"} 2");
    const char *first = strstr(render(METRICS_TEXT), "{object=\"a");
    ck_assert_ptr_null(strstr(first + 1, "{object=\"a"));
}
END_TEST

START_TEST(histograms_are_cumulative_and_in_base_units)
{
    hist_add(&fake_hists[HIST_COMMIT], 4000);
    hist_add(&fake_hists[HIST_COMMIT], 40000);
    ck_assert_line(METRICS_TEXT, "# TYPE tickd_commit_duration_seconds histogram");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_bucket{le=\"0.0005\"} 0");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_bucket{le=\"0.005\"} 1");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_bucket{le=\"0.05\"} 2");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_bucket{le=\"+Inf\"} 2");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_sum 0.044");
    ck_assert_line(METRICS_TEXT, "tickd_commit_duration_seconds_count 2");
}
END_TEST

START_TEST(what_the_database_has_not_said_is_left_out)
{
    ck_assert_ptr_null(strstr(render(METRICS_TEXT), "\ntickd_database_size_bytes "));
    ck_assert_ptr_null(strstr(render(METRICS_TEXT), "\ntickd_wal_archive_last_success"));
    fake_database.looked_us = 1;
    fake_database.database_bytes = 4096;
    ck_assert_line(METRICS_TEXT, "tickd_database_size_bytes 4096");
}
END_TEST

START_TEST(readiness_is_there_condition_by_condition)
{
    ck_assert_line(METRICS_TEXT, "tickd_ready 1");
    vitals.facts.kafka_up = false;
    ck_assert_line(METRICS_TEXT, "tickd_ready 0");
    ck_assert_line(METRICS_TEXT, "tickd_ready_condition{condition=\"broker\"} 0");
    ck_assert_line(METRICS_TEXT, "tickd_ready_condition{condition=\"database\"} 1");
    ck_assert_line(METRICS_TEXT, "tickd_state{state=\"flowing\"} 1");
    ck_assert_line(METRICS_TEXT, "tickd_state_since_timestamp_seconds 1763225086");
}
END_TEST

START_TEST(format_is_as_asked_for)
{
    static const char *const text[] = {
        "",
        ",",
        "text/html,*/*",
        "application/openmetrics-text;q=0",
        "application/openmetrics-text; version=1.0.0; q=0.0, */*",
        "application/openmetrics-text;q=0.3,text/plain;q=0.5",
        "application/openmetrics-text-like,text/x-application/openmetrics-text",
    };
    static const char *const openmetrics[] = {
        "application/openmetrics-text",
        "text/html , Application/OpenMetrics-Text;version=1.0.0 ; Q=0.1",
        "application/openmetrics-text;version=1.0.0,text/plain",
        /* as Prometheus asks */
        "application/openmetrics-text;version=1.0.0;q=0.5,"
        "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,"
        "*/*;q=0.2",
    };
    ck_assert_int_eq(metrics_negotiate(NULL), METRICS_TEXT);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        ck_assert_msg(metrics_negotiate(text[i]) == METRICS_TEXT, "%s", text[i]);
    for (size_t i = 0; i < sizeof openmetrics / sizeof *openmetrics; i++)
        ck_assert_msg(metrics_negotiate(openmetrics[i]) == METRICS_OPENMETRICS, "%s",
                      openmetrics[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, counters_have_their_values);
    tcase_add_test(tc, families_of_openmetrics_lack_the_suffix);
    tcase_add_test(tc, only_active_pairs_are_shown);
    tcase_add_test(tc, partitions_have_lag_and_offsets);
    tcase_add_test(tc, lag_is_never_negative);
    tcase_add_test(tc, labels_are_escaped_and_come_once);
    tcase_add_test(tc, histograms_are_cumulative_and_in_base_units);
    tcase_add_test(tc, what_the_database_has_not_said_is_left_out);
    tcase_add_test(tc, readiness_is_there_condition_by_condition);
    tcase_add_test(tc, format_is_as_asked_for);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
