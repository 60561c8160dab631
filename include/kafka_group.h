/* SPDX-License-Identifier: MIT */
/*
 * Our place in the consumer group: what it gives and takes, what we still owe it, and leaving it.
 *
 * Eager rebalancing only: partitions are given and taken all at once.
 */
#ifndef TICKD_KAFKA_GROUP_H
#define TICKD_KAFKA_GROUP_H

#include "err.h"
#include "kafka_commit.h"
#include "kafka_fetch.h"
#include "kafka_link.h"
#include "kafka_mend.h"
#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct kafka_group;

/* All borrowed. */
struct kafka_group_parts {
    rd_kafka_t *rk;
    rd_kafka_queue_t *events; /* the consumer's queue */
    struct kafka_fetch *fetch;
    struct kafka_mend *mend;
    struct kafka_link *link;
    struct kafka_commit *commit;
};

struct kafka_group_callbacks {
    void (*on_assign)(void *ctx, const struct offsets *partitions);
    void (*on_revoke)(void *ctx, bool lost);
    void (*on_closed)(void *ctx);
    void *ctx;
};

struct kafka_group *kafka_group_new(const struct kafka_group_parts *parts,
                                    const struct kafka_group_callbacks *callbacks);
void kafka_group_free(struct kafka_group *g);

bool kafka_group_join(struct kafka_group *g, const rd_kafka_topic_partition_list_t *topics,
                      struct err *e) __attribute__((warn_unused_result));

/* An RD_KAFKA_EVENT_REBALANCE. */
void kafka_group_on_rebalance(struct kafka_group *g, rd_kafka_event_t *event);

/* As in kafka.h. */
void kafka_group_assign(struct kafka_group *g, const struct offsets *o);
void kafka_group_release(struct kafka_group *g);
void kafka_group_close(struct kafka_group *g);

/* What is due: an answer that has taken too long, the next step of closing. Call when all events so
 * far have been served, and at least once a second. */
void kafka_group_step(struct kafka_group *g);

/* Joined, and not leaving yet. */
bool kafka_group_is_member(const struct kafka_group *g);
/* The group has given us our share, if only none. */
bool kafka_group_has_share(const struct kafka_group *g);
/* Partitions are assigned, and stay so for now. */
bool kafka_group_is_steady(const struct kafka_group *g);

#endif
