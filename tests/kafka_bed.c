/* SPDX-License-Identifier: MIT */
#include "kafka_bed.h"

#include "stub_log.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 40 };

/* --- what consumers tell --- */

static void on_assign(void *ctx, const struct offsets *partitions)
{
    struct member *m = ctx;
    ck_assert_uint_gt(partitions->count, 0);
    ck_assert_uint_eq(m->assigns, m->revokes); /* they take turns */
    m->assigns++;
    offsets_copy(&m->given, partitions);
    if (!m->answer_at_once)
        return;
    for (size_t i = 0; i < m->given.count; i++)
        m->given.items[i].expected = 0;
    kafka_assign(m->kafka, &m->given);
}

static void on_revoke(void *ctx, bool lost)
{
    struct member *m = ctx;
    m->revokes++;
    ck_assert_uint_eq(m->assigns, m->revokes);
    m->lost = lost;
    if (m->answer_at_once || m->release_at_once)
        kafka_release(m->kafka);
}

static void on_messages(void *ctx)
{
    struct member *m = ctx;
    m->messages++;
}

static void on_gap(void *ctx, uint32_t partition, int64_t low, int64_t high)
{
    struct member *m = ctx;
    m->gaps++;
    m->gap_partition = partition;
    m->gap_low = low;
    m->gap_high = high;
}

static void on_up(void *ctx)
{
    struct member *m = ctx;
    ck_assert(!m->up);
    m->up = true;
    m->ups++;
}

static void on_down(void *ctx, const char *why)
{
    struct member *m = ctx;
    ck_assert(m->up || m->downs == 0);
    m->up = false;
    m->downs++;
    snprintf(m->why, sizeof m->why, "%s", why);
}

static void on_fatal(void *ctx, const char *why)
{
    struct member *m = ctx;
    m->fatals++;
    snprintf(m->why, sizeof m->why, "%s", why);
}

/* --- the bed --- */

static rd_kafka_t *new_producer(const char *bootstrap)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (bootstrap)
        rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
    rd_kafka_conf_set(conf, "linger.ms", "0", NULL, 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    ck_assert_msg(rk != NULL, "%s", why);
    return rk;
}

static void init_member(struct bed *b, struct member *m)
{
    *m = (struct member){.bed = b};
    offsets_init(&m->given);
    offsets_init(&m->start);
}

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void bed_init(struct bed *b, int partitions)
{
    static char topics[] = BED_TOPIC, group[] = "tickd-test";
    stub_log_reset();
    signal(SIGPIPE, SIG_IGN);
    *b = (struct bed){.loop = ev_loop_new(EVFLAG_AUTO)};
    b->host = new_producer(NULL);
    b->cluster = rd_kafka_mock_cluster_new(b->host, 1);
    ck_assert_ptr_nonnull(b->cluster);
    if (partitions > 0)
        rd_kafka_mock_topic_create(b->cluster, BED_TOPIC, partitions, 1);
    b->producer = new_producer(rd_kafka_mock_cluster_bootstraps(b->cluster));
    b->config = (struct config){
        .topics = topics,
        .group = group,
        .start_from = START_EARLIEST,
        .writers = 1,
        .retry_min_ms = 50,
        .retry_max_ms = 250,
        .kafka = b->properties,
    };
    bed_set(b, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(b->cluster), "test");
    bed_set(b, "session.timeout.ms", "5000", "test"); /* the mock lets a group wait for 3 s */
    bed_set(b, "heartbeat.interval.ms", "200", "test");
    bed_set(b, "topic.metadata.refresh.interval.ms", "500", "test");
    if (getenv("TICKD_TEST_DEBUG"))
        bed_set(b, "debug", getenv("TICKD_TEST_DEBUG"), "test");
    bed_set(b, "fetch.wait.max.ms", "10", "test"); /* the mock makes data wait for it */
    init_member(b, &b->a);
    init_member(b, &b->b);
    b->threads =
        count_threads() + 1; /* the producer's thread for a broker it has not talked to yet */
}

static void fini_member(struct member *m)
{
    kafka_free(m->kafka);
    m->kafka = NULL;
    offsets_fini(&m->given);
    offsets_fini(&m->start);
}

/* A question that was left behind ends by itself, and the client with it. */
static bool questions_have_ended(struct member *m)
{
    return count_threads() <= m->bed->threads;
}

void bed_fini(struct bed *b)
{
    fini_member(&b->a);
    fini_member(&b->b);
    bed_await(&b->a, questions_have_ended);
    rd_kafka_destroy(b->producer);
    rd_kafka_mock_cluster_destroy(b->cluster);
    rd_kafka_destroy(b->host);
    ev_loop_destroy(b->loop);
}

void bed_set(struct bed *b, const char *name, const char *value, const char *origin)
{
    ck_assert_uint_lt(b->config.kafka_count, sizeof b->properties / sizeof *b->properties);
    b->properties[b->config.kafka_count++] = (struct config_property){
        .name = (char *)(uintptr_t)name,
        .value = (char *)(uintptr_t)value,
        .origin = (char *)(uintptr_t)origin,
    };
}

void bed_open(struct bed *b, struct member *m)
{
    struct kafka_callbacks callbacks = {
        .on_assign = on_assign,
        .on_revoke = on_revoke,
        .on_messages = on_messages,
        .on_gap = on_gap,
        .on_up = on_up,
        .on_down = on_down,
        .on_fatal = on_fatal,
        .ctx = m,
    };
    struct err e = {0};
    bool misconfigured;
    m->up = false;
    m->assigns = m->revokes = 0;
    m->kafka = kafka_new(b->loop, &b->config, &callbacks, &misconfigured, &e);
    ck_assert_msg(m->kafka != NULL, "%s", e.text);
}

void bed_join(struct bed *b, struct member *m)
{
    struct err e = {0};
    bed_open(b, m);
    ck_assert_msg(kafka_start(m->kafka, &e), "%s", e.text);
}

void bed_get_partitions(struct bed *b, struct member *m)
{
    bed_join(b, m);
    bed_await(m, bed_has_partitions);
}

static void on_beat(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)w, (void)revents;
}

void bed_await(struct member *m, bed_condition *condition)
{
    struct ev_loop *loop = m->bed->loop;
    ev_timer beat; /* the condition may come true without an event for the loop */
    ev_timer_init(&beat, on_beat, 0.01, 0.01);
    ev_timer_start(loop, &beat);
    ev_now_update(loop);
    ev_tstamp deadline = ev_now(loop) + PATIENCE_S;
    while (!condition(m)) {
        ck_assert_msg(ev_now(loop) < deadline, "waited in vain; consumer waits for %s; %s; %s",
                      m->kafka ? kafka_waits_for(m->kafka) : "-", stub_log_last("kafka_error"),
                      stub_log_last("kafka_log"));
        ev_run(loop, EVRUN_ONCE);
    }
    ev_timer_stop(loop, &beat);
}

static void on_settled(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    *(bool *)w->data = true;
}

void bed_settle(struct bed *b)
{
    bool settled = false;
    ev_timer timer;
    ev_timer_init(&timer, on_settled, 1.1, 0.);
    timer.data = &settled;
    ev_now_update(b->loop);
    ev_timer_start(b->loop, &timer);
    while (!settled)
        ev_run(b->loop, EVRUN_ONCE);
}

/* --- conditions --- */

bool bed_is_up(struct member *m)
{
    return m->up;
}

bool bed_is_down(struct member *m)
{
    return !m->up && m->downs > 0;
}

bool bed_is_content(struct member *m)
{
    return !kafka_waits_for(m->kafka);
}

bool bed_is_closed(struct member *m)
{
    return m->closes > 0;
}

bool bed_has_partitions(struct member *m)
{
    return m->assigns > m->revokes;
}

bool bed_must_release(struct member *m)
{
    return m->revokes > 0;
}

bool bed_was_woken(struct member *m)
{
    return m->messages > 0;
}

bool bed_has_message(struct member *m)
{
    struct message message;
    return kafka_peek(m->kafka, 0, &message);
}

bool bed_has_ten(struct member *m)
{
    return kafka_queued(m->kafka) >= 10;
}

bool bed_has_gap(struct member *m)
{
    ck_assert(!bed_has_message(m));
    return m->gaps > 0;
}

bool bed_has_start(struct member *m)
{
    return m->starts > 0;
}

/* --- questions --- */

void bed_want(struct offsets *o, int32_t count)
{
    offsets_init(o);
    for (int32_t i = 0; i < count; i++)
        offsets_add(o, BED_TOPIC, i);
}

void bed_on_start(void *ctx, const struct offsets *found, const char *error)
{
    struct member *m = ctx;
    m->starts++;
    snprintf(m->start_error, sizeof m->start_error, "%s", error ? error : "");
    if (found)
        offsets_copy(&m->start, found);
}

void bed_find_start(struct member *m, int32_t count)
{
    struct offsets wanted;
    bed_want(&wanted, count);
    m->starts = 0;
    kafka_find_start(m->kafka, &wanted, bed_on_start, m);
    offsets_fini(&wanted);
    bed_await(m, bed_has_start);
}

void bed_on_closed(void *ctx)
{
    struct member *m = ctx;
    m->closes++;
}

/* --- data --- */

static void produce(struct bed *b, int32_t partition, const void *key, size_t key_len,
                    const void *payload, size_t len)
{
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = BED_TOPIC},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key, key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)payload, len}},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(b->producer, parts, sizeof parts / sizeof *parts);
    ck_assert_msg(!error, "%s", rd_kafka_error_string(error));
}

static void flush(struct bed *b)
{
    ck_assert(!rd_kafka_flush(b->producer, PATIENCE_S * 1000));
}

void bed_produce(struct bed *b, int32_t partition, int64_t from, int64_t count, int batch)
{
    for (int64_t i = 0; i < count; i++) {
        char text[32];
        int len = snprintf(text, sizeof text, "%" PRId64, from + i);
        produce(b, partition, NULL, 0, text, (size_t)len);
        if ((i + 1) % batch == 0)
            flush(b);
    }
    flush(b);
}

void bed_produce_bytes(struct bed *b, int32_t partition, const void *key, const void *payload,
                       size_t len)
{
    produce(b, partition, key, key ? strlen(key) : 0, payload, len);
    flush(b);
}

void bed_assign(struct member *m, const int64_t *offsets)
{
    for (size_t i = 0; i < m->given.count; i++)
        m->given.items[i].expected = offsets[i];
    kafka_assign(m->kafka, &m->given);
}

uint32_t bed_take(struct member *m, int64_t *offset)
{
    struct message message, again;
    bed_await(m, bed_has_message);
    ck_assert(kafka_peek(m->kafka, 0, &message));
    ck_assert(kafka_peek(m->kafka, 0, &again));
    ck_assert_int_eq(again.offset, message.offset); /* looking takes nothing */
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)message.payload_len, (const char *)message.payload);
    ck_assert_int_eq(strtoll(text, NULL, 10), message.offset);
    *offset = message.offset;
    kafka_advance(m->kafka, 0);
    return message.partition;
}

void bed_expect(struct member *m, int64_t from, int64_t to)
{
    for (int64_t wanted = from; wanted < to; wanted++) {
        int64_t offset;
        bed_take(m, &offset);
        ck_assert_int_eq(offset, wanted);
    }
}

/* --- programs --- */

TCase *bed_case(Suite *s, const char *name, void (*set_up)(void), void (*tear_down)(void))
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_set_timeout(t, 240);
    suite_add_tcase(s, t);
    return t;
}

int bed_run(Suite *s)
{
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
