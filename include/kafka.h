/* SPDX-License-Identifier: MIT */
/*
 * The Kafka consumer on the event loop: librdkafka's queues wake it through a pipe, nothing blocks.
 *
 * Owns the librdkafka client, its queues, threads and watchers. Loop thread only; callbacks come
 * from the loop, never from inside a call of this module, and may call anything here but
 * kafka_free(). Nothing calls back after kafka_free().
 *
 * Messages of the assigned partitions wait in lanes, one for each of config->writers: partition i
 * of an assignment goes by lane i % writers. A lane is polled only through kafka_peek(): not
 * peeking is the backpressure, to that lane. The consumer's own queue (rebalances, errors, logs) is
 * always polled.
 *
 * Rebalance: on_assign and on_revoke take turns. Each is answered exactly once, at any later time,
 * by kafka_assign() and kafka_release(); on_revoke may come while on_assign is not answered, which
 * is then no longer to be answered. Between its two answers kafka_assign() may be called again, to
 * rewind. A group with more members than partitions gives some of them none: nothing is called
 * then.
 *
 *      on_assign          on_revoke          on_assign
 *          |  (not yet)       |  (draining)      |
 *     -----+--------+---------+--------+---------+-------->
 *                   |                  |
 *             kafka_assign()     kafka_release()
 */
#ifndef TICKD_KAFKA_H
#define TICKD_KAFKA_H

#include "config.h"
#include "err.h"
#include "message.h"
#include "offsets.h"
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kafka;

struct kafka_callbacks {
    /* The group gave us these partitions, at least one; answer with kafka_assign(). Borrowed. */
    void (*on_assign)(void *ctx, const struct offsets *partitions);
    /* The group takes all partitions away; answer with kafka_release(). `lost`: already taken. */
    void (*on_revoke)(void *ctx, bool lost);
    /* Messages may be waiting: peek until kafka_peek() says false. Comes when a lane has filled
     * that was empty, not again before it was peeked empty: who stops earlier comes back by
     * himself. */
    void (*on_messages)(void *ctx);
    /* The next offset of a partition is not in its log, which holds [low, high) as asked just now.
     * The partition is not fetched until it is assigned anew. The others go on. */
    void (*on_gap)(void *ctx, uint32_t partition, int64_t low, int64_t high);
    /* A broker has answered / none can be reached. In turns; before the first neither is known. */
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx, const char *why);
    /* Fatal client error (fenced static member, ...): the process must be restarted. Once. */
    void (*on_fatal)(void *ctx, const char *why);
    void *ctx;
};

/* Makes the client from `config` (topics, group, writers, kafka.*), which must outlive it. It
 * begins to connect, and joins no group yet. NULL with `e` set: `misconfigured`, or no file
 * descriptor or thread to be had. */
struct kafka *kafka_new(struct ev_loop *loop, const struct config *config,
                        const struct kafka_callbacks *callbacks, bool *misconfigured, struct err *e)
    __attribute__((warn_unused_result));

/* Joins the group. Once. */
bool kafka_start(struct kafka *k, struct err *e) __attribute__((warn_unused_result));

/* Cluster id, or NULL as long as no broker has told it; known at on_assign. Owned by `k`. */
const char *kafka_cluster_id(struct kafka *k);

/* (Re)starts fetching `o`: each partition from its `expected` offset, stopped ones not at all.
 * Indexes in `o` are those of later messages; nothing of an earlier assignment comes any more. Also
 * answers a pending on_assign. Ignored while nothing is assigned or on_revoke is pending. */
void kafka_assign(struct kafka *k, const struct offsets *o);

/* Gives all partitions up: answers a pending on_revoke. Ignored at other times. */
void kafka_release(struct kafka *k);

/* The next message of a lane without taking it, false if none is there now. `m` is valid until the
 * next call of kafka_advance() of this lane, kafka_assign() or kafka_release(). Per partition,
 * offsets only go up, from the one assigned. */
bool kafka_peek(struct kafka *k, size_t lane, struct message *m);

/* Takes the message that kafka_peek() showed. */
void kafka_advance(struct kafka *k, size_t lane);

/* Where partitions without an offset in the database begin: Kafka's committed offset of the group,
 * else start_from. Asked of the brokers in a thread; calls back once on the loop with `expected`
 * filled in (borrowed), or with the error, after 5 s for each partition and 5 s more at the latest.
 * A newer question replaces an older one, which is then not answered. */
typedef void kafka_start_fn(void *ctx, const struct offsets *found, const char *error);
void kafka_find_start(struct kafka *k, const struct offsets *wanted, kafka_start_fn *fn, void *ctx);

/* Writes `durable` offsets to Kafka too, for lag tools: at most once a second, the newest ones, and
 * once more when partitions are given up. Failures are logged (debug) and forgotten. Should the
 * table of offsets be lost they are what is left: the older they are, the more is stored twice. */
void kafka_commit(struct kafka *k, const struct offsets *o);

/* Where a partition's log begins and ends, as far as it is known without waiting (OFFSETS_UNKNOWN);
 * kafka_ask_ends() makes it known anew, in a while. */
void kafka_ends_of(const struct kafka *k, const char *topic, int32_t id, int64_t *begin,
                   int64_t *end);
void kafka_ask_ends(struct kafka *k, const struct offsets *o);

/* Messages fetched and waiting in this process, about. */
size_t kafka_queued(const struct kafka *k);
/* True if some wait for this lane. */
bool kafka_has_queued(const struct kafka *k, size_t lane);

/* What keeps messages from coming, for people ("brokers: Connection refused", "a place in the
 * group",
 * ...), or NULL if nothing does. Valid until the next call. */
const char *kafka_waits_for(struct kafka *k);

/* Begins to leave the group. on_revoke comes if on_assign was the last of the two; on_closed at the
 * end. If brokers are away that can take longer than anybody wants to wait: kafka_free() at any
 * time. */
void kafka_close(struct kafka *k, void (*on_closed)(void *ctx), void *ctx);

/* Frees; quick if closed, else without leaving the group. NULL is nothing. */
void kafka_free(struct kafka *k);

#endif
