/* SPDX-License-Identifier: MIT */
/* links: decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o pipeline.o ties.o batch.o copyrow.o offsets.o pairs.o validate.o detail.o timestamp.o number.o utf8.o record.o reject.o backoff.o buf.o err.o stub_log.o fake_pairs.o monitor.o dbstats.o lastprices.o procfs.o hist.o history.o quotes.o */
/*
 * The whole way of a tick from the consumer's message to the bytes of COPY, and into what is told
 * of it (monitor.h), with nothing faked but Kafka and the database: it allocates nothing once the
 * buffers have reached their size. The linker hands the modules' calls of the allocator over
 * (tests/unit.mk).
 */
#include "config.h"
#include "fake_pairs.h"
#include "monitor.h"
#include "pipeline.h"
#include "stub_log.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US   INT64_C(1763225137000000) /* 2025-11-15T16:45:37Z */
#define BATCH_ROWS 500
#define ROUNDS     6 /* batches; the first two make the buffers grow, they take turns */
#define WARM       3

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static size_t allocations;

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    allocations++;
    return __real_realloc(p, size);
}

/* check's assertions allocate. */
static void require(bool fact)
{
    if (!fact)
        abort();
}

static struct {
    struct pipeline *pipeline;
    struct pairs *pairs;
    struct monitor *monitor;
    bool flying;
    size_t rows; /* of all batches that flew */
    size_t letters;
    int64_t offset;
    int64_t serial;
} bed;

static void op_nothing(void *ctx)
{
    (void)ctx;
}

static void op_offsets(void *ctx, const struct offsets *o)
{
    (void)ctx;
    (void)o;
}

static void op_read_offsets(void *ctx, const struct offsets *o, uint32_t epoch)
{
    const int64_t none[] = {0};
    (void)ctx;
    pipeline_on_offsets(bed.pipeline, epoch, none, o->count);
}

static void op_commit(void *ctx, struct batch *b, const struct offsets *o, bool merge)
{
    (void)ctx;
    (void)o;
    require(!merge && batch_rows(b).len > 0);
    bed.rows += b->row_count;
    bed.letters += b->letters;
    bed.flying = true;
    monitor_commit(bed.monitor, b, 1000, START_US);
}

static void op_tick(void *ctx, uint32_t slot, const struct record *r)
{
    (void)ctx;
    monitor_tick(bed.monitor, slot, r);
}

static void op_jump(void *ctx, const struct partition *p, int64_t next)
{
    (void)ctx;
    (void)p;
    (void)next;
}

static const struct pipeline_ops ops = {.read_offsets = op_read_offsets,
                                        .assign = op_offsets,
                                        .release = op_nothing,
                                        .commit = op_commit,
                                        .abort_commit = op_nothing,
                                        .committed = op_offsets,
                                        .refresh_pairs = op_nothing,
                                        .jump = op_jump,
                                        .tick = op_tick};

static void set_up(void)
{
    static const struct pipeline_options options = {
        .decode = {.max_message_bytes = 1000000,
                   .max_ticks = 1000,
                   .synthetic_spread_bps = 1,
                   .default_exchange = "pacifica"},
        .validate = {.max_ahead_us = INT64_C(300000000)},
        .limits = {.rows = BATCH_ROWS, .bytes = 1000000, .linger_us = 1000},
        .ties = TIES_MODE_SPREAD,
        .tie_memory = 1000,
        .release_timeout_us = 50000,
        .retry_min_ms = 100,
        .retry_max_ms = 10000,
    };
    static struct config config;
    struct offsets o;
    stub_log_reset();
    memset(&bed, 0, sizeof bed);
    bed.pairs = pairs_new();
    fake_pairs_load(bed.pairs, "BTC ETH");
    bed.monitor = monitor_new(&config, bed.pairs, (struct instant){.wall_us = START_US});
    bed.pipeline = pipeline_new(&options, bed.pairs, &ops);
    pipeline_set_owner(bed.pipeline, "group", "cluster");
    pipeline_on_database(bed.pipeline, true);
    offsets_init(&o);
    offsets_add(&o, "ticks", 0);
    pipeline_on_assign(bed.pipeline, &o);
    offsets_fini(&o);
    ck_assert_int_eq(pipeline_state(bed.pipeline), PIPELINE_RUNNING);
}

static void tear_down(void)
{
    pipeline_free(bed.pipeline);
    monitor_free(bed.monitor);
    pairs_free(bed.pairs);
}

/* Writes the n-th message of a shape. */
typedef int write_fn(char *to, size_t size, long long n);

static int write_canonical(char *to, size_t size, long long n)
{
    return snprintf(to, size,
                    "{\"time\":\"2025-11-15T16:%02lld:%02lld.%03lld097+00:00\",\"symbol\":\"BTC\","
                    "\"price\":%lld.66,\"volume\":0.25,\"bid\":95973.9000000000015,\"ask\":1e5,"
                    "\"exchange\":\"pacifica\"}",
                    n / 60000 % 60, n / 1000 % 60, n % 1000, 90000 + n);
}

/* Four ticks at two times: ties. */
static int write_trades(char *to, size_t size, long long n)
{
    static const char item[] = "{\"h\":526,\"s\":\"ETH\",\"a\":\"0.195\",\"p\":\"61639.4\","
                               "\"d\":\"open_short\",\"tc\":\"normal\",\"t\":%lld,\"li\":1}";
    int len = snprintf(to, size, "{\"channel\":\"trades\",\"data\":[");
    for (int i = 0; i < 4; i++) {
        len += snprintf(to + len, size - (size_t)len, item, 1763225136000 + n * 2 + i / 2);
        len += snprintf(to + len, size - (size_t)len, i < 3 ? "," : "]}");
    }
    return len;
}

/* JSON in JSON; every second one is a repeat, which is not stored. */
static int write_relayed(char *to, size_t size, long long n)
{
    return snprintf(to, size,
                    "{\"timestamp\":\"2025-11-15T16:45:36\",\"symbol\":\"BTC\",\"channel\":"
                    "\"prices\",\"data\":\"{\\\"mark\\\":\\\"%lld\\\",\\\"mid\\\":\\\"2\\\","
                    "\\\"timestamp\\\":%lld}\"}",
                    1 + n / 2, 1763225136000 + n / 2);
}

/* An escape: for the parser. */
static int write_escaped(char *to, size_t size, long long n)
{
    return snprintf(to, size, "{\"symbol\":\"\\u0042TC\",\"price\":1,\"time\":%lld}",
                    1763225136000 + n);
}

static void take_one(write_fn *write)
{
    char text[1024];
    int len = write(text, sizeof text, (long long)bed.serial++);
    require(len < (int)sizeof text);
    const struct message m = {.offset = bed.offset++,
                              .timestamp_ms = START_US / 1000,
                              .payload = text,
                              .payload_len = (size_t)len};
    require(pipeline_take(bed.pipeline, &m, (struct instant){.wall_us = START_US}));
}

/* Fills a batch, lets it fly and the one before it land. */
static void fill_batch(write_fn *write)
{
    const struct instant now = {.wall_us = START_US};
    while (pipeline_wants_input(bed.pipeline))
        take_one(write);
    if (bed.flying) {
        bed.flying = false;
        pipeline_on_commit(bed.pipeline, COMMIT_DONE, now, 0);
    }
    pipeline_step(bed.pipeline, now);
    require(bed.flying);
}

/* Allocations in the batches after the first ones. */
static size_t count_allocations(write_fn *write)
{
    for (int i = 0; i < WARM; i++)
        fill_batch(write);
    size_t before = allocations;
    for (int i = WARM; i < ROUNDS; i++)
        fill_batch(write);
    size_t after = allocations;
    ck_assert_uint_ge(bed.rows, (ROUNDS - 1) * BATCH_ROWS);
    ck_assert_uint_eq(bed.letters, 0);
    return after - before;
}

START_TEST(stream_allocates_nothing)
{
    static write_fn *const shapes[] = {write_canonical, write_trades, write_relayed};
    ck_assert_uint_eq(count_allocations(shapes[_i]), 0);
}
END_TEST

/* So it is seen that allocations are counted. */
START_TEST(parser_allocates)
{
    ck_assert_uint_gt(count_allocations(write_escaped), BATCH_ROWS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("path");
    TCase *tc = tcase_create("path");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, stream_allocates_nothing, 0, 3);
    tcase_add_test(tc, parser_allocates);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
