/* SPDX-License-Identifier: MIT */
/* links: pairs.o err.o */
#include "pairs.h"

#include "hot_assert.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pairs *pairs;
static PGresult *rows;
static struct err e;

static void set_up(void)
{
    pairs = pairs_new();
}

static void tear_down(void)
{
    pairs_free(pairs);
    PQclear(rows);
    rows = NULL;
}

/* An empty result of pairs_sql. */
static void begin_rows(int columns)
{
    static char name[] = "column";
    PGresAttDesc columns_of_text[4];
    for (int i = 0; i < columns; i++)
        columns_of_text[i] = (PGresAttDesc){.name = name, .typid = 25, .typlen = -1};
    PQclear(rows);
    rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_int_eq(PQsetResultAttrs(rows, columns, columns_of_text), 1);
}

static void set_value(int row, int column, const char *text)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", text);
    ck_assert_int_eq(PQsetvalue(rows, row, column, copy, (int)strlen(copy)), 1);
}

static void add_row(const char *symbol, const char *active, const char *name, const char *category)
{
    int row = PQntuples(rows);
    set_value(row, 0, symbol);
    set_value(row, 1, active);
    set_value(row, 2, name);
    set_value(row, 3, category);
}

static void load(void)
{
    ck_assert(pairs_load(pairs, rows, &e));
}

static const struct pair *find(const char *symbol)
{
    return pairs_find(pairs, symbol, strlen(symbol));
}

START_TEST(before_the_first_load_nothing_is_known)
{
    ck_assert(!pairs_loaded(pairs));
    ck_assert_ptr_null(find("BTC"));
    ck_assert_ptr_null(find(""));
    ck_assert_uint_eq(pairs_count(pairs), 0);
    ck_assert_uint_eq(pairs_slot_count(pairs), 0);
}
END_TEST

START_TEST(loaded_pairs_are_found_with_their_fields)
{
    begin_rows(4);
    add_row("BTC", "t", "Bitcoin", "major");
    add_row("kBONK", "f", "", "emerging");
    load();
    ck_assert(pairs_loaded(pairs));
    ck_assert_uint_eq(pairs_count(pairs), 2);
    ck_assert_uint_eq(pairs_active_count(pairs), 1);
    const struct pair *p = find("BTC");
    ck_assert_str_eq(p->symbol, "BTC");
    ck_assert_uint_eq(p->symbol_len, 3);
    ck_assert(p->listed && p->active);
    ck_assert_str_eq(p->display_name, "Bitcoin");
    ck_assert_str_eq(p->category, "major");
    p = find("kBONK");
    ck_assert(p->listed && !p->active);
    ck_assert_str_eq(p->display_name, "");
}
END_TEST

START_TEST(only_the_exact_symbol_is_found)
{
    begin_rows(4);
    add_row("SOL", "t", "", "major");
    add_row("SOL-USDC", "t", "", "major");
    load();
    ck_assert_ptr_null(find("sol"));
    ck_assert_ptr_null(find("SO"));
    ck_assert_ptr_null(find("SOL "));
    ck_assert_ptr_null(find("SOL-"));
    ck_assert_ptr_ne(find("SOL"), find("SOL-USDC"));
    ck_assert_ptr_eq(pairs_find(pairs, "SOL-USDC", 3), find("SOL"));
}
END_TEST

START_TEST(empty_table_is_loaded_too)
{
    begin_rows(4);
    load();
    ck_assert(pairs_loaded(pairs));
    ck_assert_uint_eq(pairs_count(pairs), 0);
}
END_TEST

START_TEST(pair_without_row_is_not_listed_any_more)
{
    begin_rows(4);
    add_row("BTC", "t", "", "major");
    add_row("ETH", "t", "", "major");
    load();
    begin_rows(4);
    add_row("ETH", "f", "", "major");
    load();
    ck_assert_ptr_null(find("BTC"));
    ck_assert(!find("ETH")->active);
    ck_assert_uint_eq(pairs_count(pairs), 1);
    ck_assert_uint_eq(pairs_active_count(pairs), 0);
    ck_assert_uint_eq(pairs_slot_count(pairs), 2);
}
END_TEST

START_TEST(pair_keeps_its_slot_when_its_row_goes_and_comes_back)
{
    begin_rows(4);
    add_row("BTC", "t", "", "major");
    add_row("ETH", "t", "", "major");
    load();
    uint32_t btc = find("BTC")->slot, eth = find("ETH")->slot;
    ck_assert_uint_ne(btc, eth);
    begin_rows(4);
    load();
    begin_rows(4);
    add_row("NEW", "t", "", "major");
    add_row("ETH", "t", "", "major");
    add_row("BTC", "t", "Bitcoin", "mid");
    load();
    ck_assert_uint_eq(find("BTC")->slot, btc);
    ck_assert_uint_eq(find("ETH")->slot, eth);
    ck_assert_uint_eq(find("NEW")->slot, 2);
    ck_assert_str_eq(find("BTC")->display_name, "Bitcoin");
    ck_assert_str_eq(find("BTC")->category, "mid");
    ck_assert_uint_eq(pairs_slot_count(pairs), 3);
}
END_TEST

/* varchar(20) counts characters; a tick's symbol has at most 20 bytes. */
START_TEST(symbol_that_no_tick_can_have_is_passed_over)
{
    begin_rows(4);
    add_row("12345678901234567890", "t", "", "major");
    add_row("123456789012345678901", "t", "", "major");
    add_row("", "t", "", "major");
    load();
    ck_assert_uint_eq(pairs_count(pairs), 1);
    ck_assert_ptr_nonnull(find("12345678901234567890"));
    ck_assert_ptr_null(find("123456789012345678901"));
    ck_assert_ptr_null(find(""));
}
END_TEST

START_TEST(longest_texts_of_four_byte_characters_fit)
{
    char name[50 * 4 + 1] = "", category[20 * 4 + 1] = "";
    for (int i = 0; i < 50; i++)
        strcat(name, "\xf0\x9f\x90\x95");
    for (int i = 0; i < 20; i++)
        strcat(category, "\xf0\x9f\x90\x95");
    begin_rows(4);
    add_row("DOGE", "t", name, category);
    load();
    ck_assert_str_eq(find("DOGE")->display_name, name);
    ck_assert_str_eq(find("DOGE")->category, category);
}
END_TEST

START_TEST(longer_texts_are_cut)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    begin_rows(4);
    add_row("DOGE", "t", name, name);
    load();
    ck_assert_uint_eq(strlen(find("DOGE")->display_name), sizeof find("DOGE")->display_name - 1);
    ck_assert_uint_eq(strlen(find("DOGE")->category), sizeof find("DOGE")->category - 1);
}
END_TEST

START_TEST(what_is_not_the_result_changes_nothing)
{
    begin_rows(4);
    add_row("BTC", "t", "", "major");
    load();
    begin_rows(3);
    ck_assert(!pairs_load(pairs, rows, &e));
    ck_assert_str_eq(e.text, "pairs: 3 columns came back, expected 4");
    PQclear(rows);
    rows = PQmakeEmptyPGresult(NULL, PGRES_COMMAND_OK);
    ck_assert(!pairs_load(pairs, rows, &e));
    ck_assert_str_eq(e.text, "pairs: no rows came back");
    ck_assert(!pairs_load(pairs, NULL, &e));
    ck_assert_ptr_nonnull(find("BTC"));
    ck_assert_uint_eq(pairs_count(pairs), 1);
}
END_TEST

static void add_many(int from, int count)
{
    for (int i = from; i < from + count; i++) {
        char symbol[16];
        snprintf(symbol, sizeof symbol, "S%d", i);
        add_row(symbol, i % 3 ? "t" : "f", "", "major");
    }
}

START_TEST(ten_thousand_pairs_keep_their_slots_through_reloads)
{
    enum { MANY = 10000 };
    static uint32_t slots[MANY];
    begin_rows(4);
    add_many(0, MANY / 2);
    load();
    for (int reload = 0; reload < 3; reload++) {
        begin_rows(4);
        add_many(MANY / 2, MANY / 2);
        add_many(0, MANY / 2);
        load();
        ck_assert_uint_eq(pairs_count(pairs), MANY);
        ck_assert_uint_eq(pairs_slot_count(pairs), MANY);
        for (int i = 0; i < MANY; i++) {
            char symbol[16];
            snprintf(symbol, sizeof symbol, "S%d", i);
            const struct pair *p = find(symbol);
            hot_assert(strcmp(p->symbol, symbol) == 0);
            hot_assert(p->active == (i % 3 != 0));
            if (reload == 0)
                slots[i] = p->slot;
            hot_assert(p->slot == slots[i]);
            hot_assert(i >= MANY / 2 || p->slot == (uint32_t)i);
        }
    }
    ck_assert_ptr_null(find("S10000"));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("pairs");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, before_the_first_load_nothing_is_known);
    tcase_add_test(t, loaded_pairs_are_found_with_their_fields);
    tcase_add_test(t, only_the_exact_symbol_is_found);
    tcase_add_test(t, empty_table_is_loaded_too);
    tcase_add_test(t, pair_without_row_is_not_listed_any_more);
    tcase_add_test(t, pair_keeps_its_slot_when_its_row_goes_and_comes_back);
    tcase_add_test(t, symbol_that_no_tick_can_have_is_passed_over);
    tcase_add_test(t, longest_texts_of_four_byte_characters_fit);
    tcase_add_test(t, longer_texts_are_cut);
    tcase_add_test(t, what_is_not_the_result_changes_nothing);
    tcase_add_test(t, ten_thousand_pairs_keep_their_slots_through_reloads);
    Suite *s = suite_create("pairs");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
