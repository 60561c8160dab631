/* SPDX-License-Identifier: MIT */
/*
 * Kafka's own copy of the offsets, for lag tools: the newest ones, one commit at a time. Nothing
 * depends on them.
 */
#ifndef TICKD_KAFKA_COMMIT_H
#define TICKD_KAFKA_COMMIT_H

#include "offsets.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct kafka_commit {
    rd_kafka_t *rk;           /* borrowed */
    rd_kafka_queue_t *events; /* where results come; borrowed */
    struct offsets newest;
    bool wanted; /* `newest` has not been sent */
    unsigned flying;
};

void kafka_commit_init(struct kafka_commit *c, rd_kafka_t *rk, rd_kafka_queue_t *events);
void kafka_commit_fini(struct kafka_commit *c);

/* Remembers `durable` of each partition that has one. */
void kafka_commit_set(struct kafka_commit *c, const struct offsets *o);
void kafka_commit_forget(struct kafka_commit *c);

/* Sends what is remembered, if it is new. */
void kafka_commit_send(struct kafka_commit *c);

/* An RD_KAFKA_EVENT_OFFSET_COMMIT. */
void kafka_commit_on_result(struct kafka_commit *c, rd_kafka_event_t *event);

#endif
