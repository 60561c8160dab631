/* SPDX-License-Identifier: MIT */
/*
 * Usual path: join -> ASSIGN event -> on_assign ... assign -> REVOKE event -> on_revoke ... release
 * -> ASSIGN event ...; close -> REVOKE event -> on_revoke ... release -> on_closed.
 *
 * Possible failures: the assignment is lost (on_revoke says so); nobody knows where to start
 * reading (the group is answered all the same, and reading begins when somebody does); librdkafka
 * refuses to leave after a fatal error (closed at once).
 *
 * librdkafka has its limits at the end: once it is told to close it no longer waits for the answers
 * to earlier events, and a call that comes while the group ends may never return. So leaving begins
 * only when nothing is owed, and after that only what leaving itself asks for is answered.
 */
#include "kafka_group.h"

#include "clock.h"
#include "crashpoint.h"
#include "log.h"
#include <assert.h>
#include <stdlib.h>

/* Until an assignment is answered the group can be taken from nobody and given to nobody: whoever
 * joins waits, for max.poll.interval.ms if need be. Stored offsets come within milliseconds, or the
 * database is away. Less than the shortest session timeout of brokers as they come. */
#define PATIENCE_US 3000000

enum state {
    STATE_NEW,
    STATE_JOINED,  /* subscribed; partitions come and go */
    STATE_CLOSING, /* to leave as soon as the group has the answers that it waits for */
    STATE_LEAVING, /* librdkafka closes the consumer */
    STATE_CLOSED,
};

enum owed { OWED_NOTHING, OWED_ASSIGN, OWED_RELEASE };

struct kafka_group {
    struct kafka_group_parts parts;
    struct kafka_group_callbacks cb;
    enum state state;
    enum owed owed; /* what the group waits for */
    int64_t owed_since_us;
    bool told; /* on_assign was the last of the two */
    bool has_share;
    bool cannot_leave; /* leaving, but librdkafka refuses to */
};

struct kafka_group *kafka_group_new(const struct kafka_group_parts *parts,
                                    const struct kafka_group_callbacks *callbacks)
{
    struct kafka_group *g = err_calloc(1, sizeof *g);
    g->parts = *parts;
    g->cb = *callbacks;
    return g;
}

void kafka_group_free(struct kafka_group *g)
{
    free(g);
}

bool kafka_group_join(struct kafka_group *g, const rd_kafka_topic_partition_list_t *topics,
                      struct err *e)
{
    assert(g->state == STATE_NEW);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(g->parts.rk, topics);
    if (err) {
        err_set(e, "subscribing to the topics: %s", rd_kafka_err2str(err));
        return false;
    }
    g->state = STATE_JOINED;
    return true;
}

/* --- rebalance --- */

/* Answers the group with nothing to fetch. */
static void assign_nothing(struct kafka_group *g)
{
    struct offsets none;
    offsets_init(&none);
    kafka_fetch_assign(g->parts.fetch, &none);
    offsets_fini(&none);
    g->owed = OWED_NOTHING;
}

static void give_up(struct kafka_group *g)
{
    kafka_mend_forget(g->parts.mend);
    if (kafka_link_is_up(g->parts.link))
        kafka_commit_send(g->parts.commit);
    kafka_commit_forget(g->parts.commit);
    CRASHPOINT(giving_up);
    kafka_fetch_release(g->parts.fetch);
    CRASHPOINT(gave_up);
    g->owed = OWED_NOTHING;
    g->has_share = false;
}

static void tell_assignment(struct kafka_group *g, const rd_kafka_topic_partition_list_t *list)
{
    struct offsets given;
    offsets_init(&given);
    for (int i = 0; i < list->cnt; i++)
        offsets_add(&given, list->elems[i].topic, list->elems[i].partition);
    g->owed = OWED_ASSIGN;
    g->owed_since_us = clock_now().mono_us;
    g->told = true;
    log_info("kafka_assigned", "partitions were assigned to us", "partitions=%d first=%s-%d",
             list->cnt, list->elems[0].topic, (int)list->elems[0].partition);
    g->cb.on_assign(g->cb.ctx, &given);
    offsets_fini(&given);
}

static void on_assignment(struct kafka_group *g, const rd_kafka_topic_partition_list_t *list)
{
    if (g->state == STATE_LEAVING) /* from before librdkafka knew of it */
        return;
    g->has_share = true;
    if (list->cnt > 0 && g->state == STATE_JOINED) {
        tell_assignment(g, list);
        return;
    }
    assign_nothing(g);
    log_info("kafka_assigned", "we have no partition in the group", "partitions=0");
}

static void on_revocation(struct kafka_group *g)
{
    bool lost = rd_kafka_assignment_lost(g->parts.rk);
    g->owed = OWED_RELEASE;
    if (!g->told) {
        give_up(g);
        return;
    }
    g->told = false;
    log_info("kafka_revoked", "partitions are taken from us", "lost=%s", lost ? "yes" : "no");
    g->cb.on_revoke(g->cb.ctx, lost);
}

void kafka_group_on_rebalance(struct kafka_group *g, rd_kafka_event_t *event)
{
    /* Any other error means: nothing is ours. */
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assignment(g, rd_kafka_event_topic_partition_list(event));
    else
        on_revocation(g);
}

void kafka_group_assign(struct kafka_group *g, const struct offsets *o)
{
    if (!g->told || g->state != STATE_JOINED)
        return;
    kafka_mend_forget(g->parts.mend);
    kafka_fetch_assign(g->parts.fetch, o);
    g->owed = OWED_NOTHING;
}

/* We keep the partitions; they are fetched from when kafka_group_assign() comes. */
static void answer_in_time(struct kafka_group *g)
{
    if (g->owed != OWED_ASSIGN || clock_now().mono_us - g->owed_since_us < PATIENCE_US)
        return;
    log_warn("kafka_assign_waits",
             "the stored offsets do not come; our partitions wait for them, the group does not",
             NULL);
    assign_nothing(g);
}

void kafka_group_release(struct kafka_group *g)
{
    if (g->owed == OWED_RELEASE)
        give_up(g);
}

/* --- leaving --- */

void kafka_group_close(struct kafka_group *g)
{
    assert(g->state < STATE_CLOSING);
    g->state = STATE_CLOSING;
    kafka_mend_forget(g->parts.mend);
    if (g->owed == OWED_ASSIGN)
        assign_nothing(g);
}

static void leave(struct kafka_group *g)
{
    g->state = STATE_LEAVING;
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(g->parts.rk, g->parts.events);
    if (!error)
        return;
    log_debug("kafka_error", "cannot leave the group in order", "code=%s error=%s",
              rd_kafka_error_name(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    g->cannot_leave = true;
}

void kafka_group_step(struct kafka_group *g)
{
    answer_in_time(g);
    if (g->owed != OWED_NOTHING)
        return;
    if (g->state == STATE_CLOSING)
        leave(g);
    if (g->state == STATE_LEAVING && (g->cannot_leave || rd_kafka_consumer_closed(g->parts.rk))) {
        g->state = STATE_CLOSED;
        g->cb.on_closed(g->cb.ctx);
    }
}

bool kafka_group_is_member(const struct kafka_group *g)
{
    return g->state == STATE_JOINED;
}

bool kafka_group_has_share(const struct kafka_group *g)
{
    return g->has_share;
}

bool kafka_group_is_steady(const struct kafka_group *g)
{
    return g->told && g->owed == OWED_NOTHING && g->state == STATE_JOINED;
}
