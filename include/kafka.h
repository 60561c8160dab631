/* SPDX-License-Identifier: MIT */
/*
 * The Kafka consumer on the event loop: librdkafka's queues wake it through a pipe, nothing blocks.
 *
 * Owns the rd_kafka_t, its queues and watchers. Loop thread only; callbacks come from the loop. Each
 * assigned partition has a queue of its own, which is polled only through kafka_peek(): not peeking is
 * the backpressure. The consumer queue (rebalances, errors, statistics, logs) is always polled.
 *
 * Rebalance: on_assign and on_revoke are each answered exactly once, later, by kafka_assign() and
 * kafka_release(). kafka_assign() may be called again at any time between, to rewind.
 */
#ifndef TICKD_KAFKA_H
#define TICKD_KAFKA_H

#include "config.h"
#include "err.h"
#include "message.h"
#include "offsets.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct kafka;

struct kafka_callbacks {
    /* The group gave us these partitions; answer with kafka_assign(). Borrowed. */
    void (*on_assign)(void *ctx, const struct offsets *partitions);
    /* The group takes all partitions away; answer with kafka_release(). `lost`: already taken. */
    void (*on_revoke)(void *ctx, bool lost);
    /* Messages may be waiting: call kafka_peek(). Comes once per empty-to-filled change, or so. */
    void (*on_messages)(void *ctx);
    /* The offset we asked for is not in the log (any more): low and high are the log's ends, or
     * OFFSETS_UNKNOWN. The partition is not fetched until assigned anew. */
    void (*on_gap)(void *ctx, uint32_t partition, int64_t low, int64_t high);
    /* Brokers reachable or not, as far as librdkafka says. */
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx, const char *why);
    /* Fatal client error (fenced static member, ...): the process must be restarted. */
    void (*on_fatal)(void *ctx, const char *why);
    void *ctx;
};

/* Makes the client from `config` (topics, group, kafka.*); connects to nothing yet. NULL with `e` set
 * if librdkafka refuses a property: a configuration error. */
struct kafka *kafka_new(struct ev_loop *loop, const struct config *config,
                        const struct kafka_callbacks *callbacks, struct err *e)
    __attribute__((warn_unused_result));

/* Joins the group. */
bool kafka_start(struct kafka *k, struct err *e) __attribute__((warn_unused_result));

/* Cluster id, or NULL as long as no broker has told it. Owned by `k`. */
const char *kafka_cluster_id(struct kafka *k);

/* (Re)starts fetching `o`: each partition from its `expected` offset, stopped ones not at all. Indexes
 * in `o` are those of later messages. Also answers a pending on_assign. */
void kafka_assign(struct kafka *k, const struct offsets *o);

/* Gives all partitions up. Also answers a pending on_revoke. */
void kafka_release(struct kafka *k);

/* The next message without taking it, false if none is there now. `m` is valid until the next call of
 * kafka_advance(), kafka_assign() or kafka_release(). Partitions take turns. */
bool kafka_peek(struct kafka *k, struct message *m);

/* Takes the message that kafka_peek() showed. */
void kafka_advance(struct kafka *k);

/* Where a partition without an offset in the database begins: Kafka's committed offset of the group,
 * else start_from. Asked of the brokers in a thread of its own; calls back once on the loop with
 * `expected` filled in, or with the error. One at a time; the answer to an older one never comes after
 * a newer one was asked. */
typedef void kafka_start_fn(void *ctx, const struct offsets *found, const char *error);
void kafka_find_start(struct kafka *k, const struct offsets *wanted, kafka_start_fn *fn, void *ctx);

/* Writes `durable` offsets to Kafka too, for lag tools; failures are only counted. */
void kafka_commit(struct kafka *k, const struct offsets *o);

/* Messages fetched and waiting in this process, and their bytes. */
void kafka_queued(const struct kafka *k, uint64_t *messages, uint64_t *bytes);

/* Begins to leave the group; on_revoke comes if partitions are held; on_closed at the end. */
void kafka_close(struct kafka *k, void (*on_closed)(void *ctx), void *ctx);

/* Frees; quick if closed, else without leaving the group. */
void kafka_free(struct kafka *k);

#endif
