/* SPDX-License-Identifier: MIT */
/*
 * Usual path: messages go into librdkafka's local queue; its threads send them in batches; delivery
 * reports come back as events of the main queue and are counted.
 *
 * Possible failures: the queue is full (the caller waits), a message is refused at once, one is
 * given up after message.timeout.ms, or the idempotent producer cannot go on at all (fatal).
 * Brokers that go away and come back are librdkafka's business, and logged.
 */
#include "producer.h"

#include "clock.h"
#include "kafka_log.h"
#include "property.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROPERTY_NAME_MAX 128

struct producer {
    rd_kafka_t *rk;
    char *name;
    rd_kafka_topic_t *topic; /* NULL until it is known to exist */
    rd_kafka_queue_t *events;
    struct kafka_log log;
    bool broken;
    delivery_fn *on_delivery;
    void *on_delivery_ctx;
    struct producer_counts counts;
};

static const struct {
    const char *name;
    const char *value;
} defaults[] = {
    {"client.id", "tickreplay"},
    {"enable.idempotence", "true"},
    /* A few milliseconds gather batches at high rates and do not matter at low ones. */
    {"linger.ms", "5"},
    {"queue.buffering.max.kbytes", "262144"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    /* As Java's, so that a symbol is in the partition where other producers put it. */
    {"partitioner", "murmur2_random"},
    {"message.max.bytes", "10000000"},
};

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char why[ERR_MAX];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    err_set(e, "kafka.%s: %s", name, property_is_secret(name) ? "not accepted" : why);
    return false;
}

static bool set_property(rd_kafka_conf_t *conf, const char *text, struct err *e)
{
    char name[PROPERTY_NAME_MAX];
    size_t len = strcspn(text, "=");
    if (len >= sizeof name) {
        err_set(e, "kafka.%.20s...: no such property", text);
        return false;
    }
    memcpy(name, text, len);
    name[len] = '\0';
    return set(conf, name, text + len + 1, e);
}

static bool fill(rd_kafka_conf_t *conf, const char *bootstrap, const struct arg_texts *properties,
                 struct err *e)
{
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (!set(conf, defaults[i].name, defaults[i].value, e))
            return false;
    }
    if (bootstrap && !set(conf, "bootstrap.servers", bootstrap, e))
        return false;
    for (size_t i = 0; i < properties->count; i++) {
        if (!set_property(conf, properties->list[i], e))
            return false;
    }
    char value[2];
    size_t size = sizeof value;
    if (rd_kafka_conf_get(conf, "bootstrap.servers", value, &size) == RD_KAFKA_CONF_UNKNOWN ||
        size <= 1) {
        err_set(e, "expected --bootstrap HOST:PORT");
        return false;
    }
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return set(conf, "log.queue", "true", e);
}

struct producer *producer_new(const char *bootstrap, const char *topic,
                              const struct arg_texts *properties, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!fill(conf, bootstrap, properties, e)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    char why[ERR_MAX];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        err_set(e, "Kafka client: %s", why);
        return NULL;
    }
    struct producer *p = err_calloc(1, sizeof *p);
    p->rk = rk;
    rd_kafka_set_log_queue(rk, NULL);
    p->events = rd_kafka_queue_get_main(rk);
    p->name = err_strdup(topic);
    return p;
}

void producer_free(struct producer *p)
{
    if (!p)
        return;
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (p->topic)
        rd_kafka_topic_destroy(p->topic);
    rd_kafka_queue_destroy(p->events);
    rd_kafka_destroy(p->rk);
    free(p->name);
    free(p->counts.partitions);
    free(p);
}

static void remember_why(struct producer *p, const char *text)
{
    if (p->counts.why[0] == '\0')
        snprintf(p->counts.why, sizeof p->counts.why, "%s", text);
}

/* All topics are asked for, and a handle is made only afterwards: asking for one by name would make
 * a broker create it. */
static bool find_topic(struct producer *p, int timeout_ms, struct err *e)
{
    const struct rd_kafka_metadata *m;
    rd_kafka_resp_err_t rc = rd_kafka_metadata(p->rk, 1, NULL, &m, timeout_ms);
    producer_poll(p, 0);
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR) {
        err_set(e, "no broker answers within %d ms: %s%s%s", timeout_ms, rd_kafka_err2str(rc),
                p->counts.why[0] ? "; " : "", p->counts.why);
        return false;
    }
    rc = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    for (int i = 0; i < m->topic_cnt; i++) {
        if (strcmp(m->topics[i].topic, p->name) == 0)
            rc = m->topics[i].err;
    }
    rd_kafka_metadata_destroy(m);
    if (rc == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        err_set(e, "topic \"%s\" does not exist (or this user may not see it)", p->name);
    else if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        err_set(e, "topic \"%s\": %s", p->name, rd_kafka_err2str(rc));
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool producer_check_topic(struct producer *p, int timeout_ms, struct err *e)
{
    if (!find_topic(p, timeout_ms, e))
        return false;
    p->counts.why[0] = '\0';
    p->topic = rd_kafka_topic_new(p->rk, p->name, NULL);
    if (!p->topic)
        err_set(e, "topic \"%s\": %s", p->name, rd_kafka_err2str(rd_kafka_last_error()));
    return p->topic != NULL;
}

enum producer_result producer_send(struct producer *p, const char *key, size_t key_len,
                                   const char *value, size_t value_len)
{
    if (rd_kafka_produce(p->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                         (void *)(uintptr_t)value, value_len, key, key_len, NULL) == 0) {
        p->counts.taken++;
        return PRODUCER_TAKEN;
    }
    rd_kafka_resp_err_t rc = rd_kafka_last_error();
    if (rc == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        p->counts.waits++;
        return PRODUCER_FULL;
    }
    remember_why(p, rd_kafka_err2str(rc));
    p->counts.failed++;
    return PRODUCER_REFUSED;
}

static struct producer_partition *partition_of(struct producer *p, int32_t partition)
{
    struct producer_counts *c = &p->counts;
    size_t i = (size_t)partition;
    if (i >= c->partition_count) {
        c->partitions = err_realloc(c->partitions, (i + 1) * sizeof *c->partitions);
        while (c->partition_count <= i)
            c->partitions[c->partition_count++] = (struct producer_partition){-1, -1, 0};
    }
    return &c->partitions[i];
}

void producer_on_delivery(struct producer *p, delivery_fn *fn, void *ctx)
{
    p->on_delivery = fn;
    p->on_delivery_ctx = ctx;
}

/* librdkafka's latency of a message runs from the call that produced it until now. */
static void tell_delivery(const struct producer *p, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    const struct delivery d = {
        .partition = m->partition,
        .offset = m->offset,
        .timestamp_ms = rd_kafka_message_timestamp(m, &type),
        .produced_us = clock_now().mono_us - rd_kafka_message_latency(m),
        .key = m->key,
        .key_len = m->key_len,
        .value = m->payload,
        .value_len = m->len,
    };
    p->on_delivery(p->on_delivery_ctx, &d);
}

static void count_delivery(struct producer *p, const rd_kafka_message_t *m)
{
    if (m->err) {
        p->counts.failed++;
        remember_why(p, rd_kafka_err2str(m->err));
        return;
    }
    struct producer_partition *to = partition_of(p, m->partition);
    if (to->first < 0)
        to->first = m->offset;
    to->last = m->offset;
    to->messages++;
    p->counts.sent++;
    p->counts.bytes += m->len;
    if (p->on_delivery)
        tell_delivery(p, m);
}

static void on_error(struct producer *p, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t rc = rd_kafka_event_error(event);
    kafka_log_error(&p->log, rc, rd_kafka_event_error_string(event));
    if (rc == RD_KAFKA_RESP_ERR__FATAL)
        p->broken = true;
    remember_why(p, rd_kafka_event_error_string(event));
}

static void on_event(struct producer *p, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *m;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        while ((m = rd_kafka_event_message_next(event)))
            count_delivery(p, m);
        break;
    case RD_KAFKA_EVENT_ERROR:
        on_error(p, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        kafka_log_line(&p->log, event);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
}

void producer_poll(struct producer *p, int timeout_ms)
{
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(p->events, timeout_ms))) {
        on_event(p, event);
        timeout_ms = 0;
    }
}

uint64_t producer_pending(const struct producer *p)
{
    return (uint64_t)rd_kafka_outq_len(p->rk);
}

void producer_purge(struct producer *p)
{
    rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
}

bool producer_is_broken(const struct producer *p)
{
    return p->broken;
}

const struct producer_counts *producer_counts(const struct producer *p)
{
    return &p->counts;
}
