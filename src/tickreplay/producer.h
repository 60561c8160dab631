/* SPDX-License-Identifier: MIT */
/*
 * An idempotent librdkafka producer for one topic, and a count of what became of each message.
 *
 * Owns the client and its threads. For one thread: deliveries are counted in producer_poll().
 */
#ifndef TICKREPLAY_PRODUCER_H
#define TICKREPLAY_PRODUCER_H

#include "args.h"
#include "delivery.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the messages of one partition went. */
struct producer_partition {
    int64_t first; /* offsets; -1 = none */
    int64_t last;
    uint64_t messages;
};

struct producer_counts {
    uint64_t taken;  /* by librdkafka; each becomes one of the following two */
    uint64_t sent;   /* acknowledged by the broker */
    uint64_t failed; /* given up, or refused at once (these were not taken) */
    uint64_t bytes;  /* of the values of those sent */
    uint64_t waits;  /* for room in the local queue */
    struct producer_partition *partitions;
    size_t partition_count;
    char why[ERR_MAX]; /* the first failure; "" = none */
};

struct producer;

/* `properties` are "name=value" for librdkafka and go over the defaults. NULL: `e` says which one
 * is wrong. */
struct producer *producer_new(const char *bootstrap, const char *topic,
                              const struct arg_texts *properties, struct err *e);

/* Purges what is not sent and ends the threads. NULL is ignored. */
void producer_free(struct producer *p);

/* Asks the brokers for the topic; must have succeeded before anything is sent. False: no broker
 * answers in time, or there is no such topic. */
bool producer_check_topic(struct producer *p, int timeout_ms, struct err *e)
    __attribute__((warn_unused_result));

enum producer_result {
    PRODUCER_TAKEN,
    PRODUCER_FULL,    /* the local queue has no room: poll and try again */
    PRODUCER_REFUSED, /* counted as failed: too large, or the topic has gone */
};

/* Copies the message into the local queue. `key` NULL: none. */
enum producer_result producer_send(struct producer *p, const char *key, size_t key_len,
                                   const char *value, size_t value_len);

/* Calls `fn` with each message that is acknowledged, from producer_poll(). NULL: nobody. */
void producer_on_delivery(struct producer *p, delivery_fn *fn, void *ctx);

/* Counts deliveries and logs what librdkafka says; waits up to `timeout_ms` for something to do. */
void producer_poll(struct producer *p, int timeout_ms);

/* Messages not yet acknowledged or given up. */
uint64_t producer_pending(const struct producer *p);

/* Gives up what is pending; producer_poll() then counts it as failed. */
void producer_purge(struct producer *p);

/* True if the client cannot go on at all; the reason is in counts->why. */
bool producer_is_broken(const struct producer *p);

const struct producer_counts *producer_counts(const struct producer *p);

#endif
