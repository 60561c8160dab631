/* SPDX-License-Identifier: MIT */
/* links: metrics.o ready.o dbstats.o hist.o reject.o schema.o schema_sql.o fkcheck.o err.o buf.o fake_vitals.o quotes.o pairs.o config.o config_print.o confcred.o confenv.o dburl.o http_address.o inifile.o options.o optval.o property.o slurp.o */
#include "metrics.h"

#include "fake_vitals.h"
#include "metrics_list.h"
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

/* --- the whole table --- */

/* Gives each fact that is a number one of its own. */
static void number_facts(void)
{
    vitals.facts.stats = (struct pipeline_stats){.messages = 101,
                                                 .seen_before = 102,
                                                 .stored = 103,
                                                 .rejected = 104,
                                                 .ignored = 105,
                                                 .dropped = 106,
                                                 .rejects = {[REJECT_BAD_JSON] = 107},
                                                 .ties_spread = 108,
                                                 .commits = 109,
                                                 .merges = 110,
                                                 .retries = 111,
                                                 .fences_lost = 112,
                                                 .rewinds = 113,
                                                 .unknown_commits = 114};
    vitals.facts.commit_failures = 2;
    vitals.facts.database_connects = 202;
    vitals.facts.service_connects = 203;
    vitals.facts.kafka_connects = 204;
    vitals.facts.kafka_queued = 205;
    vitals.facts.filling = (struct vital_load){206, 207};
    vitals.facts.flying = (struct vital_load){208, 209};
    vitals.facts.configured_us = 210000000;
    vitals.facts.http_clients = 220;
    vitals.facts.http_streams = 9;
    vitals.facts.http_requests = 212;
    vitals.facts.http_dropped = 213;
    vitals.backpressure_s = 301.5;
    vitals.log_dropped = 302;
    vitals.process = (struct procfs){401.25, 402.5, 403, 404, 405, 406, 407};
    for (int i = 0; i < HIST_COUNT; i++)
        hist_add(&fake_hists[i], 501 + i);
    fake_partitions[0] = (struct vital_partition){"ticks", 0, true, 1000, 601, 1602};
    fake_schema.count = 1;
    snprintf(fake_schema.findings[0].object, sizeof fake_schema.findings[0].object, "orders");
    fake_schema.findings[0].severity = SCHEMA_WARNING;
}

static void number_database(void)
{
    fake_config.database_capacity_bytes = 701;
    fake_database = (struct dbstats){.looked_us = 702000000,
                                     .database_bytes = 703,
                                     .ticks_bytes = 704,
                                     .chunks = 705,
                                     .archiving = true,
                                     .archived = 706,
                                     .archive_failures = 707,
                                     .last_archived_us = 708000000,
                                     .last_failed_us = 709000000,
                                     .sizes = {{0, 0}, {1000000, 710}},
                                     .size_next = 2,
                                     .size_count = 2};
}

/* A line of each metric, up to where the number or what is of no interest here ends. */
static const struct {
    const char *name;
    const char *text;
} lines[] = {
#define L(name, text)                                                                              \
    {                                                                                              \
#name, "\n" #name text                                                                     \
    }
    L(tickd_build_info, "{version=\"" TICKD_VERSION "\","),
    L(tickd_settings_info, "{group=\"tickd\","),
    L(tickd_ready, " 1\n"),
    L(tickd_ready_condition, "{condition=\"lag\"} 1\n"),
    L(tickd_state, "{state=\"flowing\"} 1\n"),
    L(tickd_state_since_timestamp_seconds, " 1763225086\n"),
    L(tickd_config_reload_successful, " 1\n"),
    L(tickd_config_loaded_timestamp_seconds, " 210\n"),
    L(tickd_messages_consumed_total, " 101\n"),
    L(tickd_messages_skipped_total, " 102\n"),
    L(tickd_ticks_written_total, " 103\n"),
    L(tickd_dead_letters_written_total, " 104\n"),
    L(tickd_items_ignored_total, " 105\n"),
    L(tickd_ticks_dropped_total, " 106\n"),
    L(tickd_ticks_rejected_total, "{reason=\"bad_json\"} 107\n"),
    L(tickd_ties_spread_total, " 108\n"),
    L(tickd_commits_total, " 109\n"),
    L(tickd_commits_merged_total, " 110\n"),
    L(tickd_commit_retries_total, " 111\n"),
    L(tickd_commits_in_doubt_total, " 114\n"),
    L(tickd_fences_lost_total, " 112\n"),
    L(tickd_rewinds_total, " 113\n"),
    L(tickd_commit_failures, " 2\n"),
    L(tickd_batch_rows, "_sum 501\n"),
    L(tickd_batch_bytes, "_sum 502\n"),
    L(tickd_commit_duration_seconds, "_sum 0.000503\n"),
    L(tickd_event_to_commit_seconds, "_sum 0.000504\n"),
    L(tickd_decode_duration_seconds, "_sum 5.05e-07\n"),
    L(tickd_loop_turn_seconds, "_sum 0.000506\n"),
    L(tickd_pending_rows, "{batch=\"filling\"} 206\n"),
    L(tickd_pending_rows, "{batch=\"flying\"} 208\n"),
    L(tickd_pending_bytes, "{batch=\"filling\"} 207\n"),
    L(tickd_pending_bytes, "{batch=\"flying\"} 209\n"),
    L(tickd_backpressure_seconds_total, " 301.5\n"),
    L(tickd_backpressure, " 0\n"),
    L(tickd_partition_lag_messages, "{topic=\"ticks\",partition=\"0\"} 602\n"),
    L(tickd_partition_stored_offset, "{topic=\"ticks\",partition=\"0\"} 1000\n"),
    L(tickd_partition_log_begin_offset, "{topic=\"ticks\",partition=\"0\"} 601\n"),
    L(tickd_partition_log_end_offset, "{topic=\"ticks\",partition=\"0\"} 1602\n"),
    L(tickd_partition_stopped, "{topic=\"ticks\",partition=\"0\"} 1\n"),
    L(tickd_partition_stopped, "{topic=\"ticks\",partition=\"1\"} 0\n"),
    L(tickd_partitions_assigned, " 2\n"),
    L(tickd_kafka_connected, " 1\n"),
    L(tickd_kafka_connects_total, " 204\n"),
    L(tickd_kafka_queued_messages, " 205\n"),
    L(tickd_database_connected, "{session=\"writing\"} 1\n"),
    L(tickd_database_connects_total, "{session=\"writing\"} 202\n"),
    L(tickd_database_connects_total, "{session=\"service\"} 203\n"),
    L(tickd_database_usable, " 1\n"),
    L(tickd_pairs, " 3\n"),
    L(tickd_pairs_active, " 2\n"),
    L(tickd_pair_ticks_total, "{symbol=\"BTC\"} 1\n"),
    L(tickd_pair_last_tick_timestamp_seconds, "{symbol=\"BTC\"} 801\n"),
    L(tickd_schema_findings, "{severity=\"warning\"} 1\n"),
    L(tickd_schema_findings, "{severity=\"fatal\"} 0\n"),
    L(tickd_schema_object_missing, "{object=\"orders\",severity=\"warning\"} 1\n"),
    L(tickd_database_stats_timestamp_seconds, " 702\n"),
    L(tickd_database_size_bytes, " 703\n"),
    L(tickd_database_capacity_bytes, " 701\n"),
    L(tickd_ticks_size_bytes, " 704\n"),
    L(tickd_ticks_growth_bytes_per_second, " 710\n"),
    L(tickd_ticks_chunks, " 705\n"),
    L(tickd_wal_archive_enabled, " 1\n"),
    L(tickd_wal_archive_failing, " 1\n"),
    L(tickd_wal_archived_total, " 706\n"),
    L(tickd_wal_archive_failures_total, " 707\n"),
    L(tickd_wal_archive_last_success_timestamp_seconds, " 708\n"),
    L(tickd_wal_archive_last_failure_timestamp_seconds, " 709\n"),
    L(tickd_http_connections, "{kind=\"request\"} 211\n"),
    L(tickd_http_connections, "{kind=\"stream\"} 9\n"),
    L(tickd_http_requests_total, " 212\n"),
    L(tickd_http_connections_dropped_total, " 213\n"),
    L(tickd_log_lines_dropped_total, " 302\n"),
    L(process_cpu_seconds_total, " 401.25\n"),
    L(process_resident_memory_bytes, " 404\n"),
    L(process_virtual_memory_bytes, " 403\n"),
    L(process_threads, " 405\n"),
    L(process_open_fds, " 406\n"),
    L(process_max_fds, " 407\n"),
    L(process_start_time_seconds, " 402.5\n"),
#undef L
};

enum { LINES = sizeof lines / sizeof *lines };

START_TEST(each_metric_has_the_number_that_is_its_own)
{
    struct record r = {.time_us = 801000000, .price = 1};
    quotes_put(fake_quotes, 0, &r);
    number_facts();
    number_database();
    const char *text = render(METRICS_TEXT);
    for (size_t i = 0; i < LINES; i++)
        ck_assert_msg(strstr(text, lines[i].text), "%s", lines[i].text);
}
END_TEST

START_TEST(no_metric_is_without_a_line_above)
{
    static const char *const names[] = {
#define X(name, type, labels, how, help) #name,
        METRICS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t k = 0;
        while (k < LINES && strcmp(lines[k].name, names[i]) != 0)
            k++;
        ck_assert_msg(k < LINES, "%s", names[i]);
    }
}
END_TEST

/* What is true or false can have no number of its own: each is true alone. */
START_TEST(each_flag_is_its_own)
{
    struct {
        bool *flag;
        const char *text; /* before the number */
        bool inverse;
    } flags[] = {
        {&vitals.facts.reload_failed, "\ntickd_config_reload_successful ", true},
        {&vitals.facts.kafka_up, "\ntickd_kafka_connected ", false},
        {&vitals.facts.database_connected, "\ntickd_database_connected{session=\"writing\"} ",
         false},
        {&vitals.facts.service_connected, "\ntickd_database_connected{session=\"service\"} ",
         false},
        {&vitals.facts.database_usable, "\ntickd_database_usable ", false},
        {&vitals.backpressure, "\ntickd_backpressure ", false},
        {&fake_partitions[1].stopped, "\ntickd_partition_stopped{topic=\"ticks\",partition=\"1\"} ",
         false},
        {&fake_database.archiving, "\ntickd_wal_archive_enabled ", false},
    };
    enum { FLAGS = sizeof flags / sizeof *flags };
    fake_database.looked_us = 1;
    for (size_t on = 0; on < FLAGS; on++) {
        for (size_t i = 0; i < FLAGS; i++)
            *flags[i].flag = i == on;
        const char *text = render(METRICS_TEXT);
        for (size_t i = 0; i < FLAGS; i++) {
            const char *line = strstr(text, flags[i].text);
            ck_assert_msg(line && line[strlen(flags[i].text)] ==
                                      ((i == on) != flags[i].inverse ? '1' : '0'),
                          "%s", flags[i].text);
        }
    }
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
    tcase_add_test(tc, each_metric_has_the_number_that_is_its_own);
    tcase_add_test(tc, no_metric_is_without_a_line_above);
    tcase_add_test(tc, each_flag_is_its_own);
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
