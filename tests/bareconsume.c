/* SPDX-License-Identifier: MIT */
/*
 * bareconsume: the fastest that librdkafka consumes a topic from its beginning, to compare tickd
 * with. Messages are counted and their bytes added up, nothing else.
 *
 *   bareconsume BOOTSTRAP TOPIC PARTITIONS MESSAGES [NAME=VALUE...]
 *
 * Prints messages, bytes and seconds, from the assignment to the last message. librdkafka's own
 * settings, but for what is given, and for check.crcs, which is on as it is in tickd.
 */
#include "err.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENCE_MS 10000

struct sum {
    long long messages;
    long long bytes;
};

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "bareconsume: %s\n", why);
    exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[ERR_MAX];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(why);
}

static void set_given(rd_kafka_conf_t *conf, char *property)
{
    char *value = strchr(property, '=');
    if (!value)
        fail("a property is NAME=VALUE");
    *value = '\0';
    set(conf, property, value + 1);
}

static rd_kafka_t *make_client(const char *bootstrap, char **properties, int count)
{
    char why[ERR_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", bootstrap);
    set(conf, "group.id", "bareconsume");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "check.crcs", "true");
    for (int i = 0; i < count; i++)
        set_given(conf, properties[i]);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!rk)
        fail(why);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static void assign(rd_kafka_t *rk, const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = 0;
    if (rd_kafka_assign(rk, list))
        fail("cannot assign");
    rd_kafka_topic_partition_list_destroy(list);
}

static void count(rd_kafka_message_t *m, void *opaque)
{
    struct sum *sum = opaque;
    if (m->err)
        return;
    sum->messages++;
    sum->bytes += (long long)m->len;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct sum sum = {0};
    if (argc < 5) {
        fputs("usage: bareconsume BOOTSTRAP TOPIC PARTITIONS MESSAGES [NAME=VALUE...]\n", stderr);
        return 2;
    }
    long long wanted = atoll(argv[4]);
    rd_kafka_t *rk = make_client(argv[1], argv + 5, argc - 5);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    double start = now();
    assign(rk, argv[2], atoi(argv[3]));
    while (sum.messages < wanted) {
        if (rd_kafka_consume_callback_queue(queue, SILENCE_MS, count, &sum) == 0)
            fail("no more messages");
    }
    printf("%lld %lld %.6f\n", sum.messages, sum.bytes, now() - start);
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return 0;
}
