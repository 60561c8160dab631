/* SPDX-License-Identifier: MIT */
/* links: schema.o schema_sql.o fkcheck.o err.o copyrow.o buf.o record.o reject.o */
#include "schema.h"

#include "copyrow.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A real answer; each test changes it. */
#define DEPLOYED "tests/data/schema/deployed.tsv"

#define ROWS_MAX 1024

static struct row {
    char field[4][256];
} rows[ROWS_MAX];
static int row_count;

static struct schema_options options;
static struct schema_report report;

static void load(void)
{
    char line[1024];
    FILE *file = fopen(DEPLOYED, "r");
    ck_assert_msg(file != NULL, "run from the project's root directory: no " DEPLOYED);
    row_count = 0;
    while (fgets(line, sizeof line, file)) {
        if (*line == '#')
            continue;
        char *rest = line;
        line[strcspn(line, "\n")] = '\0';
        for (int i = 0; i < 4; i++)
            snprintf(rows[row_count].field[i], sizeof rows[0].field[i], "%s", strsep(&rest, "\t"));
        ck_assert_int_lt(++row_count, ROWS_MAX);
    }
    fclose(file);
}

static void setup(void)
{
    load();
    ck_assert_int_gt(row_count, 200);
    options = (struct schema_options){0};
}

static bool matches(const struct row *r, const char *kind, const char *object,
                    const char *attribute)
{
    return (!kind || !strcmp(r->field[0], kind)) && (!object || !strcmp(r->field[1], object)) &&
           (!attribute || !strcmp(r->field[2], attribute));
}

static void change(const char *kind, const char *object, const char *attribute, const char *value)
{
    int changed = 0;
    for (int i = 0; i < row_count; i++)
        if (matches(&rows[i], kind, object, attribute) && ++changed)
            snprintf(rows[i].field[3], sizeof rows[i].field[3], "%s", value);
    ck_assert_msg(changed > 0, "nothing to change: %s %s %s", kind, object, attribute);
}

static void take_away(const char *kind, const char *object, const char *attribute)
{
    int kept = 0;
    for (int i = 0; i < row_count; i++)
        if (!matches(&rows[i], kind, object, attribute))
            rows[kept++] = rows[i];
    ck_assert_msg(kept < row_count, "nothing to take away: %s %s %s", kind, object, attribute);
    row_count = kept;
}

static void put(const char *kind, const char *object, const char *attribute, const char *value)
{
    const char *const fields[] = {kind, object, attribute, value};
    for (int i = 0; i < 4; i++)
        snprintf(rows[row_count].field[i], sizeof rows[0].field[i], "%s", fields[i]);
    row_count++;
}

static void drop_relation(const char *name)
{
    char prefix[64];
    size_t len = (size_t)snprintf(prefix, sizeof prefix, "%s.", name);
    take_away("relation", name, NULL);
    int kept = 0;
    for (int i = 0; i < row_count; i++)
        if (strcmp(rows[i].field[0], "column") || strncmp(rows[i].field[1], prefix, len))
            rows[kept++] = rows[i];
    row_count = kept;
}

static PGresult *make_result(int columns)
{
    static char names[] = "abcde";
    PGresAttDesc attributes[5] = {0};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    for (int i = 0; i < columns; i++)
        attributes[i].name = names + i;
    ck_assert_int_eq(PQsetResultAttrs(result, columns, attributes), 1);
    for (int i = 0; i < row_count; i++)
        for (int field = 0; field < columns && field < 4; field++)
            PQsetvalue(result, i, field, rows[i].field[field], (int)strlen(rows[i].field[field]));
    return result;
}

static void evaluate(void)
{
    struct err e = {.text = ""};
    PGresult *result = make_result(4);
    ck_assert_msg(schema_evaluate(&options, result, &report, &e), "%s", e.text);
    PQclear(result);
}

static const struct schema_finding *find(const char *object)
{
    for (size_t i = 0; i < report.count; i++)
        if (!strcmp(report.findings[i].object, object))
            return &report.findings[i];
    return NULL;
}

static void print_report(void)
{
    for (size_t i = 0; i < report.count; i++)
        printf("%d %s: %s\n", report.findings[i].severity, report.findings[i].object,
               report.findings[i].text);
}

static void assert_found(enum schema_severity severity, const char *object, const char *text)
{
    const struct schema_finding *f = find(object);
    if (!f || f->severity != severity || strcmp(f->text, text))
        print_report();
    ck_assert_msg(f != NULL, "nothing about %s", object);
    ck_assert_str_eq(f->text, text);
    ck_assert_int_eq(f->severity, severity);
}

/* This and nothing else. */
static void assert_only(enum schema_severity severity, const char *object, const char *text)
{
    evaluate();
    assert_found(severity, object, text);
    ck_assert_uint_eq(report.count, 1);
    ck_assert(schema_is_usable(&report) == (severity == SCHEMA_WARNING));
}

START_TEST(deployed_schema_has_no_finding)
{
    options = (struct schema_options){.strict = true, .merge_updates = true};
    evaluate();
    print_report();
    ck_assert_uint_eq(report.count, 0);
    ck_assert(schema_is_usable(&report));
    ck_assert(!report.hypertable);
    ck_assert_str_eq(report.timescaledb, "");
}
END_TEST

/* --- relations */

static const char *const ours[] = {"pairs", "ticks", "ingest_offsets", "rejected_ticks",
                                   "ingest_gaps"};
static const char *const siblings[] = {"orders", "positions", "whale_activities",
                                       "performance_metrics", "candles_15m_ohlcv"};

START_TEST(missing_table_of_ours_is_fatal_and_one_finding)
{
    drop_relation(ours[_i]);
    evaluate();
    assert_found(SCHEMA_FATAL, ours[_i], "missing");
    assert_found(SCHEMA_WARNING, "search_path",
                 "is public, pg_temp for role tickd in database db1");
    ck_assert_uint_eq(report.count, 2);
    ck_assert(!schema_is_usable(&report));
}
END_TEST

START_TEST(missing_sibling_is_a_warning_unless_strict)
{
    drop_relation(siblings[_i]);
    assert_only(SCHEMA_WARNING, siblings[_i], "missing");
    options.strict = true;
    assert_only(SCHEMA_FATAL, siblings[_i], "missing");
}
END_TEST

START_TEST(view_in_place_of_our_table_is_fatal)
{
    change("relation", "ingest_gaps", "kind", "v");
    assert_only(SCHEMA_FATAL, "ingest_gaps", "is not a table");
}
END_TEST

START_TEST(sibling_may_be_any_kind_of_relation)
{
    change("relation", "candles_15m_ohlcv", "kind", "m");
    change("relation", "ticks", "kind", "p");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(empty_database_names_everything_at_once)
{
    int kept = 0;
    for (int i = 0; i < row_count; i++)
        if (strstr("session schema", rows[i].field[0]))
            rows[kept++] = rows[i];
    row_count = kept;
    evaluate();
    char text[4096];
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, text, sizeof text), 10);
    ck_assert_str_eq(text, "pairs: missing; ticks: missing; ingest_offsets: missing; "
                           "rejected_ticks: missing; ingest_gaps: missing; "
                           "ingest_start(): missing; ingest_advance(): missing; "
                           "ingest_jump(): missing; ingest_staging(): missing; "
                           "ingest_merge(): missing");
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_WARNING, text, sizeof text), 6);
}
END_TEST

START_TEST(schema_that_may_not_be_used_is_named_when_something_is_missing)
{
    put("schema", "app", "USAGE", "false");
    evaluate();
    ck_assert_uint_eq(report.count, 0); /* all is there without it */
    drop_relation("ticks");
    evaluate();
    assert_found(SCHEMA_FATAL, "app", "role tickd may not use this schema (no USAGE)");
    ck_assert_ptr_null(find("public"));
}
END_TEST

/* --- columns */

START_TEST(missing_column_is_fatal)
{
    take_away("column", "ticks.ask", NULL);
    assert_only(SCHEMA_FATAL, "ticks.ask", "missing");
}
END_TEST

START_TEST(other_type_is_fatal_and_both_are_named)
{
    change("column", "ticks.time", "type", "timestamp without time zone");
    assert_only(SCHEMA_FATAL, "ticks.time",
                "is timestamp without time zone, expected timestamp with time zone");
    load();
    change("column", "ticks.price", "type", "numeric");
    assert_only(SCHEMA_FATAL, "ticks.price", "is numeric, expected double precision");
    load();
    change("column", "rejected_ticks.reason", "type", "character");
    assert_only(SCHEMA_FATAL, "rejected_ticks.reason", "is character, expected text");
}
END_TEST

START_TEST(text_and_varchar_are_the_same)
{
    change("column", "ticks.symbol", "type", "text");
    take_away("column", "ticks.symbol", "characters");
    change("column", "ingest_offsets.topic", "type", "character varying");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(narrow_column_is_a_warning)
{
    change("column", "ticks.symbol", "characters", "10");
    assert_only(SCHEMA_WARNING, "ticks.symbol", "holds 10 characters, expected 20");
}
END_TEST

START_TEST(column_that_tickd_would_leave_empty_is_fatal)
{
    put("column", "ticks.source", "type", "text");
    evaluate();
    ck_assert_uint_eq(report.count, 0); /* it may be empty */
    put("column", "ticks.source", "must be filled", "true");
    assert_only(SCHEMA_FATAL, "ticks.source",
                "is NOT NULL without a default, and tickd does not fill it");
}
END_TEST

START_TEST(counter_without_a_default_is_fatal)
{
    put("column", "ingest_offsets.stored", "must be filled", "true");
    assert_only(SCHEMA_FATAL, "ingest_offsets.stored",
                "is NOT NULL without a default, and tickd does not fill it");
}
END_TEST

START_TEST(columns_of_pairs_are_filled_by_others)
{
    put("column", "pairs.source", "must be filled", "true");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(every_column_of_copy_is_expected)
{
    static const char *const targets[] = {copyrow_ticks_target, copyrow_rejected_target};
    char target[512];
    snprintf(target, sizeof target, "%s", targets[_i]);
    char *rest = target;
    const char *table = strsep(&rest, " ");
    rest++;
    *strchr(rest, ')') = '\0';
    for (char *name; (name = strsep(&rest, ", "));) {
        char object[128];
        if (!*name)
            continue;
        load();
        snprintf(object, sizeof object, "%s.%s", table, name);
        change("column", object, "INSERT", "false");
        assert_only(SCHEMA_FATAL, object, "role tickd has no INSERT privilege");
    }
}
END_TEST

/* --- keys */

START_TEST(key_that_our_sql_relies_on_must_be_there)
{
    change("relation", "ticks", "unique", "symbol");
    assert_only(SCHEMA_FATAL, "ticks", "has no primary key (time, symbol)");
    load();
    take_away("relation", "ingest_offsets", "unique");
    assert_only(SCHEMA_FATAL, "ingest_offsets",
                "has no primary key (group_id, cluster_id, topic, kafka_partition)");
}
END_TEST

START_TEST(key_may_be_one_of_several)
{
    change("relation", "ticks", "unique", "id");
    put("relation", "ticks", "unique", "symbol,time");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(missing_foreign_key_is_a_warning)
{
    take_away("relation", "ticks", "references");
    assert_only(SCHEMA_WARNING, "ticks", "has no foreign key to pairs");
    put("relation", "ticks", "references", "orders");
    assert_only(SCHEMA_WARNING, "ticks", "has no foreign key to pairs");
    put("relation", "ticks", "references", "pairs");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

/* --- hypertable */

START_TEST(plain_ticks_are_fatal_where_a_hypertable_is_required)
{
    options.require_hypertable = true;
    assert_only(SCHEMA_FATAL, "ticks",
                "is a plain table, expected a hypertable"
                " (TimescaleDB is not installed in this database)");
    put("extension", "timescaledb", "version", "2.26.4");
    put("relation", "ticks", "hypertable", "false");
    assert_only(SCHEMA_FATAL, "ticks", "is a plain table, expected a hypertable");
    ck_assert_str_eq(report.timescaledb, "2.26.4");
}
END_TEST

START_TEST(plain_ticks_beside_timescaledb_are_a_warning)
{
    put("extension", "timescaledb", "version", "2.26.4");
    put("relation", "ticks", "hypertable", "false");
    assert_only(SCHEMA_WARNING, "ticks", "is a plain table although TimescaleDB is installed");
    ck_assert(!report.hypertable);
}
END_TEST

START_TEST(hypertable_is_recognised)
{
    options.require_hypertable = true;
    put("extension", "timescaledb", "version", "2.26.4");
    put("relation", "ticks", "hypertable", "true");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
    ck_assert(report.hypertable);
}
END_TEST

/* --- privileges */

static void deny_all(const char *relation, const char *privilege)
{
    for (int i = 0; i < row_count; i++)
        if (!strncmp(rows[i].field[1], relation, strlen(relation)) &&
            !strcmp(rows[i].field[2], privilege))
            strcpy(rows[i].field[3], "false");
}

static const struct {
    const char *relation;
    const char *privilege;
} needed[] = {
    {"pairs", "SELECT"},          {"ticks", "SELECT"},          {"ticks", "INSERT"},
    {"ingest_offsets", "SELECT"}, {"ingest_offsets", "INSERT"}, {"ingest_offsets", "UPDATE"},
    {"rejected_ticks", "INSERT"}, {"ingest_gaps", "INSERT"},
};

START_TEST(privilege_missing_on_a_whole_table_is_one_finding)
{
    char text[64];
    deny_all(needed[_i].relation, needed[_i].privilege);
    snprintf(text, sizeof text, "role tickd has no %s privilege", needed[_i].privilege);
    assert_only(SCHEMA_FATAL, needed[_i].relation, text);
}
END_TEST

START_TEST(privileges_that_are_not_used_are_not_asked_for)
{
    deny_all("pairs", "INSERT");
    deny_all("pairs", "UPDATE");
    deny_all("rejected_ticks", "SELECT");
    deny_all("rejected_ticks", "UPDATE");
    deny_all("ingest_gaps", "SELECT");
    deny_all("ingest_gaps", "UPDATE");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(update_of_ticks_is_asked_for_if_the_last_of_a_tie_is_kept)
{
    deny_all("ticks", "UPDATE");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
    options.merge_updates = true;
    assert_only(SCHEMA_FATAL, "ticks", "role tickd has no UPDATE privilege");
}
END_TEST

START_TEST(key_of_ticks_need_not_be_updated)
{
    options.merge_updates = true;
    change("column", "ticks.time", "UPDATE", "false");
    change("column", "ticks.symbol", "UPDATE", "false");
    evaluate();
    ck_assert_uint_eq(report.count, 0);
}
END_TEST

START_TEST(function_must_be_there_with_these_arguments_and_privilege)
{
    change("function", "ingest_merge(text,double precision)", "EXECUTE", "false");
    assert_only(SCHEMA_FATAL, "ingest_merge()", "role tickd has no EXECUTE privilege");
    take_away("function", "ingest_merge(text,double precision)", NULL);
    assert_only(SCHEMA_FATAL, "ingest_merge()", "missing");
    put("function", "ingest_merge(text,double precision)", "namesake", "true");
    assert_only(SCHEMA_FATAL, "ingest_merge()",
                "takes other arguments, expected (text,double precision)");
}
END_TEST

START_TEST(temporary_tables_must_be_allowed)
{
    change("session", "TEMP", NULL, "false");
    assert_only(SCHEMA_FATAL, "db1",
                "role tickd may not make temporary tables in this database (no TEMP)");
}
END_TEST

/* --- all together */

START_TEST(all_findings_come_in_one_report)
{
    drop_relation("orders");
    take_away("column", "ticks.bid", NULL);
    change("column", "ticks.price", "type", "real");
    deny_all("rejected_ticks", "INSERT");
    take_away("function", "ingest_jump(text,text,text,integer,bigint,bigint,text)", NULL);
    evaluate();
    char text[1024];
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, text, sizeof text), 4);
    ck_assert_str_eq(text, "ticks.price: is real, expected double precision; ticks.bid: missing; "
                           "rejected_ticks: role tickd has no INSERT privilege; "
                           "ingest_jump(): missing");
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_WARNING, text, sizeof text), 1);
    ck_assert_str_eq(text, "orders: missing");
}
END_TEST

START_TEST(number_of_findings_is_bounded)
{
    for (int i = 0; i < SCHEMA_FINDINGS_MAX + 10; i++) {
        char object[64];
        snprintf(object, sizeof object, "ticks.extra%d", i);
        put("column", object, "must be filled", "true");
    }
    evaluate();
    ck_assert_uint_eq(report.count, SCHEMA_FINDINGS_MAX);
    ck_assert(!schema_is_usable(&report));
}
END_TEST

START_TEST(description_is_cut_and_says_how_much_is_left_out)
{
    drop_relation("pairs");
    drop_relation("ticks");
    drop_relation("ingest_gaps");
    evaluate();
    char whole[256];
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, whole, sizeof whole), 3);
    ck_assert_str_eq(whole, "pairs: missing; ticks: missing; ingest_gaps: missing");
    char text[64];
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, text, 56), 3);
    ck_assert_str_eq(text, "pairs: missing; ticks: missing; and 1 more");
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, text, 20), 3);
    ck_assert_str_eq(text, "3 more");
    for (size_t size = 0; size < sizeof whole; size++) {
        char out[sizeof whole + 1];
        memset(out, '#', sizeof out);
        ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, out, size), 3);
        ck_assert_int_eq(out[size], '#');
        if (size)
            ck_assert_uint_lt(strlen(out), size);
    }
}
END_TEST

START_TEST(nothing_found_is_described_as_nothing)
{
    char text[8] = "before";
    evaluate();
    ck_assert_uint_eq(schema_describe(&report, SCHEMA_FATAL, text, sizeof text), 0);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(batch_demanded_where_it_is_unsafe_is_fatal)
{
    put("fk", "audit on ticks", "trigger", "");
    options.fk_check = FK_CHECK_BATCH;
    evaluate();
    assert_found(
        SCHEMA_FATAL, "fk_check",
        "is batch, which is not possible here: trigger audit on ticks would be switched off");
    options.fk_check = FK_CHECK_AUTO;
    evaluate();
    ck_assert_uint_eq(report.count, 0);
    ck_assert_uint_eq(report.fk.min_rows, FKCHECK_NEVER);
    ck_assert_str_eq(report.fk.reason, "trigger audit on ticks would be switched off");
}
END_TEST

START_TEST(deployed_schema_is_safe_for_batch)
{
    options.fk_check = FK_CHECK_BATCH;
    evaluate();
    ck_assert_uint_eq(report.count, 0);
    ck_assert_uint_eq(report.fk.min_rows, 0);
}
END_TEST

START_TEST(answer_of_another_shape_is_refused)
{
    struct err e = {.text = ""};
    PGresult *narrow = make_result(3);
    PGresult *wide = make_result(5);
    PGresult *command = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
    PGresult *nulls = make_result(4);
    PQsetvalue(nulls, 7, 3, NULL, -1);
    ck_assert(!schema_evaluate(&options, narrow, &report, &e));
    ck_assert(!schema_evaluate(&options, wide, &report, &e));
    ck_assert(!schema_evaluate(&options, command, &report, &e));
    ck_assert(!schema_evaluate(&options, NULL, &report, &e));
    ck_assert_str_eq(e.text, "the schema query has no answer of 4 columns");
    ck_assert(!schema_evaluate(&options, nulls, &report, &e));
    ck_assert_str_eq(e.text, "the answer to the schema query has a null in row 7");
    PQclear(narrow);
    PQclear(wide);
    PQclear(command);
    PQclear(nulls);
}
END_TEST

static TCase *make_case(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, NULL);
    suite_add_tcase(s, t);
    return t;
}

static void add_objects(Suite *s)
{
    TCase *t = make_case(s, "objects");
    tcase_add_test(t, deployed_schema_has_no_finding);
    tcase_add_loop_test(t, missing_table_of_ours_is_fatal_and_one_finding, 0, 5);
    tcase_add_loop_test(t, missing_sibling_is_a_warning_unless_strict, 0, 5);
    tcase_add_test(t, view_in_place_of_our_table_is_fatal);
    tcase_add_test(t, sibling_may_be_any_kind_of_relation);
    tcase_add_test(t, empty_database_names_everything_at_once);
    tcase_add_test(t, schema_that_may_not_be_used_is_named_when_something_is_missing);
    tcase_add_test(t, missing_column_is_fatal);
    tcase_add_test(t, other_type_is_fatal_and_both_are_named);
    tcase_add_test(t, text_and_varchar_are_the_same);
    tcase_add_test(t, narrow_column_is_a_warning);
    tcase_add_test(t, column_that_tickd_would_leave_empty_is_fatal);
    tcase_add_test(t, counter_without_a_default_is_fatal);
    tcase_add_test(t, columns_of_pairs_are_filled_by_others);
    tcase_add_loop_test(t, every_column_of_copy_is_expected, 0, 2);
    tcase_add_test(t, key_that_our_sql_relies_on_must_be_there);
    tcase_add_test(t, key_may_be_one_of_several);
    tcase_add_test(t, missing_foreign_key_is_a_warning);
    tcase_add_test(t, plain_ticks_are_fatal_where_a_hypertable_is_required);
    tcase_add_test(t, plain_ticks_beside_timescaledb_are_a_warning);
    tcase_add_test(t, hypertable_is_recognised);
}

static void add_privileges(Suite *s)
{
    TCase *t = make_case(s, "privileges");
    tcase_add_loop_test(t, privilege_missing_on_a_whole_table_is_one_finding, 0,
                        (int)(sizeof needed / sizeof needed[0]));
    tcase_add_test(t, privileges_that_are_not_used_are_not_asked_for);
    tcase_add_test(t, update_of_ticks_is_asked_for_if_the_last_of_a_tie_is_kept);
    tcase_add_test(t, key_of_ticks_need_not_be_updated);
    tcase_add_test(t, function_must_be_there_with_these_arguments_and_privilege);
    tcase_add_test(t, temporary_tables_must_be_allowed);
}

static void add_reports(Suite *s)
{
    TCase *t = make_case(s, "reports");
    tcase_add_test(t, all_findings_come_in_one_report);
    tcase_add_test(t, number_of_findings_is_bounded);
    tcase_add_test(t, description_is_cut_and_says_how_much_is_left_out);
    tcase_add_test(t, nothing_found_is_described_as_nothing);
    tcase_add_test(t, batch_demanded_where_it_is_unsafe_is_fatal);
    tcase_add_test(t, deployed_schema_is_safe_for_batch);
    tcase_add_test(t, answer_of_another_shape_is_refused);
}

int main(void)
{
    Suite *s = suite_create("schema");
    add_objects(s);
    add_privileges(s);
    add_reports(s);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
