/* SPDX-License-Identifier: MIT */
/*
 * Usual path: defaults, then the operator's properties in their order, then what tickd owns; then
 * rd_kafka_new() compares them with each other.
 *
 * Possible failures, all of them the operator's to mend: librdkafka does not know a property, or
 * not that value (said with the origin), or two do not go together (said with the origins of those
 * that its complaint names).
 */
#include "kafka_conf.h"

#include "kafka_trouble.h"
#include "offsets.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define LIBRDKAFKA_SLACK_NS 1000000UL

enum { RECONNECT_MAX_MS = 2000, QUICK_MS = 10, FETCH_WAIT_MAX_MS = 100, FETCH_MIN_BYTES = 32768 };

struct setting {
    const char *name;
    const char *value;
    bool optional; /* not known to every librdkafka that tickd runs with */
};

/*
 * What is chosen here stands in conf/tickd.conf, with the reasons in short.
 *
 * Memory: all partitions of a writer share one queue (kafka_fetch.c), so these bounds are for all
 * of them together. A tick of 150 bytes costs about 500 bytes while it is queued: 5 MB, and at most
 * one fetch over the bound. A fetch is small because one of compressed batches becomes ten times
 * its size; message.max.bytes is here only because librdkafka keeps fetch.max.bytes above it, and a
 * larger message still comes, alone. Longer queues do not make a drain faster: 10,000 messages are
 * two batches ahead of the database.
 *
 * Time: see kafka_conf_gather_ms().
 */
static const struct setting defaults[] = {
    {"client.id", "tickd", false},
    {"check.crcs", "true", false},
    {"socket.nagle.disable", "true", false},
    {"socket.keepalive.enable", "true", false},
    {"socket.timeout.ms", "30000", false}, /* a broker that has gone silent is left after this */
    {"allow.auto.create.topics", "false", false},
    {"partition.assignment.strategy", "range", false},
    /* A topic or partition that is made later is found within this. */
    {"topic.metadata.refresh.interval.ms", "5000", false},
    {"queued.min.messages", "10000", false},
    {"queued.max.messages.kbytes", "4096", false},
    {"fetch.message.max.bytes", "262144", false},
    {"fetch.max.bytes", "262144", false},
    {"message.max.bytes", "262144", false},
    {"fetch.queue.backoff.ms", "10", true},
};

/* Offsets live in the database: anything else here would lose or repeat ticks. */
static const struct setting owned[] = {
    {"enable.auto.commit", "false", false},
    {"enable.auto.offset.store", "false", false},
    {"auto.offset.reset", "error", false},
    {"log.queue", "true", false},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct err *e)
{
    char why[ERR_MAX];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return true;
    err_set(e, "%s", why);
    return false;
}

static bool set_all(rd_kafka_conf_t *conf, const struct setting *settings, size_t count,
                    struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (!set(conf, settings[i].name, settings[i].value, e) && !settings[i].optional)
            return false;
    }
    return true;
}

static bool set_number(rd_kafka_conf_t *conf, const char *name, int64_t value, struct err *e)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return set(conf, name, text, e);
}

/*
 * To let a fetch wait as long as a batch may saves half of the CPU at 250 ticks a second, where
 * each tick would otherwise be a fetch; a batch that must be quick gets them one by one. The wait
 * is also how long a fetch under way holds up new start offsets.
 */
int64_t kafka_conf_gather_ms(int64_t linger_ms)
{
    if (linger_ms <= QUICK_MS)
        return 0;
    return linger_ms < FETCH_WAIT_MAX_MS ? linger_ms : FETCH_WAIT_MAX_MS;
}

/* A fetch is answered when there are fetch.min.bytes, or after fetch.wait.max.ms. */
static bool set_waiting(rd_kafka_conf_t *conf, int64_t linger_ms, struct err *e)
{
    int64_t gather_ms = kafka_conf_gather_ms(linger_ms);
    return set_number(conf, "fetch.min.bytes", gather_ms ? FETCH_MIN_BYTES : 1, e) &&
           set_number(conf, "fetch.wait.max.ms", gather_ms ? gather_ms : FETCH_WAIT_MAX_MS, e);
}

static bool set_operators(rd_kafka_conf_t *conf, const struct config *config, struct err *e)
{
    for (size_t i = 0; i < config->kafka_count; i++) {
        const struct config_property *p = &config->kafka[i];
        if (!set(conf, p->name, p->value, e)) {
            err_wrap(e, "%s: kafka.%s", p->origin, p->name);
            return false;
        }
    }
    return true;
}

/* Without a broker librdkafka would start, and wait for ever. */
static bool has_brokers(rd_kafka_conf_t *conf, struct err *e)
{
    static const char *const names[] = {"bootstrap.servers", "test.mock.num.brokers"};
    char value[32];
    for (size_t i = 0; i < COUNT(names); i++) {
        size_t size = sizeof value;
        rd_kafka_conf_get(conf, names[i], NULL, &size);
        bool fits = size <= sizeof value;
        if (!fits)
            return true;
        if (rd_kafka_conf_get(conf, names[i], value, &size) == RD_KAFKA_CONF_OK &&
            strcmp(value, "") != 0 && strcmp(value, "0") != 0)
            return true;
    }
    err_set(e, "kafka.bootstrap.servers is not set; expected HOST:PORT[,HOST:PORT...]");
    return false;
}

/* Changes nothing of what is accepted: it is here for the reason, which librdkafka would not tell.
 * Called by its threads. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t broker_id, int *x509_error,
                          int depth, const char *der, size_t size, char *why, size_t why_size,
                          void *opaque)
{
    (void)rk, (void)broker, (void)broker_id, (void)depth, (void)der, (void)size, (void)opaque;
    if (*x509_error == 0)
        return 1;
    snprintf(why, why_size, "%s", kafka_trouble_of_certificate(*x509_error)->cause);
    return 0;
}

static bool fill(rd_kafka_conf_t *conf, const struct config *config, struct err *e)
{
    /* Knocking at a broker's door costs little; not to knock makes an outage longer. */
    int64_t longest = config->retry_max_ms;
    if (longest > RECONNECT_MAX_MS)
        longest = RECONNECT_MAX_MS;
    int64_t shortest = config->retry_min_ms < longest ? config->retry_min_ms : longest;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR |
                                       RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_OFFSET_COMMIT |
                                       RD_KAFKA_EVENT_FETCH);
    rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
    return set_all(conf, defaults, COUNT(defaults), e) &&
           set_number(conf, "reconnect.backoff.ms", shortest, e) &&
           set_number(conf, "reconnect.backoff.max.ms", longest, e) &&
           set_waiting(conf, config->linger_ms, e) && set_operators(conf, config, e) &&
           set_all(conf, owned, COUNT(owned), e) && set(conf, "group.id", config->group, e) &&
           has_brokers(conf, e);
}

/* Puts the origins of the operator's properties that a complaint names behind it. */
static void name_origins(const struct config *config, struct err *e)
{
    char origins[ERR_MAX] = "";
    size_t len = 0;
    for (size_t i = 0; i < config->kafka_count && len < sizeof origins; i++) {
        const struct config_property *p = &config->kafka[i];
        if (strstr(e->text, p->name))
            len += (size_t)snprintf(origins + len, sizeof origins - len, "; kafka.%s is from %s",
                                    p->name, p->origin);
    }
    struct err complaint = *e;
    err_set(e, "%s%s", complaint.text, origins);
}

/*
 * librdkafka before 2.4 waits for its timers in whole milliseconds, rounded down, and spins for the
 * rest: a quarter of what tickd used at 250 messages/s. Its threads inherit the timer slack of the
 * one that makes them (prctl(2)); with a millisecond of it they wake when the timer is due. What
 * they wait for besides, data, wakes them as ever.
 */
static rd_kafka_t *new_client(rd_kafka_conf_t *conf, struct err *why)
{
    int usual_ns = prctl(PR_GET_TIMERSLACK);
    prctl(PR_SET_TIMERSLACK, LIBRDKAFKA_SLACK_NS);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why->text, sizeof why->text);
    prctl(PR_SET_TIMERSLACK, (unsigned long)usual_ns);
    return rk;
}

rd_kafka_t *kafka_conf_client(const struct config *config, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!fill(conf, config, e)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    struct err why = {0};
    rd_kafka_t *rk = new_client(conf, &why);
    if (rk)
        return rk; /* `conf` belongs to it now */
    rd_kafka_conf_destroy(conf);
    name_origins(config, &why);
    err_set(e, "Kafka client: %s", why.text);
    return NULL;
}

static bool add_topic(rd_kafka_topic_partition_list_t *list, const char *name, size_t len,
                      struct err *e)
{
    char topic[OFFSETS_TOPIC_MAX + 1];
    if (len > OFFSETS_TOPIC_MAX) {
        err_set(e, "topics: a name of %zu characters; Kafka allows %d", len, OFFSETS_TOPIC_MAX);
        return false;
    }
    snprintf(topic, sizeof topic, "%.*s", (int)len, name);
    if (!rd_kafka_topic_partition_list_find(list, topic, RD_KAFKA_PARTITION_UA))
        rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    return true;
}

rd_kafka_topic_partition_list_t *kafka_conf_topics(const struct config *config, struct err *e)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    bool ok = true;
    for (const char *s = config->topics; ok && *s != '\0';) {
        s += strspn(s, ", \t");
        size_t len = strcspn(s, ", \t");
        ok = len == 0 || add_topic(list, s, len, e);
        s += len;
    }
    if (ok && list->cnt == 0) {
        err_set(e, "topics: no topic is named");
        ok = false;
    }
    if (ok)
        return list;
    rd_kafka_topic_partition_list_destroy(list);
    return NULL;
}
