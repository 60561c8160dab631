/* SPDX-License-Identifier: MIT */
/*
 * A pipeline on a test bed: everything it asks for is written down, everything that happens to it
 * is told by the test. One at a time, for check's forked tests.
 *
 * What it asks for, as bed_expect() reads it, each ended by a blank:
 *
 *     read#2          read_offsets, epoch 2
 *     assign:100,7x   assign, with the expected offset of each partition, x if it is stopped
 *     release
 *     commit:3+1      commit with 3 rows and 1 dead letter; merge:3+1 if row by row
 *     abort           abort_commit
 *     committed:101,7 committed, with the durable offset of each partition
 *     refresh         refresh_pairs
 *     jump:1@100>150  jump of partition 1 from its durable offset to another
 */
#ifndef TICKD_PIPELINE_BED_H
#define TICKD_PIPELINE_BED_H

#include "fake_decode.h"
#include "pipeline.h"

/* Fixtures: a pipeline with BTC, ETH and the inactive OLD as pairs; time stands at BED_START_US. */
#define BED_START_US 1000000
void bed_open(void);
void bed_close(void);

/* Options of the pipeline; bed_reopen() makes a new one with what was changed in them. */
struct pipeline_options *bed_options(void);
void bed_reopen(void);

struct pipeline *bed_pipeline(void);
const struct pipeline_stats *bed_stats(void);

/* Fails unless exactly this was asked for since the last call. */
#define bed_expect(asked) bed_check_asked(asked, __FILE__, __LINE__)
void bed_check_asked(const char *expected, const char *file, int line);

/* --- what happens, each followed by a step --- */

/* All of it up to RUNNING: partitions 0 .. count-1, each stored at 100. */
void bed_run(uint32_t count);

void bed_assign(uint32_t count);
void bed_revoke(void);
void bed_lose(void);
void bed_database(bool up);
/* Answers the newest read_offsets: one value per partition. */
#define bed_offsets(...)                                                                           \
    bed_answer_offsets((const int64_t[]){__VA_ARGS__},                                             \
                       sizeof(const int64_t[]){__VA_ARGS__} / sizeof(int64_t))
void bed_answer_offsets(const int64_t *values, size_t count);
/* Answers an older one. */
void bed_stale_offsets(uint32_t epoch, int64_t value);
void bed_commit(enum commit_outcome outcome);
void bed_gap(uint32_t partition, int64_t low, int64_t high);
void bed_load_pairs(const char *list);
void bed_resync(void);
void bed_stop(void);
void bed_wait_us(int64_t us);

/* Offers a message, fails unless it is taken. */
void bed_take(uint32_t partition, int64_t offset, const char *payload);
/* Offers a message without a step; whether it was taken. */
bool bed_offer(uint32_t partition, int64_t offset, const char *payload);

/* The batch that is being committed; fails if there is none. */
struct batch *bed_flying(void);

/* Time from now on at which the pipeline wants to be woken; -1 if it does not. */
int64_t bed_wake_us(void);

#endif
