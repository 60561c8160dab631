/* SPDX-License-Identifier: MIT */
/* links: pipeline.o ties.o batch.o copyrow.o offsets.o pairs.o validate.o detail.o timestamp.o number.o utf8.o record.o reject.o backoff.o buf.o err.o stub_log.o fake_decode.o fake_pairs.o pipeline_bed.o */
/*
 * Outcomes other than done: sent again, in doubt, foreign; the database behind memory; gaps.
 */
#include "pipeline.h"

#include "pipeline_bed.h"
#include "stub_log.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct partition *partition(uint32_t i)
{
    return &pipeline_offsets(bed_pipeline())->items[i];
}

/* One message flies, another fills behind it, both of partition 0. */
static void run_and_fly(uint32_t partitions)
{
    bed_run(partitions);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    bed_take(0, 101, "BTC@2=5 BTC@3=5");
}

/* --- rolled back, the same again --- */

START_TEST(only_a_done_commit_advances_the_durable_offset)
{
    static const enum commit_outcome outcomes[] = {COMMIT_CLASH,    COMMIT_FENCED, COMMIT_RETRY,
                                                   COMMIT_HOLD,     COMMIT_LOST,   COMMIT_BROKEN,
                                                   COMMIT_TOO_LARGE};
    run_and_fly(2);
    ck_assert_int_eq(partition(0)->durable, 100);
    bed_commit(outcomes[_i]);
    ck_assert_int_eq(partition(0)->durable, 100);
    ck_assert_int_eq(partition(0)->expected, 102);
    ck_assert_uint_eq(bed_stats()->stored, 0);
    ck_assert_uint_eq(bed_stats()->commits, 0);
}
END_TEST

START_TEST(done_advances_the_partitions_of_the_batch)
{
    bed_run(3);
    bed_take(2, 107, "BTC@1=5");
    bed_take(0, 100, "BTC@2=5");
    bed_wait_us(1000);
    bed_take(1, 100, "BTC@3=5");
    bed_commit(COMMIT_DONE);
    bed_expect("commit:2+0 committed:101,100,108 ");
    bed_wait_us(1000);
    bed_commit(COMMIT_DONE);
    bed_expect("commit:1+0 committed:101,101,108 ");
}
END_TEST

START_TEST(clash_is_merged_at_once)
{
    run_and_fly(1);
    bed_commit(COMMIT_CLASH);
    bed_expect("merge:1+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 ");
    ck_assert_uint_eq(bed_stats()->merges, 1);
    ck_assert_uint_eq(bed_stats()->retries, 0);
    bed_wait_us(1000);
    bed_expect("commit:2+0 "); /* the next goes by plain COPY again */
}
END_TEST

START_TEST(clash_in_a_merge_waits)
{
    run_and_fly(1);
    bed_commit(COMMIT_CLASH);
    bed_commit(COMMIT_CLASH);
    bed_expect("merge:1+0 ");
    ck_assert_int_eq(bed_wake_us(), 100000);
    bed_wait_us(100000);
    bed_expect("merge:1+0 ");
}
END_TEST

START_TEST(retry_sends_the_same_batch_after_a_pause)
{
    run_and_fly(1);
    struct batch *first = bed_flying();
    bed_commit(COMMIT_RETRY);
    ck_assert_int_eq(bed_wake_us(), 100000);
    ck_assert(!pipeline_is_flying(bed_pipeline()));
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_wait_us(99999);
    bed_expect("");
    bed_wait_us(1);
    bed_expect("commit:1+0 ");
    ck_assert_ptr_eq(bed_flying(), first);
    ck_assert_uint_eq(bed_stats()->retries, 1);
    ck_assert(pipeline_wants_input(bed_pipeline()));
}
END_TEST

START_TEST(retries_go_on_for_ever)
{
    run_and_fly(1);
    for (int i = 0; i < 100; i++) {
        bed_commit(i % 2 ? COMMIT_RETRY : COMMIT_HOLD);
        int64_t wait_us = bed_wake_us();
        ck_assert_int_ge(wait_us, 100000);
        ck_assert_int_le(wait_us, 10000000);
        bed_wait_us(wait_us);
        bed_expect("commit:1+0 ");
    }
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->retries, 100);
}
END_TEST

START_TEST(hold_waits_as_long_as_may_be)
{
    run_and_fly(1);
    bed_commit(COMMIT_HOLD);
    ck_assert_int_eq(bed_wake_us(), 10000000);
    bed_wait_us(10000000);
    bed_expect("commit:1+0 ");
}
END_TEST

/* --- too large for the server --- */

/* Four rows in two messages, which the server does not take. */
static void fly_too_much(void)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_take(0, 101, "BTC@3=5 BTC@4=5");
    bed_wait_us(1000);
    bed_expect("commit:4+0 ");
    bed_commit(COMMIT_TOO_LARGE);
    bed_expect("read#2 ");
    bed_offsets(100);
    bed_expect("assign:100 ");
}

START_TEST(batch_too_large_is_read_again_in_halves)
{
    fly_too_much();
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_expect("commit:2+0 ");
    bed_take(0, 101, "BTC@3=5 BTC@4=5");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 "); /* one row more would fit now */
    bed_wait_us(1000);
    bed_expect("commit:2+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:102 ");
    ck_assert_uint_eq(bed_stats()->stored, 4);
}
END_TEST

START_TEST(one_message_too_large_is_held)
{
    fly_too_much();
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_commit(COMMIT_TOO_LARGE);
    bed_offsets(100);
    bed_take(0, 100, "BTC@1=5 BTC@2=5");
    bed_expect("commit:2+0 read#3 assign:100 commit:2+0 ");
    for (int i = 0; i < 3; i++) {
        bed_commit(COMMIT_TOO_LARGE);
        bed_expect("");
        ck_assert_int_eq(bed_wake_us(), 10000000);
        bed_wait_us(10000000);
        bed_expect("commit:2+0 ");
    }
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 ");
}
END_TEST

/* How many rows fly once the next batch is full. */
static int next_full_batch(int64_t *offset)
{
    while (pipeline_wants_input(bed_pipeline()) && !pipeline_is_flying(bed_pipeline()))
        bed_take(0, (*offset)++, "BTC@1=5");
    int rows = (int)bed_flying()->row_count;
    bed_commit(COMMIT_DONE);
    return rows;
}

START_TEST(batches_grow_again_up_to_their_limit)
{
    int64_t offset = 100;
    fly_too_much();
    int rows = next_full_batch(&offset);
    ck_assert_int_eq(rows, 2);
    for (int limit = (int)bed_options()->limits.rows; rows < limit;) {
        int more = next_full_batch(&offset);
        ck_assert_int_gt(more, rows);
        rows = more;
    }
    ck_assert_int_eq(next_full_batch(&offset), rows);
}
END_TEST

START_TEST(retry_of_a_merge_is_a_merge)
{
    run_and_fly(1);
    bed_commit(COMMIT_CLASH);
    bed_commit(COMMIT_RETRY);
    bed_wait_us(bed_wake_us());
    bed_expect("merge:1+0 merge:1+0 ");
}
END_TEST

START_TEST(retry_waits_for_the_database)
{
    run_and_fly(1);
    bed_commit(COMMIT_HOLD);
    bed_database(false);
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_wait_us(20000000);
    bed_expect("");
    bed_database(true);
    bed_expect("read#2 ");
    ck_assert_int_eq(bed_wake_us(), -1); /* not before it is known where the database stands */
    bed_offsets(100);
    bed_expect("commit:1+0 ");
}
END_TEST

START_TEST(broken_encoder_stops_everything)
{
    run_and_fly(1);
    bed_commit(COMMIT_BROKEN);
    ck_assert(pipeline_is_broken(bed_pipeline()));
    ck_assert(!pipeline_wants_input(bed_pipeline()));
    ck_assert_int_eq(bed_wake_us(), -1);
    bed_wait_us(100000000);
    bed_expect("");
}
END_TEST

/* --- in doubt --- */

/* 0: the connection was lost; 1: the fence refused the batch. */
static void put_in_doubt(int how)
{
    if (how == 0) {
        bed_commit(COMMIT_LOST);
        bed_database(false);
        ck_assert_int_eq(bed_wake_us(), -1);
        bed_expect("read#2 "); /* is asked anew of the next connection */
        bed_database(true);
        bed_expect("read#3 ");
    } else {
        bed_commit(COMMIT_FENCED);
        bed_expect("read#2 ");
    }
    ck_assert_int_eq(bed_wake_us(), -1);
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_wait_us(1000000);
    bed_expect("");
}

/* An ingest session may say that the database is gone before it answers what was not begun. */
START_TEST(lost_may_be_told_after_the_database)
{
    run_and_fly(1);
    bed_database(false);
    bed_commit(COMMIT_LOST);
    bed_expect("");
    bed_database(true);
    bed_expect("read#3 ");
    bed_wait_us(1000);
    bed_offsets(101);
    bed_expect("committed:101 commit:2+0 ");
}
END_TEST

START_TEST(doubt_is_resolved_as_committed)
{
    run_and_fly(2);
    put_in_doubt(_i);
    bed_offsets(101, 100);
    bed_expect("committed:101,100 commit:2+0 ");
    ck_assert_uint_eq(bed_stats()->stored, 1);
    ck_assert_uint_eq(bed_stats()->unknown_commits, 1);
    ck_assert_uint_eq(bed_stats()->rewinds, 0);
    ck_assert_int_eq(bed_flying()->span[0].from, 101);
}
END_TEST

START_TEST(doubt_is_resolved_as_not_committed)
{
    run_and_fly(2);
    struct batch *first = bed_flying();
    put_in_doubt(_i);
    bed_offsets(100, 100);
    bed_expect("commit:1+0 ");
    ck_assert_ptr_eq(bed_flying(), first);
    ck_assert_uint_eq(bed_stats()->unknown_commits, 1);
    ck_assert_uint_eq(bed_stats()->rewinds, 0);
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101,100 commit:2+0 ");
}
END_TEST

START_TEST(doubt_is_resolved_as_foreign)
{
    run_and_fly(2);
    put_in_doubt(_i);
    bed_offsets(150, 100);
    bed_expect("assign:150,100 ");
    ck_assert_uint_eq(bed_stats()->fences_lost, 1);
    ck_assert_uint_eq(bed_stats()->rewinds, 1);
    ck_assert_uint_eq(bed_stats()->stored, 0);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_take(0, 149, "BTC@1=5");
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_take(0, 150, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
    ck_assert_int_eq(bed_flying()->span[0].from, 150);
}
END_TEST

/* A batch of two partitions of which only one stands behind it is not ours. */
START_TEST(half_a_batch_is_foreign)
{
    static const int64_t stored[][2] = {{101, 100}, {100, 101}, {101, 102}, {99, 101}};
    bed_run(2);
    bed_take(0, 100, "BTC@1=5");
    bed_take(1, 100, "BTC@2=5");
    bed_wait_us(1000);
    bed_commit(COMMIT_FENCED);
    bed_offsets(stored[_i][0], stored[_i][1]);
    ck_assert_uint_eq(bed_stats()->fences_lost, 1);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    ck_assert_int_eq(partition(0)->expected, stored[_i][0]);
    ck_assert_int_eq(partition(1)->expected, stored[_i][1]);
}
END_TEST

START_TEST(doubt_may_be_renewed_before_it_is_resolved)
{
    run_and_fly(1);
    bed_commit(COMMIT_LOST);
    bed_database(false);
    bed_database(true);
    bed_database(false);
    bed_database(true);
    bed_expect("read#2 read#3 read#4 ");
    bed_stale_offsets(3, 101);
    bed_expect("");
    bed_offsets(100);
    bed_expect("");
    bed_wait_us(bed_wake_us());
    bed_expect("commit:1+0 ");
    bed_commit(COMMIT_LOST);
    bed_database(false);
    bed_database(true);
    bed_offsets(101);
    bed_expect("read#5 read#6 committed:101 commit:2+0 ");
    ck_assert_uint_eq(bed_stats()->unknown_commits, 2);
}
END_TEST

/* A batch judged not committed can still turn out to be: the old backend was slow. */
START_TEST(late_commit_of_the_lost_connection_is_seen_by_the_fence)
{
    run_and_fly(1);
    put_in_doubt(0);
    bed_offsets(100);
    bed_expect("commit:1+0 ");
    bed_commit(COMMIT_CLASH);
    bed_commit(COMMIT_FENCED);
    bed_expect("merge:1+0 read#4 ");
    bed_offsets(101);
    bed_expect("committed:101 commit:2+0 ");
    ck_assert_uint_eq(bed_stats()->stored, 1);
}
END_TEST

START_TEST(doubt_holds_back_a_stop)
{
    run_and_fly(1);
    bed_stop();
    bed_commit(COMMIT_LOST);
    ck_assert(!pipeline_is_drained(bed_pipeline()));
    bed_database(false);
    bed_database(true);
    bed_offsets(101);
    bed_commit(COMMIT_DONE);
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

/* --- the database is not where memory is --- */

START_TEST(reconnect_in_agreement_changes_nothing)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_database(false);
    bed_database(true);
    bed_wait_us(1000);
    bed_expect("read#2 "); /* nothing is written before the answer */
    bed_offsets(100);
    bed_expect("commit:1+0 ");
    ck_assert_uint_eq(bed_stats()->rewinds, 0);
}
END_TEST

START_TEST(database_elsewhere_is_followed)
{
    static const int64_t stored[] = {0, 99, 101, 500};
    run_and_fly(2);
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101,100 ");
    bed_database(false);
    bed_database(true);
    bed_offsets(101, stored[_i]);
    ck_assert_int_eq(partition(0)->expected, 101);
    ck_assert_int_eq(partition(1)->expected, stored[_i]);
    ck_assert_int_eq(partition(1)->durable, stored[_i]);
    ck_assert_uint_eq(bed_stats()->rewinds, 1);
    ck_assert(pipeline_is_drained(bed_pipeline()));
    bed_take(0, 101, "BTC@2=5");
    bed_wait_us(1000);
    ck_assert_int_eq(bed_flying()->span[0].from, 101);
}
END_TEST

/* Asynchronous commit: what was answered by COMMIT is gone after a crash. */
START_TEST(database_behind_is_read_again_from_there)
{
    run_and_fly(1);
    bed_commit(COMMIT_DONE);
    bed_wait_us(1000);
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 commit:2+0 committed:102 ");
    bed_database(false);
    bed_database(true);
    bed_offsets(101);
    bed_expect("read#2 assign:101 ");
    ck_assert_int_eq(partition(0)->durable, 101);
    bed_take(0, 101, "BTC@2=5 BTC@3=5");
    bed_wait_us(1000);
    bed_expect("commit:2+0 ");
}
END_TEST

START_TEST(waiting_batch_is_dropped_when_the_database_is_elsewhere)
{
    run_and_fly(1);
    bed_commit(COMMIT_RETRY);
    bed_database(false);
    bed_database(true);
    bed_offsets(90);
    bed_expect("read#2 assign:90 ");
    bed_wait_us(10000000);
    bed_expect("");
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

/* Doubt resolved for the batch, but another partition stands elsewhere. */
START_TEST(resolved_batch_is_dropped_when_another_partition_is_elsewhere)
{
    run_and_fly(2);
    bed_commit(COMMIT_LOST);
    bed_database(false);
    bed_database(true);
    bed_offsets(_i ? 101 : 100, 50);
    bed_expect(_i ? "read#2 read#3 committed:101,100 assign:101,50 "
                  : "read#2 read#3 assign:100,50 ");
    ck_assert(pipeline_is_drained(bed_pipeline()));
}
END_TEST

START_TEST(failures_in_a_row_are_told_until_the_batch_is_written)
{
    run_and_fly(1);
    ck_assert_uint_eq(pipeline_failures(bed_pipeline()), 0);
    bed_commit(COMMIT_CLASH); /* no failure: the merge decides */
    ck_assert_uint_eq(pipeline_failures(bed_pipeline()), 0);
    for (uint32_t failures = 1; failures < 5; failures++) {
        bed_commit(failures % 2 ? COMMIT_RETRY : COMMIT_HOLD);
        ck_assert_uint_eq(pipeline_failures(bed_pipeline()), failures);
        bed_wait_us(bed_wake_us());
        ck_assert_uint_eq(pipeline_failures(bed_pipeline()), failures);
    }
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(pipeline_failures(bed_pipeline()), 0);
}
END_TEST

START_TEST(failures_of_a_dropped_batch_are_told_no_more)
{
    run_and_fly(1);
    bed_commit(COMMIT_FENCED);
    ck_assert_uint_eq(pipeline_failures(bed_pipeline()), 1);
    bed_offsets(90);
    ck_assert_uint_eq(pipeline_failures(bed_pipeline()), 0);
}
END_TEST

/* Somebody else may have committed these messages, and stored them otherwise. */
START_TEST(resolved_doubt_forgets_ties)
{
    bed_options()->ties = TIES_MODE_FIRST;
    bed_reopen();
    run_and_fly(1);
    put_in_doubt(_i);
    bed_offsets(101);
    bed_commit(COMMIT_DONE);
    bed_take(0, 102, "BTC@1=6");
    bed_wait_us(1000);
    ck_assert_int_eq(batch_total(bed_flying()).stored, 1);
}
END_TEST

START_TEST(rewind_forgets_ties)
{
    run_and_fly(1);
    bed_commit(COMMIT_FENCED);
    bed_offsets(90);
    bed_take(0, 90, "BTC@1=5 BTC@2=5 BTC@2=6");
    bed_wait_us(1000);
    ck_assert_int_eq(batch_total(bed_flying()).stored, 3);
    ck_assert_uint_eq(bed_stats()->ties_spread, 1); /* the last, of the batch itself */
}
END_TEST

START_TEST(rewind_forgets_repeats)
{
    bed_run(1);
    bed_take(0, 100, "BTC@1~5");
    bed_wait_us(1000);
    bed_commit(COMMIT_FENCED);
    bed_offsets(99);
    bed_take(0, 99, "");
    bed_take(0, 100, "BTC@1~5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 read#2 assign:99 commit:1+0 ");
}
END_TEST

/* Else a tick whose key is free would be spread, dropped or taken for a repeat. */
START_TEST(keys_of_rows_the_database_refused_are_forgotten)
{
    struct batch_owner owner = {"group", "cluster"};
    struct batch_refusal why = {REJECT_DATABASE, "23514", "no"};
    bed_options()->ties = TIES_MODE_FIRST;
    bed_reopen();
    bed_run(1);
    bed_take(0, 100, "BTC@1~5 BTC@2=6");
    bed_wait_us(1000);
    bed_commit(COMMIT_CLASH);
    batch_merge_begin(bed_flying());
    batch_merge_row(bed_flying(), 0, VERDICT_REJECTED, &owner, pipeline_offsets(bed_pipeline()),
                    &why);
    bed_commit(COMMIT_DONE);
    ck_assert_uint_eq(bed_stats()->rejected, 1);
    bed_take(0, 101, "BTC@1~5 BTC@1=7");
    bed_wait_us(1000);
    bed_expect("commit:2+0 merge:2+0 committed:101 commit:1+0 ");
    ck_assert_int_eq(batch_total(bed_flying()).dropped, 1);
}
END_TEST

/* --- gaps --- */

START_TEST(gap_stops_its_partition_only)
{
    bed_run(2);
    bed_gap(0, 150, 300);
    bed_expect("");
    ck_assert(partition(0)->stopped);
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 1);
    ck_assert_uint_eq(stub_log_count("offset_gap"), 1);
    ck_assert_ptr_nonnull(strstr(stub_log_last("offset_gap"), "stopped topic=ticks partition=0 "
                                                              "next_offset=100 log_begin=150 "
                                                              "log_end=300"));
    ck_assert(pipeline_wants_input(bed_pipeline()));
    bed_take(0, 150, "BTC@1=5"); /* passed over: an operator decides first */
    bed_take(1, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_commit(COMMIT_DONE);
    bed_expect("commit:1+0 committed:100,101 ");
}
END_TEST

START_TEST(stopped_partition_gets_another_chance_when_asked)
{
    bed_run(2);
    bed_gap(0, 150, 300);
    bed_take(1, 100, "BTC@1=5");
    bed_resync();
    bed_expect("read#2 ");
    bed_offsets(150, 100); /* somebody has set it forward */
    bed_expect("assign:150,100 ");
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 0);
    bed_take(0, 150, "BTC@1=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}
END_TEST

START_TEST(jump_is_recorded_when_all_before_it_is_committed)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    run_and_fly(2);
    bed_gap(0, 150, 300);
    ck_assert(!pipeline_wants_input(bed_pipeline()));
    bed_expect("");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101,100 commit:2+0 "); /* without lingering */
    bed_commit(COMMIT_DONE);
    bed_expect("committed:102,100 jump:0@102>150 ");
    bed_wait_us(1000000);
    bed_expect(""); /* asked once */
    ck_assert(!pipeline_wants_input(bed_pipeline()));
    bed_resync();
    bed_expect("read#2 ");
    bed_offsets(150, 100);
    bed_expect("assign:150,100 ");
    ck_assert(pipeline_wants_input(bed_pipeline()));
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 0);
    bed_take(0, 150, "BTC@9=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}
END_TEST

START_TEST(jump_waits_until_doubt_is_resolved)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    bed_run(1);
    bed_take(0, 100, "BTC@1=5");
    bed_wait_us(1000);
    bed_gap(0, 150, 300);
    bed_commit(COMMIT_FENCED);
    bed_expect("commit:1+0 read#2 ");
    bed_offsets(100);
    bed_wait_us(bed_wake_us());
    bed_expect("commit:1+0 ");
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 jump:0@101>150 ");
}
END_TEST

START_TEST(jumps_are_made_one_after_the_other)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    bed_run(2);
    bed_gap(1, 170, 300);
    bed_gap(0, 150, 300);
    bed_expect("jump:1@100>170 ");
    bed_resync();
    bed_offsets(100, 170);
    bed_expect("read#2 assign:100,170 "); /* the other will be found again */
    bed_gap(0, 150, 300);
    bed_expect("jump:0@100>150 ");
}
END_TEST

START_TEST(jump_that_was_not_recorded_is_tried_again)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    bed_run(1);
    bed_gap(0, 150, 300);
    bed_resync();
    bed_offsets(100);
    bed_expect("jump:0@100>150 read#2 assign:100 ");
    bed_gap(0, 150, 300);
    bed_expect("jump:0@100>150 ");
}
END_TEST

/* The client can be behind us, where the log has been cut off meanwhile. */
START_TEST(gap_behind_us_is_none)
{
    static const int64_t ends[][2] = {{102, 300}, {50, 102}, {102, 102}};
    bed_options()->jump_gaps = _i % 2;
    bed_reopen();
    run_and_fly(1);
    bed_gap(0, ends[_i / 2][0], ends[_i / 2][1]);
    bed_expect("assign:102 ");
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 0);
    ck_assert_uint_eq(stub_log_count("offset_gap"), 0);
    ck_assert(pipeline_wants_input(bed_pipeline()));
    bed_commit(COMMIT_DONE);
    bed_wait_us(1000);
    bed_expect("committed:101 commit:2+0 "); /* nothing was dropped */
}
END_TEST

START_TEST(gap_without_known_ends_stops)
{
    bed_options()->jump_gaps = true;
    bed_reopen();
    bed_run(1);
    bed_gap(0, OFFSETS_UNKNOWN, OFFSETS_UNKNOWN);
    bed_expect("");
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 1);
    ck_assert(pipeline_wants_input(bed_pipeline()));
}
END_TEST

START_TEST(gap_of_nothing_assigned_is_passed_over)
{
    bed_gap(0, 150, 300);
    bed_run(1);
    bed_gap(1, 150, 300);
    ck_assert_uint_eq(pipeline_stopped_count(bed_pipeline()), 0);
    ck_assert_uint_eq(stub_log_count("offset_gap"), 0);
}
END_TEST

START_TEST(gap_policy_may_change_while_running)
{
    bed_run(1);
    bed_options()->jump_gaps = true;
    pipeline_set_options(bed_pipeline(), bed_options());
    bed_gap(0, 150, 300);
    bed_expect("jump:0@100>150 ");
}
END_TEST

/* --- reading the offsets again --- */

START_TEST(resync_while_flying_waits_for_the_answer)
{
    run_and_fly(1);
    bed_resync();
    bed_expect("read#2 "); /* the session does one thing after the other */
    bed_commit(COMMIT_DONE);
    bed_expect("committed:101 ");
    bed_wait_us(1000);
    bed_expect(""); /* nothing new is sent before the offsets are there */
    bed_offsets(101);
    bed_expect("assign:101 ");
    bed_take(0, 101, "BTC@2=5");
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}
END_TEST

/* A jump may be answered when its partitions are long gone. */
START_TEST(resync_without_partitions_leaves_nothing_behind)
{
    bed_database(true);
    bed_resync();
    bed_assign(1);
    bed_resync();
    bed_offsets(100);
    bed_expect("read#1 assign:100 ");
    bed_take(0, 100, "BTC@1=5");
    bed_database(false);
    bed_database(true);
    bed_offsets(100);
    bed_expect("read#2 "); /* in agreement: nothing is dropped */
    bed_wait_us(1000);
    bed_expect("commit:1+0 ");
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_loop_test(t, only_a_done_commit_advances_the_durable_offset, 0, 7);
    tcase_add_test(t, done_advances_the_partitions_of_the_batch);
    tcase_add_test(t, clash_is_merged_at_once);
    tcase_add_test(t, clash_in_a_merge_waits);
    tcase_add_test(t, retry_sends_the_same_batch_after_a_pause);
    tcase_add_test(t, retries_go_on_for_ever);
    tcase_add_test(t, hold_waits_as_long_as_may_be);
    tcase_add_test(t, batch_too_large_is_read_again_in_halves);
    tcase_add_test(t, one_message_too_large_is_held);
    tcase_add_test(t, batches_grow_again_up_to_their_limit);
    tcase_add_test(t, retry_of_a_merge_is_a_merge);
    tcase_add_test(t, retry_waits_for_the_database);
    tcase_add_test(t, broken_encoder_stops_everything);
    tcase_add_test(t, lost_may_be_told_after_the_database);
    tcase_add_loop_test(t, doubt_is_resolved_as_committed, 0, 2);
    tcase_add_loop_test(t, doubt_is_resolved_as_not_committed, 0, 2);
    tcase_add_loop_test(t, doubt_is_resolved_as_foreign, 0, 2);
    tcase_add_loop_test(t, half_a_batch_is_foreign, 0, 4);
    tcase_add_test(t, doubt_may_be_renewed_before_it_is_resolved);
    tcase_add_test(t, late_commit_of_the_lost_connection_is_seen_by_the_fence);
    tcase_add_test(t, doubt_holds_back_a_stop);
    tcase_add_test(t, reconnect_in_agreement_changes_nothing);
    tcase_add_loop_test(t, database_elsewhere_is_followed, 0, 4);
    tcase_add_test(t, database_behind_is_read_again_from_there);
    tcase_add_test(t, waiting_batch_is_dropped_when_the_database_is_elsewhere);
    tcase_add_loop_test(t, resolved_batch_is_dropped_when_another_partition_is_elsewhere, 0, 2);
    tcase_add_test(t, failures_in_a_row_are_told_until_the_batch_is_written);
    tcase_add_test(t, failures_of_a_dropped_batch_are_told_no_more);
    tcase_add_loop_test(t, resolved_doubt_forgets_ties, 0, 2);
    tcase_add_test(t, rewind_forgets_ties);
    tcase_add_test(t, rewind_forgets_repeats);
    tcase_add_test(t, keys_of_rows_the_database_refused_are_forgotten);
    tcase_add_test(t, gap_stops_its_partition_only);
    tcase_add_test(t, stopped_partition_gets_another_chance_when_asked);
    tcase_add_test(t, jump_is_recorded_when_all_before_it_is_committed);
    tcase_add_test(t, jump_waits_until_doubt_is_resolved);
    tcase_add_test(t, jumps_are_made_one_after_the_other);
    tcase_add_test(t, jump_that_was_not_recorded_is_tried_again);
    tcase_add_loop_test(t, gap_behind_us_is_none, 0, 6);
    tcase_add_test(t, gap_without_known_ends_stops);
    tcase_add_test(t, gap_of_nothing_assigned_is_passed_over);
    tcase_add_test(t, gap_policy_may_change_while_running);
    tcase_add_test(t, resync_while_flying_waits_for_the_answer);
    tcase_add_test(t, resync_without_partitions_leaves_nothing_behind);
}

int main(void)
{
    TCase *t = tcase_create("pipeline faults");
    tcase_add_checked_fixture(t, bed_open, bed_close);
    add_tests(t);
    Suite *s = suite_create("pipeline faults");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
