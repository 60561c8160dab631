/* SPDX-License-Identifier: MIT */
/*
 * bareproduce: the fastest that librdkafka produces a recording's messages, to compare tickreplay
 * with. Everything is in memory before the clock starts: nothing is read, parsed, paced or
 * rewritten.
 *
 *   bareproduce BOOTSTRAP TOPIC RECORDING
 *
 * Prints messages and seconds, from the first produce call to the last acknowledgement.
 */
#include "err.h"
#include "recording.h"
#include "scan.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct item {
    char *value;
    size_t len;
    const char *key;
    size_t key_len;
};

struct items {
    struct item *list;
    size_t count;
    size_t cap;
};

static void add(struct items *all, struct scan *scan, const struct entry *entry)
{
    if (all->count == all->cap) {
        all->cap = all->cap ? all->cap * 2 : 1024;
        all->list = err_realloc(all->list, all->cap * sizeof *all->list);
    }
    struct item *item = &all->list[all->count++];
    *item = (struct item){.value = err_malloc(entry->payload_len + 1), .len = entry->payload_len};
    memcpy(item->value, entry->payload, entry->payload_len);
    scan_message(scan, item->value, item->len);
    const struct token *symbol = scan_symbol(scan);
    if (symbol) {
        item->key = item->value + symbol->at;
        item->key_len = symbol->len;
    }
}

static void load(struct items *all, char *path)
{
    struct scan scan;
    struct entry entry;
    struct err e;
    enum recording_result result;
    char *paths[] = {path};
    struct recording *r = recording_new(paths, 1, FORMAT_AUTO);
    scan_init(&scan);
    while ((result = recording_next(r, &entry, &e)) != RECORDING_END) {
        if (result == RECORDING_ENTRY)
            add(all, &scan, &entry);
    }
    scan_fini(&scan);
    recording_free(r);
}

/* The settings of tickreplay (producer.c). */
static rd_kafka_t *connect_to(const char *bootstrap)
{
    static const char *const settings[][2] = {
        {"enable.idempotence", "true"},           {"linger.ms", "5"},
        {"queue.buffering.max.kbytes", "262144"}, {"socket.nagle.disable", "true"},
        {"partitioner", "murmur2_random"},        {"message.max.bytes", "10000000"},
    };
    char why[ERR_MAX];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof why);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk) {
        fprintf(stderr, "bareproduce: %s\n", why);
        exit(1);
    }
    return rk;
}

static void produce(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct items *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct item *item = &all->list[i];
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, item->value,
                                item->len, item->key, item->key_len, NULL) != 0)
            rd_kafka_poll(rk, 10);
        if (i % 512 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 60000);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct items all = {NULL, 0, 0};
    if (argc != 4) {
        fputs("usage: bareproduce BOOTSTRAP TOPIC RECORDING\n", stderr);
        return 2;
    }
    load(&all, argv[3]);
    rd_kafka_t *rk = connect_to(argv[1]);
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
    if (rd_kafka_metadata(rk, 0, topic, &metadata, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);

    double start = now();
    produce(rk, topic, &all);
    printf("%zu %.6f\n", all.count, now() - start);

    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    for (size_t i = 0; i < all.count; i++)
        free(all.list[i].value);
    free(all.list);
    return 0;
}
