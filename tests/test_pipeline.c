/* SPDX-License-Identifier: MIT */
/* links: pipeline.o ties.o batch.o copyrow.o offsets.o pairs.o validate.o detail.o timestamp.o number.o utf8.o record.o reject.o backoff.o buf.o err.o stub_log.o fake_decode.o fake_pairs.o pipeline_bed.o */
/*
 * The undisturbed pipeline: intake, what becomes of items, when batches fly, pairs, stopping.
 * Failures are in test_pipeline_faults.c, partitions that come and go in test_pipeline_assign.c.
 */
#include "pipeline.h"

#include "pipeline_bed.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static bool wants_input(void)
{
    return pipeline_wants_input(bed_pipeline());
}

static struct batch_count flying_count(void)
{
    return batch_total(bed_flying());
}

/* --- starting --- */

START_TEST(nothing_is_wanted_before_an_assignment)
{
    ck_assert_int_eq(pipeline_state(bed_pipeline()), PIPELINE_IDLE);
    ck_assert(!wants_input());
    bed_database(true);
    ck_assert(!wants_input());
    bed_expect("");
    ck_assert_int_eq(bed_wake_us(), -1);
}
END_TEST

START_TEST(assigned_partitions_start_at_their_stored_offsets)
{
    bed_database(true);
    bed_assign(3);
    bed_expect("read#1 ");
    ck_assert_int_eq(pipeline_state(bed_pipeline()), PIPELINE_SYNCING);
    ck_assert(!wants_input());
    bed_offsets(7, 0, 5000000000);
    bed_expect("assign:7,0,5000000000 ");
    ck_assert_int_eq(pipeline_state(bed_pipeline()), PIPELINE_RUNNING);
    ck_assert(wants_input());
}
END_TEST

START_TEST(assignment_waits_for_the_database)
{
    bed_assign(1);
    bed_expect("");
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_database(true);
    bed_expect("read#2 ");
    bed_offsets(100);
    bed_expect("assign:100 ");
}
END_TEST

START_TEST(database_lost_while_syncing_is_asked_again)
{
    bed_database(true);
    bed_assign(1);
    bed_database(false);
    bed_expect("read#1 ");
    bed_database(true);
    bed_expect("read#2 ");
    bed_stale_offsets(1, 3);
    bed_expect("");
    ck_assert_int_eq(pipeline_state(bed_pipeline()), PIPELINE_SYNCING);
    bed_offsets(100);
    bed_expect("assign:100 ");
    bed_offsets(50); /* nobody asked */
    bed_expect("");
}
END_TEST

START_TEST(nothing_is_wanted_before_pairs_are_loaded)
{
    struct pairs *none = pairs_new();
    struct pipeline_ops ops = {0};
    struct pipeline *p = pipeline_new(bed_options(), none, &ops);
    ck_assert(!pipeline_wants_input(p));
    pipeline_free(p);
    pairs_free(none);
    pipeline_free(NULL);
}
END_TEST

START_TEST(states_have_names)
{
    ck_assert_str_eq(pipeline_state_name(PIPELINE_IDLE), "idle");
    ck_assert_str_eq(pipeline_state_name(PIPELINE_SYNCING), "syncing");
    ck_assert_str_eq(pipeline_state_name(PIPELINE_RUNNING), "running");
    ck_assert_str_eq(pipeline_state_name(PIPELINE_RELEASING), "releasing");
}
END_TEST

/* --- what becomes of items --- */

START_TEST(each_item_is_stored_rejected_or_ignored)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 ! . ETH@1=5 OLD@1=5 BTC@999999=5");
    bed_wait_us(1000);
    bed_expect("commit:2+3 ");
    struct batch_count c = flying_count();
    ck_assert_int_eq(c.messages, 1);
    ck_assert_int_eq(c.stored, 2);
    ck_assert_int_eq(c.rejected, 3);
    ck_assert_int_eq(c.ignored, 1);
    ck_assert_uint_eq(bed_stats()->messages, 1);
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_NO_PRICE], 1);
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_INACTIVE_SYMBOL], 1);
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_TOO_FAR_AHEAD], 1);
    ck_assert_uint_eq(bed_stats()->stored, 0);
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->stored, 2);
    ck_assert_uint_eq(bed_stats()->rejected, 3);
    ck_assert_uint_eq(bed_stats()->ignored, 1);
    ck_assert_uint_eq(bed_stats()->commits, 1);
    ck_assert_uint_eq(bed_stats()->merges, 0);
}
END_TEST

START_TEST(ties_are_spread)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@1=5");
    bed_take(0, 101, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:3+0 ");
    ck_assert_uint_eq(bed_stats()->ties_spread, 2);
}
END_TEST

START_TEST(repeated_quotes_are_ignored)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1~5 BTC@1~5 BTC@1~6");
    bed_wait_us(1000);
    bed_expect("commit:2+0 ");
    ck_assert_int_eq(flying_count().ignored, 1);
}
END_TEST

START_TEST(ties_first_drops_and_counts)
{
    bed_options()->ties = TIES_MODE_FIRST;
    bed_reopen();
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@1=6");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    ck_assert_int_eq(flying_count().dropped, 1);
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->dropped, 1);
}
END_TEST

START_TEST(ties_last_goes_row_by_row_where_it_must)
{
    bed_options()->ties = TIES_MODE_LAST;
    bed_reopen();
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    bed_take(0, 101, "BTC@1=6 BTC@2=7");
    bed_commit(COMMIT_DONE);
    bed_wait_us(1000);
    bed_expect("committed:101 merge:2+0 ");
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->merges, 1);
    bed_take(0, 102, "BTC@3=6");
    bed_wait_us(1000);
    bed_expect("committed:102 commit:1+0 ");
}
END_TEST

START_TEST(message_without_ticks_is_committed_too)
{
    bed_run(1);
    bed_take(0, 100, "");
    bed_wait_us(1000);
    bed_expect("commit:0+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 ");
}
END_TEST

/* librdkafka can rewind by itself. */
START_TEST(message_seen_before_is_passed_over)
{
    bed_run(2);
    bed_take(0, 99, "BTC@1=5");
    bed_take(0, 100, "BTC@1=5");
    bed_take(0, 100, "BTC@1=5");
    bed_take(0, 50, "BTC@1=5");
    bed_take(1, 99, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    ck_assert_uint_eq(bed_stats()->seen_before, 4);
    ck_assert_uint_eq(bed_stats()->messages, 1);
}
END_TEST

START_TEST(offsets_may_have_holes)
{
    bed_run(2);
    bed_take(0, 105, "BTC@1=5");
    bed_take(0, 110, "BTC@2=5");
    bed_take(1, 5000000000, "BTC@3=5");
    bed_wait_us(1000);
    ck_assert_int_eq(bed_flying()->span[0].from, 100);
    ck_assert_int_eq(bed_flying()->span[0].next, 111);
    bed_commit(COMMIT_DONE);
    bed_expect("commit:3+0 committed:111,5000000001 ");
    bed_take(0, 115, "BTC@1=5");
    bed_wait_us(1000);
    ck_assert_int_eq(bed_flying()->span[0].from, 111);
}
END_TEST

/* --- when batches fly --- */

START_TEST(batch_lingers_from_its_first_message)
{
    bed_run(1);
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_take(0, 100, "BTC@1=5");
    ck_assert_int_eq(bed_wake_us(), 1000);
    bed_wait_us(600);
    bed_take(0, 101, "BTC@2=5");
    ck_assert_int_eq(bed_wake_us(), 400);
    bed_wait_us(399);
    bed_expect("");
    bed_wait_us(1);
    bed_expect("commit:2+0 ");
    ck_assert_int_eq(bed_wake_us(), -1);
    ck_assert(pipeline_is_flying(bed_pipeline()));
}
END_TEST

/* A fetch that gathers for 700 us has done so before it came, unless the one before came meanwhile.
 */
START_TEST(wait_of_a_fetch_is_a_part_of_the_linger)
{
    bed_options()->gather_us = 700;
    bed_reopen();
    bed_run(1);
    bed_wait_us(5000);
    bed_take(0, 100, "BTC@1=5");
    ck_assert_int_eq(bed_wake_us(), 300);
    bed_take(0, 101, "BTC@2=5");
    ck_assert_int_eq(bed_wake_us(), 300);
    bed_wait_us(300);
    bed_expect("commit:2+0 ");
    bed_commit(COMMIT_DONE);
    bed_wait_us(100);
    bed_take(0, 102, "BTC@3=5");
    ck_assert_int_eq(bed_wake_us(), 600);
}
END_TEST

START_TEST(batch_full_of_rows_flies_at_once)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@2=5 !");
    bed_expect("");
    bed_take(0, 101, "BTC@3=5");
    bed_expect("commit:3+1 ");
}
END_TEST

START_TEST(batch_full_of_bytes_flies_at_once)
{
    bed_options()->limits = (struct batch_limits){.rows = 1000, .bytes = 250, .linger_us = 1000};
    bed_reopen();
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_expect("");
    bed_take(0, 101, "BTC@2=5 BTC@3=5 BTC@4=5");
    bed_expect("commit:4+0 ");
}
END_TEST

START_TEST(message_is_never_divided)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@2=5 BTC@3=5 BTC@4=5 BTC@5=5 BTC@6=5 BTC@7=5");
    bed_expect("commit:7+0 ");
}
END_TEST

START_TEST(one_batch_fills_while_the_other_flies)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    bed_take(0, 101, "BTC@2=5 BTC@3=5");
    bed_wait_us(5000);
    bed_expect("");
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 commit:2+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:102 ");
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

START_TEST(full_batch_pauses_consumer)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@2=5 BTC@3=5 BTC@4=5");
    ck_assert(wants_input());
    bed_take(0, 101, "BTC@5=5 BTC@6=5 BTC@7=5");
    ck_assert(wants_input());
    bed_take(0, 102, "BTC@8=5");
    ck_assert(!wants_input());
    bed_expect("commit:4+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 commit:4+0 ");
    ck_assert(wants_input());
}
END_TEST

START_TEST(intake_goes_on_without_the_database_until_full)
{
    bed_run(1);
    bed_database(false);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(100000);
    bed_expect("");
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_take(0, 101, "BTC@2=5 BTC@3=5 BTC@4=5");
    ck_assert(!wants_input());
    bed_database(true);
    bed_expect("read#2 ");
    bed_offsets(100);
    bed_expect("commit:4+0 ");
    ck_assert(wants_input());
}
END_TEST

START_TEST(limits_may_change_while_running)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_options()->limits.rows = 2;
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_wait_us(0);
    bed_expect("commit:2+0 ");
    bed_options()->limits.linger_us = 5000;
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_take(0, 101, "BTC@3=5");
    bed_commit(COMMIT_DONE);
    ck_assert_int_eq(bed_wake_us(), 5000);
}
END_TEST

START_TEST(validation_and_decoding_may_change_while_running)
{
    bed_run(1);
    bed_options()->validate.max_ahead_us = 1000;
    bed_options()->decode.max_ticks = 2;
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_take(0, 100, "BTC@1=5 BTC@2=5 BTC@3=5");
    bed_wait_us(1000);
    bed_expect("commit:1+2 ");
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_TOO_FAR_AHEAD], 1);
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_NO_PRICE], 1);
}
END_TEST

/* --- pairs --- */

START_TEST(unknown_symbol_holds_the_message_for_one_refresh)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    ck_assert(!bed_offer(0, 101, "NEW@1=5"));
    bed_expect("refresh ");
    ck_assert(!wants_input());
    bed_wait_us(1000);
    bed_expect("commit:1+0 "); /* what was taken before does not wait */
    bed_load_pairs("BTC ETH NEW");
    ck_assert(wants_input());
    bed_take(0, 101, "NEW@1=5");
    bed_commit(COMMIT_DONE);
    bed_wait_us(1000);
    bed_expect("committed:101 commit:1+0 ");
}
END_TEST

START_TEST(symbol_still_unknown_is_rejected)
{
    bed_run(1);
    ck_assert(!bed_offer(0, 100, "BTC@1=5 NEW@1=5"));
    bed_load_pairs("BTC ETH");
    bed_take(0, 100, "BTC@1=5 NEW@1=5");
    bed_wait_us(1000);
    bed_expect("refresh commit:1+1 ");
    ck_assert_uint_eq(bed_stats()->rejects[REJECT_UNKNOWN_SYMBOL], 1);
    ck_assert_uint_eq(bed_stats()->messages, 1);
}
END_TEST

START_TEST(pairs_are_not_refreshed_too_often)
{
    bed_run(1);
    ck_assert(!bed_offer(0, 100, "NEW@1=5"));
    bed_load_pairs("BTC");
    bed_take(0, 100, "NEW@1=5");
    bed_expect("refresh ");
    bed_wait_us(9999);
    bed_take(0, 101, "NEW2@1=5"); /* at once */
    bed_wait_us(1);
    ck_assert(!bed_offer(0, 102, "NEW2@1=5"));
    bed_expect("commit:0+1 refresh ");
}
END_TEST

START_TEST(symbol_of_an_unread_item_is_not_waited_for)
{
    bed_run(1);
    bed_take(0, 100, "! . OLD@1=5");
    bed_expect("");
    bed_take(0, 99, "NEW@1=5"); /* seen before: not even decoded */
    bed_expect("");
}
END_TEST

/* The answer to a refresh asked for before is still to come; without waiting for it the message
 * would be judged by the old pairs. */
START_TEST(refresh_under_way_is_awaited_by_the_next_assignment)
{
    bed_run(1);
    ck_assert(!bed_offer(0, 100, "NEW@1=5"));
    bed_revoke();
    bed_assign(1);
    bed_offsets(100);
    bed_expect("refresh release read#2 assign:100 ");
    ck_assert(!wants_input());
    bed_load_pairs("BTC NEW");
    bed_take(0, 100, "NEW@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}
END_TEST

START_TEST(pair_that_goes_is_unknown_from_then_on)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_load_pairs("ETH");
    ck_assert(!bed_offer(0, 101, "BTC@2=5"));
    bed_load_pairs("ETH");
    bed_take(0, 101, "BTC@2=5");
    bed_wait_us(1000);
    bed_expect("refresh commit:1+1 ");
}
END_TEST

/* --- stopping --- */

START_TEST(stop_flushes_and_takes_nothing_more)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_stop();
    bed_expect("commit:1+0 ");
    ck_assert(!wants_input());
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 ");
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

START_TEST(stop_flushes_what_fills_behind_what_flies)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_take(0, 101, "BTC@2=5");
    bed_stop();
    bed_expect("commit:1+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 commit:1+0 ");
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_commit(COMMIT_DONE);
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

START_TEST(stop_without_work_is_drained_in_any_state)
{
    if (_i > 0)
        bed_assign(1);
    if (_i > 1)
        bed_database(true);
    if (_i > 2)
        bed_offsets(100);
    bed_stop();
    ck_assert(pipeline_is_drained(bed_pipeline()));
    ck_assert(!wants_input());
}
END_TEST

START_TEST(message_held_for_its_symbol_does_not_delay_a_stop)
{
    bed_run(1);
    ck_assert(!bed_offer(0, 100, "NEW@1=5"));
    bed_stop();
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_load_pairs("NEW");
    ck_assert(!wants_input());
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, nothing_is_wanted_before_an_assignment);
    tcase_add_test(t, assigned_partitions_start_at_their_stored_offsets);
    tcase_add_test(t, assignment_waits_for_the_database);
    tcase_add_test(t, database_lost_while_syncing_is_asked_again);
    tcase_add_test(t, nothing_is_wanted_before_pairs_are_loaded);
    tcase_add_test(t, states_have_names);
    tcase_add_test(t, each_item_is_stored_rejected_or_ignored);
    tcase_add_test(t, ties_are_spread);
    tcase_add_test(t, repeated_quotes_are_ignored);
    tcase_add_test(t, ties_first_drops_and_counts);
    tcase_add_test(t, ties_last_goes_row_by_row_where_it_must);
    tcase_add_test(t, message_without_ticks_is_committed_too);
    tcase_add_test(t, message_seen_before_is_passed_over);
    tcase_add_test(t, offsets_may_have_holes);
    tcase_add_test(t, batch_lingers_from_its_first_message);
    tcase_add_test(t, wait_of_a_fetch_is_a_part_of_the_linger);
    tcase_add_test(t, batch_full_of_rows_flies_at_once);
    tcase_add_test(t, batch_full_of_bytes_flies_at_once);
    tcase_add_test(t, message_is_never_divided);
    tcase_add_test(t, one_batch_fills_while_the_other_flies);
    tcase_add_test(t, full_batch_pauses_consumer);
    tcase_add_test(t, intake_goes_on_without_the_database_until_full);
    tcase_add_test(t, limits_may_change_while_running);
    tcase_add_test(t, validation_and_decoding_may_change_while_running);
    tcase_add_test(t, unknown_symbol_holds_the_message_for_one_refresh);
    tcase_add_test(t, symbol_still_unknown_is_rejected);
    tcase_add_test(t, pairs_are_not_refreshed_too_often);
    tcase_add_test(t, symbol_of_an_unread_item_is_not_waited_for);
    tcase_add_test(t, refresh_under_way_is_awaited_by_the_next_assignment);
    tcase_add_test(t, pair_that_goes_is_unknown_from_then_on);
    tcase_add_test(t, stop_flushes_and_takes_nothing_more);
    tcase_add_test(t, stop_flushes_what_fills_behind_what_flies);
    tcase_add_loop_test(t, stop_without_work_is_drained_in_any_state, 0, 4);
    tcase_add_test(t, message_held_for_its_symbol_does_not_delay_a_stop);
}

int main(void)
{
    TCase *t = tcase_create("pipeline");
    tcase_add_checked_fixture(t, bed_open, bed_close);
    add_tests(t);
    Suite *s = suite_create("pipeline");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
