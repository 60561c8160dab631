/* SPDX-License-Identifier: MIT */
/* links: ties.o record.o err.o */
#include "ties.h"

#include "hot_assert.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MANY 100000
#define T0   INT64_C(1763225136209000)

static struct ties *ties;

static void tear_down(void)
{
    ties_free(ties);
    ties = NULL;
}

static struct record make_tick(enum record_source source, int64_t time_us, double price)
{
    return (struct record){
        .time_us = time_us, .price = price, .bid = NAN, .ask = NAN, .source = source};
}

static struct record make_quote(int64_t time_us, double price)
{
    struct record r = make_tick(SOURCE_BBO, time_us, price);
    r.bid = price - 0.5;
    r.ask = price + 0.5;
    strcpy(r.exchange, "pacifica");
    r.exchange_len = 8;
    return r;
}

static void assert_placed(uint32_t slot, struct record r, enum tie expected, int64_t at_us)
{
    int64_t came_us = r.time_us;
    enum tie tie = ties_place(ties, slot, &r);
    hot_assert_msg(tie == expected && r.time_us == at_us,
                   "tick of +%lld is %d at +%lld, not %d at +%lld", (long long)(came_us - T0), tie,
                   (long long)(r.time_us - T0), expected, (long long)(at_us - T0));
}

static void assert_trade(uint32_t slot, int64_t time_us, enum tie expected, int64_t at_us)
{
    assert_placed(slot, make_tick(SOURCE_TRADES, time_us, 1), expected, at_us);
}

static void assert_quote(int64_t time_us, double price, enum tie expected)
{
    struct record r = make_quote(time_us, price);
    enum tie tie = ties_place(ties, 0, &r);
    ck_assert_msg(tie == expected, "quote %g at +%lld is %d, not %d", price,
                  (long long)(time_us - T0), tie, expected);
}

/* --- the three modes --- */

START_TEST(free_key_is_taken_as_it_is)
{
    ties = ties_new((enum ties_mode)_i, MANY, false);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_trade(1, T0, TIE_NONE, T0);
    assert_trade(0, T0 + 1, TIE_NONE, T0 + 1);
    assert_trade(0, T0 - 1, TIE_NONE, T0 - 1);
    assert_trade(MANY, T0, TIE_NONE, T0);
}
END_TEST

START_TEST(spread_gives_each_the_next_microsecond_in_order)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_trade(0, T0, TIE_NONE, T0);
    for (int i = 1; i < 348; i++)
        assert_trade(0, T0, TIE_SPREAD, T0 + i);
    assert_trade(1, T0, TIE_NONE, T0);
}
END_TEST

START_TEST(spread_steps_over_what_others_have_taken)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_trade(0, T0 + 1, TIE_NONE, T0 + 1);
    assert_trade(0, T0 + 3, TIE_NONE, T0 + 3);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_trade(0, T0, TIE_SPREAD, T0 + 2);
    assert_trade(0, T0, TIE_SPREAD, T0 + 4);
    assert_trade(0, T0 + 2, TIE_SPREAD, T0 + 5);
    assert_trade(0, T0 + 1, TIE_SPREAD, T0 + 6);
    assert_trade(0, T0 + 6, TIE_SPREAD, T0 + 7);
    assert_trade(0, T0 + 8, TIE_NONE, T0 + 8);
}
END_TEST

START_TEST(first_drops_the_later)
{
    ties = ties_new(TIES_MODE_FIRST, MANY, false);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_trade(0, T0, TIE_DROPPED, T0);
    assert_trade(0, T0, TIE_DROPPED, T0);
    assert_trade(1, T0, TIE_NONE, T0);
}
END_TEST

START_TEST(last_replaces_the_earlier)
{
    ties = ties_new(TIES_MODE_LAST, MANY, false);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_trade(0, T0, TIE_REPLACES, T0);
    assert_trade(0, T0, TIE_REPLACES, T0);
    assert_trade(1, T0, TIE_NONE, T0);
}
END_TEST

/* Else the n-th row of a tie would look at all n before it. */
START_TEST(rows_on_one_key_cost_a_few_look_ups_each)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    for (int i = 0; i < MANY; i++)
        assert_trade(0, T0, i ? TIE_SPREAD : TIE_NONE, T0 + i);
    ck_assert_uint_le(ties_lookups(ties), 4 * MANY);
}
END_TEST

/* Times go up with steps back and ties, of a few pairs, two of which are as far apart as pairs can
 * be that share what is known of their latest time. */
START_TEST(places_are_those_that_a_look_at_all_would_find)
{
    enum { PAIRS = 4, STEPS = 20000, BACK = 60 };
    static const uint32_t slots[PAIRS] = {0, 1, 256, 70000};
    static bool taken[PAIRS][STEPS + 2 * BACK];
    memset(taken, 0, sizeof taken);
    srand(20251115);
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    for (int step = BACK; step < STEPS; step++) {
        int pair = rand() % PAIRS;
        int came = rand() % 3 ? step : step - rand() % BACK;
        int at = came;
        while (taken[pair][at])
            at++;
        taken[pair][at] = true;
        assert_trade(slots[pair], T0 + came, at == came ? TIE_NONE : TIE_SPREAD, T0 + at);
    }
}
END_TEST

/* --- how much is remembered --- */

START_TEST(as_many_keys_as_asked_are_remembered)
{
    size_t memory = (size_t)_i;
    ties = ties_new(TIES_MODE_FIRST, memory, false);
    for (int64_t key = 0; key < 50 * _i; key++) {
        assert_trade(0, T0 + key * 1000, TIE_NONE, T0 + key * 1000);
        int64_t oldest = key < _i ? 0 : key - _i + 1;
        assert_trade(0, T0 + oldest * 1000, TIE_DROPPED, T0 + oldest * 1000);
    }
}
END_TEST

START_TEST(keys_older_than_twice_the_memory_are_forgotten)
{
    ties = ties_new(TIES_MODE_FIRST, 10, false);
    for (int64_t key = 0; key < 21; key++)
        assert_trade(0, T0 + key, TIE_NONE, T0 + key);
    assert_trade(0, T0, TIE_NONE, T0);
}
END_TEST

START_TEST(forgetting_forgets_keys_runs_and_quotes)
{
    ties = ties_new(TIES_MODE_SPREAD, 10, false);
    for (int i = 0; i < 15; i++)
        assert_trade(0, T0, i ? TIE_SPREAD : TIE_NONE, T0 + i);
    assert_quote(T0 + 1000, 5, TIE_NONE);
    ties_forget(ties);
    assert_quote(T0 + 1000, 5, TIE_NONE);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_trade(0, T0, TIE_SPREAD, T0 + 1);
}
END_TEST

/* --- repeats --- */

START_TEST(equal_snapshot_is_a_repeat_as_often_as_it_comes)
{
    ties = ties_new((enum ties_mode)_i, MANY, false);
    assert_quote(T0, 5, TIE_NONE);
    assert_quote(T0, 5, TIE_REPEAT);
    assert_quote(T0, 5, TIE_REPEAT);
    assert_quote(T0 + 1000, 5, TIE_NONE);
    struct record r = make_quote(T0, 5);
    assert_placed(1, r, TIE_NONE, T0);
    assert_placed(1, r, TIE_REPEAT, T0);
}
END_TEST

START_TEST(equal_trades_and_canonical_ticks_are_different_ticks)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_placed(0, make_tick(SOURCE_TRADES, T0, 5), TIE_NONE, T0);
    assert_placed(0, make_tick(SOURCE_TRADES, T0, 5), TIE_SPREAD, T0 + 1);
    assert_placed(1, make_tick(SOURCE_CANONICAL, T0, 5), TIE_NONE, T0);
    assert_placed(1, make_tick(SOURCE_CANONICAL, T0, 5), TIE_SPREAD, T0 + 1);
}
END_TEST

/* "Equal to the one last seen for that symbol and time": quotes of other times in between do not
 * matter, as when two relays send the same feed, one a little behind. */
START_TEST(repeat_is_told_after_quotes_of_other_times)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_quote(T0, 5, TIE_NONE);
    assert_quote(T0 + 1000, 6, TIE_NONE);
    assert_quote(T0, 5, TIE_REPEAT);
    assert_quote(T0 + 1000, 6, TIE_REPEAT);
}
END_TEST

START_TEST(repeat_is_told_after_trades_of_the_same_time)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_trade(0, T0, TIE_NONE, T0);
    assert_placed(0, make_quote(T0, 5), TIE_SPREAD, T0 + 1);
    assert_trade(0, T0, TIE_SPREAD, T0 + 2);
    assert_placed(0, make_quote(T0, 5), TIE_REPEAT, T0);
}
END_TEST

START_TEST(only_the_last_quote_of_an_instant_is_repeated)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    assert_quote(T0, 5, TIE_NONE);
    assert_quote(T0, 6, TIE_SPREAD);
    assert_quote(T0, 5, TIE_SPREAD);
    assert_quote(T0, 6, TIE_SPREAD);
    assert_quote(T0, 6, TIE_REPEAT);
}
END_TEST

/* The table does not know the channel of a row, so the database could not tell otherwise. */
START_TEST(channel_makes_no_difference_to_a_repeat)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, false);
    struct record r = make_quote(T0, 5);
    assert_placed(0, r, TIE_NONE, T0);
    r.source = SOURCE_PRICES;
    assert_placed(0, r, TIE_REPEAT, T0);
}
END_TEST

START_TEST(each_stored_field_makes_a_quote_another)
{
    struct record other[7];
    for (int i = 0; i < 7; i++)
        other[i] = make_quote(T0, 5);
    other[0].price = 5.000001;
    other[1].volume = 1;
    other[2].bid = NAN;
    other[3].ask = NAN;
    other[4].exchange_len = 7;
    other[5].exchange[0] = 'P';
    other[6].bid = other[6].ask;
    for (int i = 0; i < 7; i++) {
        ties = ties_new(TIES_MODE_SPREAD, MANY, false);
        assert_quote(T0, 5, TIE_NONE);
        assert_placed(0, other[i], TIE_SPREAD, T0 + 1);
        assert_placed(0, other[i], TIE_REPEAT, T0);
        ties_free(ties);
    }
    ties = NULL;
}
END_TEST

START_TEST(repeats_are_kept_if_so_wished)
{
    ties = ties_new(TIES_MODE_SPREAD, MANY, true);
    assert_quote(T0, 5, TIE_NONE);
    assert_quote(T0, 5, TIE_SPREAD);
    assert_quote(T0, 5, TIE_SPREAD);
}
END_TEST

/* --- against a model that remembers everything --- */

enum { PAIRS = 3, INSTANTS = 12, STEP_US = 4, RANGE_US = 4096, PLACES = 2000 };

static struct {
    enum ties_mode mode;
    int64_t memory;
    int64_t placed[PAIRS][RANGE_US]; /* when the key was last taken, counted in keys; 0 = never */
    int64_t keys;
    double quoted[PAIRS][INSTANTS * STEP_US];       /* price of the last quote at an instant, */
    int64_t quoted_with[PAIRS][INSTANTS * STEP_US]; /* and `placed` of the key it came with */
} model;

static uint32_t bits(void)
{
    static uint64_t state = 88172645463325252U; /* xorshift64 (Marsaglia 2003) */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static bool is_recent(uint32_t pair, int64_t at)
{
    return model.placed[pair][at] > 0 && model.keys - model.placed[pair][at] < model.memory;
}

static bool was_taken(uint32_t pair, int64_t from, int64_t to)
{
    while (from < to && model.placed[pair][from] > 0)
        from++;
    return from == to;
}

static void check_free(uint32_t pair, int64_t at)
{
    if (is_recent(pair, at))
        ck_abort_msg("a recent key is given away again");
    model.placed[pair][at] = ++model.keys;
}

/* What was decided is allowed, whatever has been forgotten. */
static void check_tie(enum tie tie, uint32_t pair, const struct record *r, int64_t came)
{
    int64_t at = r->time_us - T0;
    bool allowed = false;
    switch (tie) {
    case TIE_NONE:
        allowed = at == came;
        check_free(pair, at);
        break;
    case TIE_SPREAD:
        allowed = model.mode == TIES_MODE_SPREAD && at > came && was_taken(pair, came, at);
        check_free(pair, at);
        break;
    case TIE_DROPPED:
    case TIE_REPLACES:
        allowed = at == came && was_taken(pair, at, at + 1) &&
                  model.mode == (tie == TIE_DROPPED ? TIES_MODE_FIRST : TIES_MODE_LAST);
        break;
    case TIE_REPEAT:
        allowed = at == came && record_is_snapshot(r) && model.quoted[pair][came] == r->price;
        break;
    }
    if (!allowed)
        ck_abort_msg("tick of +%lld is %d at +%lld", (long long)came, tie, (long long)at);
}

static void place_one(void)
{
    uint32_t pair = bits() % PAIRS;
    int64_t came = bits() % INSTANTS * STEP_US;
    bool quote = bits() % 2;
    double price = 1 + bits() % 2;
    struct record r =
        quote ? make_quote(T0 + came, price) : make_tick(SOURCE_TRADES, T0 + came, price);
    bool must_repeat = quote && model.quoted[pair][came] == price && is_recent(pair, came) &&
                       model.quoted_with[pair][came] == model.placed[pair][came];
    enum tie tie = ties_place(ties, pair, &r);
    check_tie(tie, pair, &r, came);
    if (must_repeat && tie != TIE_REPEAT)
        ck_abort_msg("a repeat is not seen");
    if (quote) {
        model.quoted[pair][came] = price;
        model.quoted_with[pair][came] = model.placed[pair][came];
    }
}

START_TEST(random_ticks_are_placed_as_a_model_allows)
{
    for (int run = 0; run < 60; run++) {
        memset(&model, 0, sizeof model);
        model.mode = (enum ties_mode)_i;
        model.memory = run % 3 ? 1 + bits() % 50 : MANY;
        ties_free(ties);
        ties = ties_new(model.mode, (size_t)model.memory, false);
        for (int i = 0; i < PLACES; i++)
            place_one();
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("ties");
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_add_loop_test(t, free_key_is_taken_as_it_is, TIES_MODE_SPREAD, TIES_MODE_LAST + 1);
    tcase_add_test(t, spread_gives_each_the_next_microsecond_in_order);
    tcase_add_test(t, spread_steps_over_what_others_have_taken);
    tcase_add_test(t, first_drops_the_later);
    tcase_add_test(t, last_replaces_the_earlier);
    tcase_add_test(t, rows_on_one_key_cost_a_few_look_ups_each);
    tcase_add_test(t, places_are_those_that_a_look_at_all_would_find);
    tcase_add_loop_test(t, as_many_keys_as_asked_are_remembered, 1, 20);
    tcase_add_test(t, keys_older_than_twice_the_memory_are_forgotten);
    tcase_add_test(t, forgetting_forgets_keys_runs_and_quotes);
    tcase_add_loop_test(t, equal_snapshot_is_a_repeat_as_often_as_it_comes, TIES_MODE_SPREAD,
                        TIES_MODE_LAST + 1);
    tcase_add_test(t, equal_trades_and_canonical_ticks_are_different_ticks);
    tcase_add_test(t, repeat_is_told_after_quotes_of_other_times);
    tcase_add_test(t, repeat_is_told_after_trades_of_the_same_time);
    tcase_add_test(t, only_the_last_quote_of_an_instant_is_repeated);
    tcase_add_test(t, channel_makes_no_difference_to_a_repeat);
    tcase_add_test(t, each_stored_field_makes_a_quote_another);
    tcase_add_test(t, repeats_are_kept_if_so_wished);
    tcase_add_loop_test(t, random_ticks_are_placed_as_a_model_allows, TIES_MODE_SPREAD,
                        TIES_MODE_LAST + 1);
    Suite *s = suite_create("ties");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
