/* SPDX-License-Identifier: MIT */
/*
 * The assigned partitions and what librdkafka has fetched of them ahead, taken message by message.
 *
 * They go by lanes, partition i of an assignment by lane i % lanes, so that one who can take no
 * more does not hold up the others. A lane is a queue that is polled only on demand: not polling it
 * is the backpressure, and librdkafka stops fetching for it when it is full. Per partition, offsets
 * only go up and begin at the one that was assigned; whatever else comes out of a queue is dropped
 * here. Owns the queues. Loop thread only.
 */
#ifndef TICKD_KAFKA_FETCH_H
#define TICKD_KAFKA_FETCH_H

#include "kafka_bell.h"
#include "message.h"
#include "offsets.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

struct kafka_fetch;

/* The bell is pulled when a queue fills. Client and bell are borrowed. */
struct kafka_fetch *kafka_fetch_new(rd_kafka_t *rk, size_t lanes, struct kafka_bell *bell);
/* Before the client is destroyed and the bell gone. */
void kafka_fetch_free(struct kafka_fetch *f);

/* Fetches `o` from each `expected`, stopped partitions not at all. Nothing of an earlier assignment
 * comes out any more. Not once the consumer closes. */
void kafka_fetch_assign(struct kafka_fetch *f, const struct offsets *o);

/* Gives all partitions up. */
void kafka_fetch_release(struct kafka_fetch *f);

/* As in kafka.h. */
bool kafka_fetch_peek(struct kafka_fetch *f, size_t lane, struct message *m);
void kafka_fetch_advance(struct kafka_fetch *f, size_t lane);
size_t kafka_fetch_queued(const struct kafka_fetch *f);
bool kafka_fetch_has_queued(const struct kafka_fetch *f, size_t lane);

/* True if a partition has got into trouble since the last call: gaps or a restart are to be looked
 * at. */
bool kafka_fetch_take_news(struct kafka_fetch *f);

/* Adds the partitions whose next offset is said to be outside the log (`expected`: that offset),
 * and that kafka_fetch_settle_gap() has not been told about. */
void kafka_fetch_gaps(const struct kafka_fetch *f, struct offsets *gaps);

/* The log was found to hold [low, high). True: it is a gap, the partition rests until it is
 * assigned anew. False: it is none (any more); kafka_fetch_restart() may be needed. */
bool kafka_fetch_settle_gap(struct kafka_fetch *f, size_t i, int64_t low, int64_t high);

/* Index in the assignment; the number of partitions if it is not in it. */
size_t kafka_fetch_find(const struct kafka_fetch *f, const char *topic, int32_t id);

/* Seconds after which to kafka_fetch_restart(), longer each time in a row; 0 if there is no need.
 */
double kafka_fetch_restart_delay(const struct kafka_fetch *f);

/* Fetches all partitions again from where each stands. Messages that are shown stay. */
void kafka_fetch_restart(struct kafka_fetch *f);

#endif
