/* SPDX-License-Identifier: MIT */
/* links: fkcheck.o */
#include "fkcheck.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct fact {
    const char *object;
    const char *attribute;
    const char *value;
};

/* A database where it is safe; each test changes it. */
static const struct fact safe[] = {
    {"session", "role", "tickd"},
    {"session", "version", "150020"},
    {"session", "session_replication_role", "origin"},
    {"session", "SET", "true"},
    {"ingest_check_pairs()", "EXECUTE", "true"},
    {"pairs", "plain table", "true"},
    {"pairs", "lock", "true"},
    {"pairs", "row security", "false"},
    {"ticks_symbol_fkey", "key", "symbol = symbol, immediate, restrict"},
    {"ticks", "checked", "true"},
};

enum { SAFE = sizeof safe / sizeof *safe, FACTS_MAX = SAFE + 2 };

static struct fact facts[FACTS_MAX];
static int fact_count;
static struct fkcheck got;

static void set_up(void)
{
    memcpy(facts, safe, sizeof safe);
    fact_count = SAFE;
}

static void change(const char *object, const char *attribute, const char *value)
{
    int i = 0;
    while (i < fact_count &&
           (strcmp(facts[i].object, object) != 0 || strcmp(facts[i].attribute, attribute) != 0))
        i++;
    ck_assert_int_lt(i, fact_count);
    facts[i].value = value;
}

static void add(const char *object, const char *attribute, const char *value)
{
    ck_assert_int_lt(fact_count, FACTS_MAX);
    facts[fact_count++] = (struct fact){object, attribute, value};
}

static void decide_without(enum config_fk_check wanted, int missing)
{
    static char name[] = "column";
    PGresAttDesc attributes[4] = {{.name = name}, {.name = name}, {.name = name}, {.name = name}};
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_int_eq(PQsetResultAttrs(rows, 4, attributes), 1);
    for (int i = 0; i < fact_count; i++) {
        const char *const fields[] = {"fk", facts[i].object, facts[i].attribute, facts[i].value};
        int row = PQntuples(rows);
        for (int field = 0; field < 4 && i != missing; field++) {
            char text[128];
            strcpy(text, fields[field]);
            ck_assert_int_eq(PQsetvalue(rows, row, field, text, (int)strlen(text)), 1);
        }
    }
    fkcheck_decide(wanted, rows, &got);
    PQclear(rows);
}

static void decide(enum config_fk_check wanted)
{
    decide_without(wanted, -1);
}

/* auto goes row by row and says why; batch is refused for the same reason. */
static void assert_unsafe(const char *reason)
{
    decide(FK_CHECK_AUTO);
    ck_assert_str_eq(got.reason, reason);
    ck_assert_uint_eq(got.min_rows, FKCHECK_NEVER);
    ck_assert(!got.refused);
    ck_assert_str_eq(fkcheck_word(&got), "row by row");
    decide(FK_CHECK_BATCH);
    ck_assert_str_eq(got.reason, reason);
    ck_assert_uint_eq(got.min_rows, FKCHECK_NEVER);
    ck_assert(got.refused);
}

START_TEST(auto_takes_it_where_it_is_safe)
{
    decide(FK_CHECK_AUTO);
    ck_assert_uint_eq(got.min_rows, FKCHECK_ROWS_MIN);
    ck_assert(!got.refused);
    ck_assert_str_eq(fkcheck_word(&got), "once a batch");
    ck_assert_str_eq(got.reason, "it is safe here; batches of fewer than 128 rows go row by row");
}
END_TEST

START_TEST(batch_takes_it_for_every_batch)
{
    decide(FK_CHECK_BATCH);
    ck_assert_uint_eq(got.min_rows, 0);
    ck_assert(!got.refused);
    ck_assert_str_eq(got.reason, "fk_check = batch");
}
END_TEST

START_TEST(row_never_takes_it)
{
    decide(FK_CHECK_ROW);
    ck_assert_uint_eq(got.min_rows, FKCHECK_NEVER);
    ck_assert(!got.refused);
    ck_assert_str_eq(got.reason, "fk_check = row");
}
END_TEST

static const struct {
    struct fact fact;
    const char *reason;
} unsafe[] = {
    {{"session", "version", "140011"}, "PostgreSQL 14, and it takes 15"},
    {{"session", "session_replication_role", "replica"},
     "session_replication_role is replica already"},
    {{"session", "SET", "false"}, "role tickd may not set session_replication_role"},
    {{"ingest_check_pairs()", "EXECUTE", "false"}, "role tickd may not call ingest_check_pairs()"},
    {{"pairs", "plain table", "false"}, "pairs is not a plain table"},
    {{"pairs", "lock", "false"}, "role tickd may not lock pairs (no UPDATE on any column)"},
    {{"pairs", "row security", "true"}, "row security hides pairs from role tickd"},
    {{"ticks_symbol_fkey", "key", "symbol = symbol, immediate, cascade"},
     "foreign key ticks_symbol_fkey is of another kind (symbol = symbol, immediate, cascade)"},
    {{"ticks_symbol_fkey", "key", "symbol = symbol, deferrable, restrict"},
     "foreign key ticks_symbol_fkey is of another kind (symbol = symbol, deferrable, restrict)"},
    {{"ticks", "checked", "false"}, "the foreign key has no trigger on ticks"},
};

START_TEST(anything_else_is_unsafe)
{
    change(unsafe[_i].fact.object, unsafe[_i].fact.attribute, unsafe[_i].fact.value);
    assert_unsafe(unsafe[_i].reason);
}
END_TEST

START_TEST(a_trigger_is_unsafe)
{
    add("audit on ticks", "trigger", "");
    assert_unsafe("trigger audit on ticks would be switched off");
}
END_TEST

START_TEST(a_second_key_of_another_kind_is_unsafe)
{
    add("also", "key", "exchange = display_name, immediate, restrict");
    assert_unsafe("foreign key also is of another kind"
                  " (exchange = display_name, immediate, restrict)");
}
END_TEST

/* Whatever the answer does not say, an older server's or a changed query's, is no reason to trust.
 */
START_TEST(what_is_not_known_is_unsafe)
{
    bool only_said = _i == 0; /* the role's name */
    decide_without(FK_CHECK_AUTO, _i);
    ck_assert_uint_eq(got.min_rows, only_said ? FKCHECK_ROWS_MIN : FKCHECK_NEVER);
    decide_without(FK_CHECK_BATCH, _i);
    ck_assert(got.refused != only_said);
}
END_TEST

START_TEST(nothing_known_is_unsafe)
{
    fact_count = 0;
    decide(FK_CHECK_AUTO);
    ck_assert_uint_eq(got.min_rows, FKCHECK_NEVER);
}
END_TEST

START_TEST(missing_function_and_key_are_named)
{
    decide_without(FK_CHECK_AUTO, 4);
    ck_assert_str_eq(got.reason, "function ingest_check_pairs() is missing");
    decide_without(FK_CHECK_AUTO, 8);
    ck_assert_str_eq(got.reason, "ticks has no foreign key to pairs");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("fkcheck");
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, auto_takes_it_where_it_is_safe);
    tcase_add_test(t, batch_takes_it_for_every_batch);
    tcase_add_test(t, row_never_takes_it);
    tcase_add_loop_test(t, anything_else_is_unsafe, 0, sizeof unsafe / sizeof *unsafe);
    tcase_add_test(t, a_trigger_is_unsafe);
    tcase_add_test(t, a_second_key_of_another_kind_is_unsafe);
    tcase_add_loop_test(t, what_is_not_known_is_unsafe, 0, SAFE);
    tcase_add_test(t, nothing_known_is_unsafe);
    tcase_add_test(t, missing_function_and_key_are_named);
    Suite *s = suite_create("fkcheck");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
