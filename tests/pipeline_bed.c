/* SPDX-License-Identifier: MIT */
#include "pipeline_bed.h"

#include "err.h"
#include "fake_pairs.h"
#include "stub_log.h"
#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 8, ASKED_MAX = 4096 };

static struct {
    struct pipeline_options options;
    struct pipeline *pipeline;
    struct pairs *pairs;
    struct instant now;
    uint32_t partitions;
    uint32_t epoch;
    struct batch *flying;
    char asked[ASKED_MAX];
} bed;

/* --- what the pipeline asks for --- */

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
    size_t len = strlen(bed.asked);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(bed.asked + len, sizeof bed.asked - len, fmt, ap);
    va_end(ap);
    ck_assert_uint_lt(strlen(bed.asked), ASKED_MAX - 1);
}

static void op_read_offsets(void *ctx, const struct offsets *assigned, uint32_t epoch)
{
    (void)ctx;
    ck_assert_uint_eq(assigned->count, bed.partitions);
    bed.epoch = epoch;
    note("read#%u ", epoch);
}

static void op_assign(void *ctx, const struct offsets *o)
{
    (void)ctx;
    note("assign:");
    for (size_t i = 0; i < o->count; i++)
        note("%s%lld%s", i ? "," : "", (long long)o->items[i].expected,
             o->items[i].stopped ? "x" : "");
    note(" ");
}

static void op_release(void *ctx)
{
    (void)ctx;
    note("release ");
}

static void op_commit(void *ctx, struct batch *b, const struct offsets *o, bool merge)
{
    (void)ctx;
    ck_assert_msg(!bed.flying, "two commits at a time");
    ck_assert_ptr_eq(o, pipeline_offsets(bed.pipeline));
    bed.flying = b;
    note("%s:%zu+%zu ", merge ? "merge" : "commit", b->row_count, b->letters);
}

static void op_abort_commit(void *ctx)
{
    (void)ctx;
    ck_assert_msg(bed.flying != NULL, "nothing to abort");
    note("abort ");
}

static void op_committed(void *ctx, const struct offsets *o)
{
    (void)ctx;
    note("committed:");
    for (size_t i = 0; i < o->count; i++)
        note("%s%lld", i ? "," : "", (long long)o->items[i].durable);
    note(" ");
}

static void op_refresh_pairs(void *ctx)
{
    (void)ctx;
    note("refresh ");
}

static void op_jump(void *ctx, const struct partition *p, int64_t next)
{
    (void)ctx;
    note("jump:%d@%lld>%lld ", (int)p->id, (long long)p->durable, (long long)next);
}

static const struct pipeline_ops ops = {
    .read_offsets = op_read_offsets,
    .assign = op_assign,
    .release = op_release,
    .commit = op_commit,
    .abort_commit = op_abort_commit,
    .committed = op_committed,
    .refresh_pairs = op_refresh_pairs,
    .jump = op_jump,
};

void bed_check_asked(const char *expected, const char *file, int line)
{
    if (strcmp(bed.asked, expected) != 0)
        ck_abort_msg("%s:%d: asked for \"%s\", not \"%s\"", file, line, bed.asked, expected);
    bed.asked[0] = '\0';
}

/* --- life --- */

static const struct pipeline_options defaults = {
    .decode = {.max_message_bytes = 1000000, .max_ticks = 1000},
    .validate = {.max_age_us = 0, .max_ahead_us = 60000000},
    .limits = {.rows = 4, .bytes = 100000, .linger_us = 1000},
    .ties = TIES_MODE_SPREAD,
    .tie_memory = 1000,
    .pairs_refresh_min_us = 10000,
    .release_timeout_us = 50000,
    .retry_min_ms = 100,
    .retry_max_ms = 10000,
};

static void make_pipeline(void)
{
    bed.pipeline = pipeline_new(&bed.options, bed.pairs, &ops);
    pipeline_set_owner(bed.pipeline, "group", "cluster");
    bed.flying = NULL;
    bed.asked[0] = '\0';
}

void bed_open(void)
{
    stub_log_reset();
    bed.options = defaults;
    bed.now = (struct instant){.mono_us = BED_START_US, .wall_us = FAKE_DECODE_EPOCH_US};
    bed.pairs = pairs_new();
    fake_pairs_load(bed.pairs, "BTC ETH !OLD");
    make_pipeline();
}

void bed_close(void)
{
    pipeline_free(bed.pipeline);
    pairs_free(bed.pairs);
}

struct pipeline_options *bed_options(void)
{
    return &bed.options;
}

void bed_reopen(void)
{
    pipeline_free(bed.pipeline);
    make_pipeline();
}

struct pipeline *bed_pipeline(void)
{
    return bed.pipeline;
}

const struct pipeline_stats *bed_stats(void)
{
    return pipeline_stats(bed.pipeline);
}

/* --- what happens --- */

static void step(void)
{
    pipeline_step(bed.pipeline, bed.now);
}

void bed_run(uint32_t count)
{
    bed_database(true);
    bed_assign(count);
    int64_t values[PARTITIONS];
    for (uint32_t i = 0; i < count; i++)
        values[i] = 100;
    pipeline_on_offsets(bed.pipeline, bed.epoch, values, count);
    ck_assert_int_eq(pipeline_state(bed.pipeline), PIPELINE_RUNNING);
    bed.asked[0] = '\0';
}

void bed_assign(uint32_t count)
{
    struct offsets o;
    ck_assert_uint_le(count, PARTITIONS);
    offsets_init(&o);
    for (uint32_t i = 0; i < count; i++)
        offsets_add(&o, "ticks", (int32_t)i);
    bed.partitions = count;
    pipeline_on_assign(bed.pipeline, &o);
    offsets_fini(&o);
    step();
}

void bed_revoke(void)
{
    pipeline_on_revoke(bed.pipeline, false, bed.now);
    step();
}

void bed_lose(void)
{
    pipeline_on_revoke(bed.pipeline, true, bed.now);
    step();
}

void bed_database(bool up)
{
    pipeline_on_database(bed.pipeline, up);
    step();
}

void bed_answer_offsets(const int64_t *values, size_t count)
{
    ck_assert_uint_eq(count, bed.partitions);
    pipeline_on_offsets(bed.pipeline, bed.epoch, values, count);
    step();
}

void bed_stale_offsets(uint32_t epoch, int64_t value)
{
    int64_t values[PARTITIONS];
    for (uint32_t i = 0; i < PARTITIONS; i++)
        values[i] = value;
    ck_assert_uint_ne(epoch, bed.epoch);
    pipeline_on_offsets(bed.pipeline, epoch, values, bed.partitions);
    step();
}

void bed_commit(enum commit_outcome outcome)
{
    ck_assert_msg(bed.flying != NULL, "no commit to be answered");
    bed.flying = NULL;
    pipeline_on_commit(bed.pipeline, outcome, bed.now, 0);
    step();
}

void bed_gap(uint32_t partition, int64_t low, int64_t high)
{
    pipeline_on_gap(bed.pipeline, partition, low, high);
    step();
}

void bed_load_pairs(const char *list)
{
    fake_pairs_load(bed.pairs, list);
    pipeline_on_pairs(bed.pipeline);
    step();
}

void bed_resync(void)
{
    pipeline_resync(bed.pipeline);
    step();
}

void bed_stop(void)
{
    pipeline_stop(bed.pipeline);
    step();
}

void bed_wait_us(int64_t us)
{
    bed.now.mono_us += us;
    bed.now.wall_us += us;
    step();
}

bool bed_offer(uint32_t partition, int64_t offset, const char *payload)
{
    struct message m = {.partition = partition,
                        .offset = offset,
                        .timestamp_ms = MESSAGE_NO_TIME,
                        .payload = payload,
                        .payload_len = strlen(payload)};
    ck_assert_msg(pipeline_wants_input(bed.pipeline), "no input is wanted");
    return pipeline_take(bed.pipeline, &m, bed.now);
}

void bed_take(uint32_t partition, int64_t offset, const char *payload)
{
    ck_assert_msg(bed_offer(partition, offset, payload), "message is not taken");
    step();
}

struct batch *bed_flying(void)
{
    ck_assert_msg(bed.flying != NULL, "nothing flies");
    return bed.flying;
}

int64_t bed_wake_us(void)
{
    int64_t at = pipeline_wake_us(bed.pipeline);
    return at == INT64_MAX ? -1 : at - bed.now.mono_us;
}
