/* SPDX-License-Identifier: MIT */
/* links: pipeline.o ties.o batch.o copyrow.o offsets.o pairs.o validate.o detail.o timestamp.o number.o utf8.o record.o reject.o backoff.o buf.o err.o stub_log.o fake_decode.o fake_pairs.o pipeline_bed.o */
/*
 * Partitions that come and go, at every moment; and every event in every state.
 */
#include "pipeline.h"

#include "pipeline_bed.h"
#include "stub_log.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static enum pipeline_state state(void)
{
    return pipeline_state(bed_pipeline());
}

static void fly(void)
{
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}

/* --- revoke --- */

START_TEST(revoke_gives_up_at_once_when_nothing_flies)
{
    bed_run(2);
    bed_take(0, 100, "BTC@1=5");
    bed_revoke();
    bed_expect("release ");
    ck_assert_int_eq(state(), PIPELINE_IDLE);
    ck_assert_uint_eq(pipeline_offsets(bed_pipeline())->count, 0);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_wait_us(1000000);
    bed_expect(""); /* what was filling is dropped */
}
END_TEST

START_TEST(revoke_before_the_offsets_came_gives_up_too)
{
    bed_database(true);
    bed_assign(1);
    bed_revoke();
    bed_expect("read#1 release ");
    bed_offsets(100);
    bed_expect("");
    ck_assert_int_eq(state(), PIPELINE_IDLE);
}
END_TEST

START_TEST(revoke_waits_for_the_flying_batch)
{
    bed_run(2);
    fly();
    bed_take(1, 100, "BTC@2=5");
    bed_revoke();
    bed_expect("");
    ck_assert_int_eq(state(), PIPELINE_RELEASING);
    ck_assert(!pipeline_wants_input(bed_pipeline()));
    ck_assert_int_eq(bed_wake_us(), 50000);
    bed_wait_us(49999);
    bed_expect("");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101,100 release ");
    ck_assert_int_eq(state(), PIPELINE_IDLE);
    ck_assert_uint_eq(bed_stats()->stored, 1);
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

START_TEST(revoke_sends_nothing_again)
{
    static const enum commit_outcome outcomes[] = {COMMIT_CLASH, COMMIT_FENCED, COMMIT_RETRY,
                                                   COMMIT_HOLD,  COMMIT_LOST,   COMMIT_TOO_LARGE};
    bed_run(1);
    fly();
    bed_revoke();
    bed_commit(outcomes[_i]);
    bed_expect("release ");
    ck_assert_int_eq(state(), PIPELINE_IDLE);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    ck_assert_uint_eq(bed_stats()->stored, 0);
}
END_TEST

START_TEST(revoke_drops_a_batch_that_waits_or_is_in_doubt)
{
    bed_run(1);
    fly();
    bed_commit(_i ? COMMIT_FENCED : COMMIT_RETRY);
    bed_revoke();
    bed_expect(_i ? "read#2 release " : "release ");
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

/* A batch that outlives its assignment must not fly into the next one. */
START_TEST(next_assignment_begins_empty_and_without_memory)
{
    bed_run(2);
    fly();
    bed_take(0, 101, "BTC@2=5");
    bed_revoke();
    bed_commit(COMMIT_RETRY);
    bed_assign(1);
    bed_offsets(100);
    bed_expect("release read#2 assign:100 ");
    bed_wait_us(1000000);
    bed_expect("");
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_wait_us(1000);
    bed_expect("commit:2+0 ");
    ck_assert_uint_eq(bed_stats()->ties_spread, 0);
    ck_assert_uint_eq(bed_flying()->span_count, 1);
}
END_TEST

/* --- orphans --- */

START_TEST(revoke_aborts_a_commit_that_takes_too_long)
{
    bed_run(1);
    fly();
    bed_revoke();
    bed_wait_us(50000);
    bed_expect("abort release ");
    ck_assert_uint_eq(stub_log_count("release_timeout"), 1);
    ck_assert_int_eq(state(), PIPELINE_IDLE);
    ck_assert(pipeline_is_flying(bed_pipeline()));
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_commit(COMMIT_LOST);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_expect("");
}
END_TEST

START_TEST(lost_partitions_are_not_waited_for)
{
    bed_run(1);
    fly();
    bed_lose();
    bed_expect("abort release ");
    ck_assert_int_eq(state(), PIPELINE_IDLE);
}
END_TEST

START_TEST(partitions_lost_while_releasing_are_given_up_at_once)
{
    bed_run(1);
    fly();
    bed_revoke();
    bed_lose();
    bed_expect("abort release ");
}
END_TEST

/* The answer to an orphan is about partitions of the past, whatever it says. */
START_TEST(answer_to_an_orphan_changes_nothing)
{
    bed_run(2);
    fly();
    bed_lose();
    bed_assign(1);
    bed_expect("abort release read#2 ");
    if (_i % 2) {
        bed_offsets(100);
        bed_expect("assign:100 ");
    }
    bed_commit(_i / 2 ? COMMIT_DONE : COMMIT_LOST);
    bed_expect("");
    ck_assert_uint_eq(bed_stats()->commits, 0);
    ck_assert_uint_eq(bed_stats()->retries, 0);
    if (!(_i % 2)) {
        bed_offsets(100);
        bed_expect("assign:100 ");
    }
    ck_assert_int_eq(pipeline_offsets(bed_pipeline())->items[0].durable, 100);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    ck_assert_int_eq(bed_flying()->span[0].from, 100);
}
END_TEST

START_TEST(nothing_flies_before_the_orphan_is_answered)
{
    bed_run(1);
    fly();
    bed_lose();
    bed_assign(1);
    bed_offsets(100);
    bed_take(0, 100, "BTC@1=5 BTC@2=5 BTC@3=5 BTC@4=5");
    bed_wait_us(1000000);
    bed_expect("abort release read#2 assign:100 ");
    ck_assert(!pipeline_wants_input(bed_pipeline()));
    bed_commit(COMMIT_LOST);
    bed_expect("commit:4+0 ");
}
END_TEST

START_TEST(orphan_survives_another_rebalance)
{
    bed_run(1);
    fly();
    bed_lose();
    bed_assign(1);
    bed_offsets(100);
    bed_take(0, 100, "BTC@1=5");
    bed_revoke();
    bed_assign(2);
    bed_expect("abort release read#2 assign:100 release read#3 ");
    bed_offsets(100, 100);
    bed_commit(COMMIT_LOST);
    bed_take(1, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("assign:100,100 commit:1+0 ");
}
END_TEST

START_TEST(offsets_of_an_earlier_assignment_are_passed_over)
{
    bed_database(true);
    bed_assign(1);
    bed_revoke();
    bed_assign(1);
    bed_expect("read#1 release read#2 ");
    bed_stale_offsets(1, 7);
    bed_expect("");
    bed_offsets(100);
    bed_expect("assign:100 ");
}
END_TEST

START_TEST(assignment_may_be_empty)
{
    bed_database(true);
    bed_assign(0);
    bed_answer_offsets(NULL, 0);
    bed_expect("read#1 assign: ");
    bed_database(false);
    bed_database(true);
    bed_answer_offsets(NULL, 0);
    bed_expect("read#2 ");
    bed_revoke();
    bed_expect("release ");
}
END_TEST

START_TEST(release_clears_what_gaps_had_stopped)
{
    bed_options()->jump_gaps = _i;
    bed_reopen();
    bed_run(1);
    bed_gap(0, 150, 300);
    bed_revoke();
    bed_assign(1);
    bed_offsets(100);
    bed_resync(); /* the answer to the jump, if there was one */
    bed_offsets(150);
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 0);
    bed_take(0, 150, "BTC@1=5");
    bed_wait_us(1000);
    ck_assert_int_eq(bed_flying()->span[0].from, 150);
}
END_TEST

START_TEST(release_timeout_may_change_while_running)
{
    bed_run(1);
    fly();
    bed_options()->release_timeout_us = 70000;
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_revoke();
    ck_assert_int_eq(bed_wake_us(), 70000);
}
END_TEST

/* --- every event in every state --- */

static void be_idle(void)
{
}

static void be_syncing_without_database(void)
{
    bed_assign(2);
}

static void be_syncing(void)
{
    bed_database(true);
    bed_assign(2);
}

static void be_running(void)
{
    bed_run(2);
}

static void be_filling(void)
{
    bed_run(2);
    bed_take(1, 100, "BTC@1=5");
}

static void be_flying(void)
{
    bed_run(2);
    fly();
}

static void be_flying_and_full(void)
{
    be_flying();
    bed_take(1, 100, "BTC@1=5 BTC@2=5 BTC@3=5 BTC@4=5");
}

static void be_waiting(void)
{
    be_flying_and_full();
    bed_commit(COMMIT_RETRY);
}

static void be_in_doubt(void)
{
    be_flying_and_full();
    bed_commit(COMMIT_FENCED);
}

static void be_in_doubt_without_database(void)
{
    be_flying_and_full();
    bed_commit(COMMIT_LOST);
    bed_database(false);
}

static void be_releasing(void)
{
    be_flying_and_full();
    bed_revoke();
}

static void be_orphaned(void)
{
    be_flying();
    bed_lose();
}

static void be_orphaned_and_syncing(void)
{
    be_orphaned();
    bed_assign(2);
}

static void be_orphaned_and_running(void)
{
    be_orphaned_and_syncing();
    bed_offsets(100, 100);
    bed_take(1, 100, "BTC@1=5");
}

static void be_stopped_at_a_gap(void)
{
    be_flying();
    bed_gap(1, 150, 300);
}

static void be_before_a_jump(void)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    be_flying();
    bed_gap(1, 150, 300);
}

static void be_jumping(void)
{
    be_before_a_jump();
    bed_commit(COMMIT_DONE);
}

static void be_awaiting_pairs(void)
{
    be_flying();
    ck_assert(!bed_offer(1, 100, "NEW@1=5"));
}

static void be_resyncing(void)
{
    be_filling();
    bed_resync();
}

static void (*const situations[])(void) = {
    be_idle,
    be_syncing_without_database,
    be_syncing,
    be_running,
    be_filling,
    be_flying,
    be_flying_and_full,
    be_waiting,
    be_in_doubt,
    be_in_doubt_without_database,
    be_releasing,
    be_orphaned,
    be_orphaned_and_syncing,
    be_orphaned_and_running,
    be_stopped_at_a_gap,
    be_before_a_jump,
    be_jumping,
    be_awaiting_pairs,
    be_resyncing,
};
enum { SITUATIONS = sizeof situations / sizeof situations[0] };

/* Only what the shells can tell at that moment: the database goes after its commit is answered. */
static void have_database_go_and_come(void)
{
    if (pipeline_is_flying(bed_pipeline()))
        bed_commit(COMMIT_LOST);
    bed_database(false);
    bed_database(true);
}

static void have_database_go(void)
{
    if (pipeline_is_flying(bed_pipeline()))
        bed_commit(COMMIT_LOST);
    bed_database(false);
}

static void have_stale_offsets(void)
{
    bed_stale_offsets(99, 7);
}

static void have_revoke(void)
{
    bed_revoke();
}

static void have_loss(void)
{
    bed_lose();
}

static void have_gap(void)
{
    bed_gap(0, 150, 300);
}

static void have_resync(void)
{
    bed_resync();
}

static void have_pairs(void)
{
    bed_load_pairs("BTC NEW");
}

static void have_long_wait(void)
{
    bed_wait_us(100000000);
}

static void have_fenced_commit(void)
{
    if (pipeline_is_flying(bed_pipeline()))
        bed_commit(COMMIT_FENCED);
}

static void have_done_commit(void)
{
    if (pipeline_is_flying(bed_pipeline()))
        bed_commit(COMMIT_DONE);
}

static void have_smaller_limits(void)
{
    bed_options()->limits = (struct batch_limits){.rows = 1, .bytes = 1024, .linger_us = 0};
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_wait_us(0);
}

static void (*const events[])(void) = {
    have_database_go_and_come,
    have_database_go,
    have_stale_offsets,
    have_revoke,
    have_loss,
    have_gap,
    have_resync,
    have_pairs,
    have_long_wait,
    have_fenced_commit,
    have_done_commit,
    have_smaller_limits,
};
enum { EVENTS = sizeof events / sizeof events[0] };

static void check_state(void)
{
    struct pipeline *p = bed_pipeline();
    ck_assert(!pipeline_wants_input(p) || pipeline_state(p) == PIPELINE_RUNNING);
    ck_assert((pipeline_state(p) == PIPELINE_IDLE) == (pipeline_offsets(p)->count == 0));
    for (size_t i = 0; i < pipeline_offsets(p)->count; i++) {
        const struct partition *at = &pipeline_offsets(p)->items[i];
        ck_assert_int_le(at->durable, at->expected);
    }
}

/* Whatever has happened: the partitions can be given up, come again, and ticks flow. */
static void check_recovery(void)
{
    if (pipeline_state(bed_pipeline()) != PIPELINE_IDLE)
        bed_revoke();
    if (pipeline_is_flying(bed_pipeline()))
        bed_commit(COMMIT_LOST);
    ck_assert_int_eq(state(), PIPELINE_IDLE);
    bed_database(false);
    bed_load_pairs("BTC");
    bed_wait_us(100000000);
    bed_assign(1);
    bed_database(true);
    bed_offsets(100);
    uint64_t stored = bed_stats()->stored;
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->stored, stored + 1);
    ck_assert_int_eq(pipeline_offsets(bed_pipeline())->items[0].durable, 101);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_revoke();
    ck_assert_int_eq(state(), PIPELINE_IDLE);
}

START_TEST(any_event_in_any_state_leaves_it_able_to_go_on)
{
    for (int first = 0; first < EVENTS; first++) {
        situations[_i]();
        check_state();
        events[first]();
        check_state();
        check_recovery();
        bed_close();
        bed_open();
    }
}
END_TEST

START_TEST(any_two_events_in_any_state_leave_it_able_to_go_on)
{
    for (int both = 0; both < EVENTS * EVENTS; both++) {
        situations[_i]();
        events[both / EVENTS]();
        events[both % EVENTS]();
        check_state();
        check_recovery();
        bed_close();
        bed_open();
    }
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, revoke_gives_up_at_once_when_nothing_flies);
    tcase_add_test(t, revoke_before_the_offsets_came_gives_up_too);
    tcase_add_test(t, revoke_waits_for_the_flying_batch);
    tcase_add_loop_test(t, revoke_sends_nothing_again, 0, 6);
    tcase_add_loop_test(t, revoke_drops_a_batch_that_waits_or_is_in_doubt, 0, 2);
    tcase_add_test(t, next_assignment_begins_empty_and_without_memory);
    tcase_add_test(t, revoke_aborts_a_commit_that_takes_too_long);
    tcase_add_test(t, lost_partitions_are_not_waited_for);
    tcase_add_test(t, partitions_lost_while_releasing_are_given_up_at_once);
    tcase_add_loop_test(t, answer_to_an_orphan_changes_nothing, 0, 4);
    tcase_add_test(t, nothing_flies_before_the_orphan_is_answered);
    tcase_add_test(t, orphan_survives_another_rebalance);
    tcase_add_test(t, offsets_of_an_earlier_assignment_are_passed_over);
    tcase_add_test(t, assignment_may_be_empty);
    tcase_add_loop_test(t, release_clears_what_gaps_had_stopped, 0, 2);
    tcase_add_test(t, release_timeout_may_change_while_running);
    tcase_add_loop_test(t, any_event_in_any_state_leaves_it_able_to_go_on, 0, SITUATIONS);
    tcase_add_loop_test(t, any_two_events_in_any_state_leave_it_able_to_go_on, 0, SITUATIONS);
}

int main(void)
{
    TCase *t = tcase_create("pipeline assign");
    tcase_add_checked_fixture(t, bed_open, bed_close);
    add_tests(t);
    Suite *s = suite_create("pipeline assign");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
