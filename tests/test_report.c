/* SPDX-License-Identifier: MIT */
/* links: report.o ready.o schema.o schema_sql.o fkcheck.o err.o stub_log.o */
#include "report.h"

#include "notify.h"
#include "ready.h"
#include "stub_log.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct report report;
static unsigned told_ready;
static char status[64];

/* --- instead of notify.c --- */

void notify_ready(void)
{
    told_ready++;
}

void notify_status(const char *text)
{
    snprintf(status, sizeof status, "%s", text);
}

/* --- the headline --- */

static const struct report_facts all_well = {
    .database_connected = true,
    .database_usable = true,
    .pairs_loaded = true,
    .kafka_up = true,
    .pipeline = PIPELINE_RUNNING,
    .partitions = 3,
};

static void set_up(void)
{
    stub_log_reset();
    told_ready = 0;
    status[0] = '\0';
    report_init(&report, 1000000, 0);
}

/* What can be missing, in the order in which a start goes through it. */
static void take_away(struct report_facts *facts, int what)
{
    switch (what) {
    case 0:
        facts->stopping = true;
        break;
    case 1:
        facts->database_connected = false;
        break;
    case 2:
        facts->database_usable = false;
        break;
    case 3:
        facts->pairs_loaded = false;
        break;
    case 4:
        facts->kafka_up = false;
        break;
    case 5:
        facts->partitions = 0;
        break;
    case 6:
        facts->pipeline = PIPELINE_SYNCING;
        break;
    case 7:
        facts->partitions_stopped = 1;
        break;
    default:
        facts->commit_failures = 3;
        break;
    }
}

static const char *const missing[] = {
    "stopping",          "waiting for database",         "waiting for schema",
    "waiting for pairs", "waiting for broker",           "waiting for partitions",
    "reading offsets",   "degraded: partitions stopped", "degraded: commits fail",
};
enum { MISSING = sizeof missing / sizeof missing[0] };

START_TEST(headline_is_the_first_thing_that_is_missing)
{
    for (unsigned set = 1; set < 1U << MISSING; set++) {
        struct report_facts facts = all_well;
        int first = MISSING;
        for (int what = MISSING - 1; what >= 0; what--) {
            if (set & 1U << what) {
                take_away(&facts, what);
                first = what;
            }
        }
        ck_assert_str_eq(report_headline(&facts), missing[first]);
    }
}
END_TEST

START_TEST(headline_is_flowing_if_nothing_is)
{
    struct report_facts facts = all_well;
    ck_assert_str_eq(report_headline(&facts), "flowing");
    facts.pipeline = PIPELINE_RELEASING;
    ck_assert_str_eq(report_headline(&facts), "flowing");
    facts.commit_failures = 2; /* as after a restart */
    ck_assert_str_eq(report_headline(&facts), "flowing");
    facts.pipeline = PIPELINE_IDLE;
    ck_assert_str_eq(report_headline(&facts), "waiting for partitions");
}
END_TEST

START_TEST(state_is_said_when_it_changes)
{
    struct report_facts facts = all_well;
    facts.kafka_up = false;
    report_state(&report, &facts, 2000000);
    report_state(&report, &facts, 3000000);
    ck_assert_uint_eq(stub_log_count("state"), 1);
    ck_assert_str_eq(stub_log_last("state"),
                     "waiting for broker was=starting for_s=2.0 partitions=3");
    ck_assert_str_eq(status, "waiting for broker");
    ck_assert_uint_eq(told_ready, 0);
    report_state(&report, &all_well, 5500000);
    ck_assert_str_eq(stub_log_last("state"),
                     "flowing was=waiting for broker for_s=3.5 partitions=3");
    ck_assert_str_eq(status, "flowing");
}
END_TEST

START_TEST(ready_is_told_once_when_ticks_flow_first)
{
    struct report_facts facts = all_well;
    report_state(&report, &all_well, 1);
    facts.database_connected = false;
    report_state(&report, &facts, 2);
    report_state(&report, &all_well, 3);
    ck_assert_uint_eq(stub_log_count("state"), 3);
    ck_assert_uint_eq(told_ready, 1);
}
END_TEST

/* --- readiness --- */

START_TEST(readiness_is_said_when_what_is_missing_changes)
{
    struct report_ready r = {0};
    unsigned broker = 1u << READY_BROKER, lag = 1u << READY_LAG;
    report_ready(&r, broker | lag, 1000000);
    ck_assert_str_eq(stub_log_last("unready"),
                     "not ready missing=broker,lag was_missing=unknown for_s=0.0");
    report_ready(&r, broker | lag, 2000000);
    ck_assert_uint_eq(stub_log_count("unready"), 1);
    report_ready(&r, lag, 3500000);
    ck_assert_str_eq(stub_log_last("unready"),
                     "not ready missing=lag was_missing=broker,lag for_s=2.5");
    report_ready(&r, 0, 4000000);
    ck_assert_str_eq(stub_log_last("ready"), "ready was_missing=lag for_s=0.5");
    report_ready(&r, 0, 5000000);
    ck_assert_uint_eq(stub_log_count("ready"), 1);
    report_ready(&r, broker, 6000000);
    ck_assert_str_eq(stub_log_last("unready"),
                     "not ready missing=broker was_missing=nothing for_s=2.0");
}
END_TEST

START_TEST(all_that_can_be_missing_is_named)
{
    struct report_ready r = {0};
    report_ready(&r, (1u << READY_COUNT) - 1, 1);
    for (int c = 0; c < READY_COUNT; c++)
        ck_assert_ptr_nonnull(
            strstr(stub_log_last("unready"), ready_name((enum ready_condition)c)));
}
END_TEST

/* --- the schema --- */

static void add_finding(struct schema_report *s, enum schema_severity severity, const char *object,
                        const char *text)
{
    struct schema_finding *f = &s->findings[s->count++];
    f->severity = severity;
    snprintf(f->object, sizeof f->object, "%s", object);
    snprintf(f->text, sizeof f->text, "%s", text);
}

START_TEST(schema_is_said_when_it_changes)
{
    static struct schema_report schema;
    memset(&schema, 0, sizeof schema);
    add_finding(&schema, SCHEMA_FATAL, "ticks", "missing");
    add_finding(&schema, SCHEMA_WARNING, "orders", "missing");
    report_schema(&report, &schema);
    report_schema(&report, &schema);
    ck_assert_uint_eq(stub_log_count("schema_incomplete"), 1);
    ck_assert_uint_eq(stub_log_count("schema_warning"), 1);
    ck_assert_uint_eq(stub_log_count("schema_ok"), 0);
    ck_assert_ptr_nonnull(strstr(stub_log_last("schema_incomplete"), "ticks: missing"));
    ck_assert_ptr_null(strstr(stub_log_last("schema_incomplete"), "orders"));
    snprintf(schema.findings[0].text, sizeof schema.findings[0].text, "is a view");
    report_schema(&report, &schema);
    ck_assert_uint_eq(stub_log_count("schema_incomplete"), 2);
    schema.count = 0;
    report_schema(&report, &schema);
    report_schema(&report, &schema);
    ck_assert_uint_eq(stub_log_count("schema_incomplete"), 2);
    ck_assert_uint_eq(stub_log_count("schema_ok"), 1);
    schema.hypertable = true;
    report_schema(&report, &schema);
    ck_assert_uint_eq(stub_log_count("schema_ok"), 2);
}
END_TEST

START_TEST(good_schema_is_said_once_too)
{
    static struct schema_report schema;
    memset(&schema, 0, sizeof schema);
    report_schema(&report, &schema);
    ck_assert_uint_eq(stub_log_count("schema_ok"), 1);
    ck_assert_str_eq(stub_log_last("schema_ok"),
                     "the schema has what tickd needs hypertable=no timescaledb=none");
}
END_TEST

/* --- the summary --- */

START_TEST(summary_comes_at_its_interval_with_what_is_new)
{
    struct pipeline_stats stats = {.messages = 10, .stored = 20, .rejected = 1, .commits = 2};
    report_stats(&report, &stats, 999999);
    ck_assert_uint_eq(stub_log_count("stats"), 0);
    report_stats(&report, &stats, 2000000);
    ck_assert_str_eq(stub_log_last("stats"),
                     "since the last summary rate=10.0 messages=10 stored=20 rejected=1 ignored=0"
                     " dropped=0 commits=2 retries=0");
    stats.stored = 25;
    stats.dropped = 3;
    report_stats(&report, &stats, 2999999);
    ck_assert_uint_eq(stub_log_count("stats"), 1);
    report_stats(&report, &stats, 3000000);
    ck_assert_str_eq(stub_log_last("stats"),
                     "since the last summary rate=5.0 messages=0 stored=5 rejected=0 ignored=0"
                     " dropped=3 commits=0 retries=0");
}
END_TEST

START_TEST(no_interval_is_no_summary)
{
    struct pipeline_stats stats = {.messages = 10};
    report_init(&report, 0, 0);
    report_stats(&report, &stats, INT64_MAX);
    ck_assert_uint_eq(stub_log_count("stats"), 0);
}
END_TEST

START_TEST(last_line_has_the_totals)
{
    struct pipeline_stats stats = {.messages = 9,
                                   .stored = 8,
                                   .rejected = 7,
                                   .ignored = 6,
                                   .dropped = 5,
                                   .commits = 4,
                                   .merges = 3,
                                   .retries = 2,
                                   .fences_lost = 1,
                                   .rewinds = 10};
    report_final(&report, &stats, 78);
    ck_assert_str_eq(stub_log_last("stopped"),
                     "tickd has stopped exit_code=78 messages=9 stored=8 rejected=7 ignored=6"
                     " dropped=5 commits=4 merges=3 retries=2 fences_lost=1 rewinds=10");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("report");
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, headline_is_the_first_thing_that_is_missing);
    tcase_add_test(t, headline_is_flowing_if_nothing_is);
    tcase_add_test(t, state_is_said_when_it_changes);
    tcase_add_test(t, ready_is_told_once_when_ticks_flow_first);
    tcase_add_test(t, readiness_is_said_when_what_is_missing_changes);
    tcase_add_test(t, all_that_can_be_missing_is_named);
    tcase_add_test(t, schema_is_said_when_it_changes);
    tcase_add_test(t, good_schema_is_said_once_too);
    tcase_add_test(t, summary_comes_at_its_interval_with_what_is_new);
    tcase_add_test(t, no_interval_is_no_summary);
    tcase_add_test(t, last_line_has_the_totals);
    Suite *s = suite_create("report");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
