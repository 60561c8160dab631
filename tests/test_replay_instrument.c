/* SPDX-License-Identifier: MIT */
/* links: instrument.o csv.o decimal.o text.o timestamp.o number.o buf.o err.o */
#include "instrument.h"

#include "csv.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct instruments set;
static struct err e;
static struct buf out;

static void set_up(void)
{
    instruments_init(&set);
    buf_init(&out);
    memset(&e, 0, sizeof e);
}

static void tear_down(void)
{
    instruments_fini(&set);
    buf_fini(&out);
}

static bool parse(const char *text)
{
    char *copy = strdup(text);
    bool ok = instruments_parse(&set, "pairs.csv", copy, &e);
    free(copy);
    return ok;
}

/* --- decimals */

static const char *written(void (*put)(struct buf *, struct decimal), const char *text)
{
    struct decimal d;
    ck_assert_msg(decimal_parse(text, strlen(text), &d), "%s", text);
    buf_clear(&out);
    put(&out, d);
    buf_put_u8(&out, '\0');
    return (const char *)out.data;
}

START_TEST(decimals_keep_their_digits)
{
    ck_assert_str_eq(written(decimal_put, "0.030"), "0.030");
    ck_assert_str_eq(written(decimal_put, "-12.50"), "-12.50");
    ck_assert_str_eq(written(decimal_put, "95993"), "95993");
    ck_assert_str_eq(written(decimal_put, "1e-05"), "0.00001");
    ck_assert_str_eq(written(decimal_put, "1.5e3"), "1500");
    ck_assert_str_eq(written(decimal_put, "0"), "0");
}
END_TEST

START_TEST(floats_are_written_as_python_writes_them)
{
    ck_assert_str_eq(written(decimal_put_float, "100"), "100.0");
    ck_assert_str_eq(written(decimal_put_float, "0.250"), "0.25");
    ck_assert_str_eq(written(decimal_put_float, "0.0001"), "0.0001");
    ck_assert_str_eq(written(decimal_put_float, "0.00012"), "0.00012");
    ck_assert_str_eq(written(decimal_put_float, "0.000012"), "1.2e-05");
    ck_assert_str_eq(written(decimal_put_float, "0.00001"), "1e-05");
    ck_assert_str_eq(written(decimal_put_float, "0.00"), "0.0");
    ck_assert_str_eq(written(decimal_put_exponent, "0.030"), "30e-3");
}
END_TEST

static const char *const bad_decimals[] = {
    "", "-", ".", ".5", "x", "1.2.3", "1e", "1e+", "1e999", "12345678901234567890", "1 ", "1e-18",
};

START_TEST(other_texts_are_no_decimals)
{
    struct decimal d;
    ck_assert(!decimal_parse(bad_decimals[_i], strlen(bad_decimals[_i]), &d));
}
END_TEST

/* --- CSV */

START_TEST(csv_cells_are_split_and_unquoted)
{
    struct csv_row row;
    char line[] = "a,,\"b,\"\"c\"\"\",\"\",d\r";
    ck_assert(csv_split(&row, line, strlen(line), &e));
    static const char *const cells[] = {"a", "", "b,\"c\"", "", "d"};
    ck_assert_uint_eq(row.count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(row.cells[i].len, strlen(cells[i]));
        ck_assert(memcmp(row.cells[i].text, cells[i], strlen(cells[i])) == 0);
    }
    ck_assert(row.cells[3].quoted && !row.cells[1].quoted);
    ck_assert_uint_eq(csv_find(&row, "d"), 4);
    ck_assert_uint_eq(csv_find(&row, "x"), CSV_CELLS_MAX);
}
END_TEST

static const char *const bad_lines[] = {"\"a", "\"a\"b", "a,\"", "a,\"b\"\""};

START_TEST(csv_quotes_must_match)
{
    struct csv_row row;
    char *line = strdup(bad_lines[_i]);
    ck_assert(!csv_split(&row, line, strlen(line), &e));
    ck_assert_ptr_nonnull(strstr(e.text, "quotes"));
    free(line);
}
END_TEST

START_TEST(csv_has_a_limit_of_columns)
{
    struct csv_row row;
    char line[2 * CSV_CELLS_MAX];
    memset(line, ',', sizeof line);
    ck_assert(csv_split(&row, line, CSV_CELLS_MAX - 1, &e));
    ck_assert_uint_eq(row.count, CSV_CELLS_MAX);
    ck_assert(!csv_split(&row, line, CSV_CELLS_MAX, &e));
}
END_TEST

/* --- pairs */

START_TEST(default_pairs_are_those_of_the_schema)
{
    instruments_set_default(&set);
    ck_assert_uint_eq(set.count, 30);
    const struct instrument *p = instruments_find(&set, "kBONK", 5);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(p->tick.units, 1);
    ck_assert_int_eq(p->tick.scale, 6);
    ck_assert_int_eq(p->lot.units, 100);
    ck_assert_int_eq(p->start_ticks, 11874);
    ck_assert_ptr_null(instruments_find(&set, "KBONK", 5));
}
END_TEST

START_TEST(table_is_read_as_psql_writes_it)
{
    ck_assert(
        parse("symbol,quote_asset,min_order_size,tick_size,active\n"
              "BTC,USD,0.001,0.1,t\nODD,USD,10,0.25,t\nOLD,USD,1,1,f\n\nNEW,USD,1,1e-06,t\n"));
    ck_assert_uint_eq(set.count, 3);
    /* What the table does not say is as in the defaults, or 1. */
    ck_assert_int_eq(set.list[0].start_ticks, 959936);
    ck_assert_int_eq(set.list[1].tick.units, 25);
    ck_assert_int_eq(set.list[1].start_ticks, 4);
    ck_assert_int_eq(set.list[2].start_ticks, 1000000);
    ck_assert_str_eq(set.list[2].symbol, "NEW");
}
END_TEST

static const struct {
    const char *table;
    const char *complaint;
} bad_tables[] = {
    {"", "no active pair"},
    {"symbol,price\nBTC,1\n", "pairs.csv:1: no column \"tick_size\""},
    {"tick_size\n1\n", "pairs.csv:1: no column \"symbol\""},
    {"symbol,tick_size\nBTC,0\n", "pairs.csv:2: column tick_size"},
    {"symbol,tick_size\nBTC,-1\n", "pairs.csv:2: column tick_size"},
    {"symbol,tick_size\nBTC\n", "pairs.csv:2: column tick_size"},
    {"symbol,tick_size\nBTC,1\nBTC,1\n", "pairs.csv:3: column symbol: \"BTC\" is here twice"},
    {"symbol,tick_size\nTWENTY-ONE-CHARACTERS,1\n", "pairs.csv:2: column symbol"},
    {"symbol,tick_size,price\nA,1,x\n", "pairs.csv:2: column price"},
    {"symbol,tick_size,price\nA,1e-12,1e9\n", "pairs.csv:2: price"},
    {"symbol,tick_size,weight\nA,1,1.5\n", "pairs.csv:2: price, tick_size or weight"},
    {"symbol,tick_size,active\nA,1,f\n", "no active pair"},
    {"symbol,tick_size\n\"A,1\n", "pairs.csv:2: column 1: quotes"},
};

START_TEST(wrong_table_is_refused_with_its_line)
{
    ck_assert(!parse(bad_tables[_i].table));
    ck_assert_msg(strstr(e.text, bad_tables[_i].complaint) != NULL, "%s", e.text);
}
END_TEST

START_TEST(list_keeps_its_pairs_only)
{
    instruments_set_default(&set);
    ck_assert(instruments_keep(&set, "2Z,BTC", &e));
    ck_assert_uint_eq(set.count, 2);
    ck_assert(!instruments_keep(&set, "BTC,DOGE", &e));
    ck_assert_ptr_nonnull(strstr(e.text, "\"DOGE\" is not among the 2 pairs"));
}
END_TEST

int main(void)
{
#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
    Suite *suite = suite_create("replay_instrument");
    TCase *t = tcase_create("instrument");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, decimals_keep_their_digits);
    tcase_add_test(t, floats_are_written_as_python_writes_them);
    tcase_add_loop_test(t, other_texts_are_no_decimals, 0, COUNT(bad_decimals));
    tcase_add_test(t, csv_cells_are_split_and_unquoted);
    tcase_add_loop_test(t, csv_quotes_must_match, 0, COUNT(bad_lines));
    tcase_add_test(t, csv_has_a_limit_of_columns);
    tcase_add_test(t, default_pairs_are_those_of_the_schema);
    tcase_add_test(t, table_is_read_as_psql_writes_it);
    tcase_add_loop_test(t, wrong_table_is_refused_with_its_line, 0, COUNT(bad_tables));
    tcase_add_test(t, list_keeps_its_pairs_only);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
