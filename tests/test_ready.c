/* SPDX-License-Identifier: MIT */
/* links: ready.o schema.o schema_sql.o fkcheck.o err.o fake_vitals.o quotes.o pairs.o config.o config_print.o confcred.o confenv.o dburl.o http_address.o inifile.o options.o optval.o property.o slurp.o */
#include "ready.h"

#include "fake_vitals.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static void lose(enum ready_condition condition)
{
    struct vital_facts *f = &vitals.facts;
    switch (condition) {
    case READY_RUNNING:
        f->stopping = true;
        break;
    case READY_DATABASE:
        f->service_connected = false;
        break;
    case READY_SCHEMA:
        fake_schema.count = 1;
        fake_schema.findings[0].severity = SCHEMA_FATAL;
        break;
    case READY_PAIRS:
        f->pairs_loaded = false;
        break;
    case READY_BROKER:
        f->kafka_up = false;
        break;
    case READY_PARTITIONS:
        f->partition_count = 0;
        break;
    case READY_OFFSETS:
        f->pipeline = PIPELINE_SYNCING;
        break;
    case READY_GAPS:
        f->partitions_stopped = 1;
        break;
    case READY_COMMITS:
        f->commit_failures = 3;
        break;
    case READY_LAG:
        vitals.lag = 1001;
        break;
    case READY_COUNT:
        break;
    }
}

START_TEST(who_is_well_is_ready)
{
    ck_assert(ready(&vitals));
}
END_TEST

START_TEST(each_condition_fails_by_itself)
{
    lose((enum ready_condition)_i);
    ck_assert(!ready(&vitals));
    for (int c = 0; c < READY_COUNT; c++)
        ck_assert_int_eq(ready_is_met((enum ready_condition)c, &vitals), c != _i);
}
END_TEST

START_TEST(each_condition_has_a_name_of_its_own)
{
    for (int a = 0; a < READY_COUNT; a++) {
        ck_assert_str_ne(ready_text((enum ready_condition)a), "");
        for (int b = 0; b < a; b++)
            ck_assert_str_ne(ready_name((enum ready_condition)a),
                             ready_name((enum ready_condition)b));
    }
}
END_TEST

START_TEST(what_others_miss_keeps_nobody)
{
    fake_schema.count = 1;
    fake_schema.findings[0].severity = SCHEMA_WARNING;
    ck_assert(ready(&vitals));
}
END_TEST

START_TEST(schema_is_not_known_before_it_was_looked_at)
{
    vitals.facts.schema = NULL;
    ck_assert(!ready_is_met(READY_SCHEMA, &vitals));
}
END_TEST

START_TEST(database_that_is_away_says_nothing_of_the_schema)
{
    vitals.facts.database_connected = vitals.facts.database_usable = false;
    ck_assert(ready_is_met(READY_SCHEMA, &vitals));
    ck_assert(!ready_is_met(READY_DATABASE, &vitals));
}
END_TEST

START_TEST(lag_has_no_limit_at_zero)
{
    vitals.lag = INT64_MAX;
    vitals.max_lag = 0;
    ck_assert(ready(&vitals));
}
END_TEST

START_TEST(lag_that_is_not_known_is_not_held_against_it)
{
    vitals.lag = -1;
    ck_assert(ready(&vitals));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ready");
    TCase *tc = tcase_create("ready");
    tcase_add_checked_fixture(tc, fake_vitals_init, fake_vitals_fini);
    tcase_add_test(tc, who_is_well_is_ready);
    tcase_add_loop_test(tc, each_condition_fails_by_itself, 0, READY_COUNT);
    tcase_add_test(tc, each_condition_has_a_name_of_its_own);
    tcase_add_test(tc, what_others_miss_keeps_nobody);
    tcase_add_test(tc, schema_is_not_known_before_it_was_looked_at);
    tcase_add_test(tc, database_that_is_away_says_nothing_of_the_schema);
    tcase_add_test(tc, lag_has_no_limit_at_zero);
    tcase_add_test(tc, lag_that_is_not_known_is_not_held_against_it);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
