/* SPDX-License-Identifier: MIT */
/*
 * Usual path: assign -> (a queue fills) -> peek, advance, peek, ... -> false when all queues are
 * empty.
 *
 * A queue wakes us when it goes from empty to filled, and only if it has been polled since the last
 * time. So whoever stops before peek() says false must come back without being woken.
 *
 * rd_kafka_assign() raises each partition's version before it returns, and polling drops messages
 * of older versions: none of an earlier assignment comes out. Errors about offsets carry no
 * version; they are emptied out before a new assignment, and what slips through is told by its
 * offset.
 *
 * Possible failures, by the error event of a partition:
 *   offset not in the log    PART_GAP: the ends of the log are asked, and it is a gap or it is not
 *   anything else            PART_BROKEN: librdkafka goes on behind what it could not read (a
 * failed checksum, say), which would lose messages: the partition is fetched again from where it
 * stands, for as long as it takes
 */
#include "kafka_fetch.h"

#include "clock.h"
#include "err.h"
#include "log.h"
#include <assert.h>
#include <stdlib.h>

enum {
    BURST = 64, /* messages of one partition before the next has its turn */
    MAX_RESTART_S = 32,
};

enum part_state {
    PART_FLOWING,
    PART_STOPPED, /* not to be fetched */
    PART_GAP,     /* its offset seems to be outside the log */
    PART_RESTING, /* it is; told */
    PART_BROKEN,  /* to be fetched again from `expected` */
};

struct part {
    enum part_state state;
    rd_kafka_queue_t *queue; /* NULL if stopped */
    bool fresh;              /* nothing has come since it was (re)started */
    int64_t gap;             /* the offset that is not there */
    unsigned broken;         /* times in a row */
};

struct kafka_fetch {
    rd_kafka_t *rk;
    int fd;
    char wake;
    struct offsets at; /* `expected`: behind the last message shown */
    struct part *parts;
    size_t turn;
    unsigned burst;
    bool news;               /* a partition has got into trouble */
    rd_kafka_event_t *shown; /* holds the message that peek() showed */
    struct message message;
    struct log_sampler errors;
};

struct kafka_fetch *kafka_fetch_new(rd_kafka_t *rk, int fd, char wake)
{
    struct kafka_fetch *f = err_calloc(1, sizeof *f);
    f->rk = rk;
    f->fd = fd;
    f->wake = wake;
    offsets_init(&f->at);
    return f;
}

static void drop_shown(struct kafka_fetch *f)
{
    if (f->shown)
        rd_kafka_event_destroy(f->shown);
    f->shown = NULL;
}

static void empty_queues(struct kafka_fetch *f)
{
    for (size_t i = 0; i < f->at.count; i++) {
        rd_kafka_queue_t *queue = f->parts[i].queue;
        rd_kafka_event_t *event;
        while (queue && (event = rd_kafka_queue_poll(queue, 0)))
            rd_kafka_event_destroy(event);
    }
}

static void close_queues(struct kafka_fetch *f)
{
    for (size_t i = 0; i < f->at.count; i++) {
        rd_kafka_queue_t *queue = f->parts[i].queue;
        if (!queue)
            continue;
        /* A queue outlives our handle and must not write to an fd that is something else by then.
         */
        rd_kafka_queue_io_event_enable(queue, -1, NULL, 0);
        rd_kafka_queue_destroy(queue);
    }
    free(f->parts);
    f->parts = NULL;
    offsets_clear(&f->at);
}

static void open_queue(struct kafka_fetch *f, size_t i)
{
    const struct partition *p = &f->at.items[i];
    struct part *part = &f->parts[i];
    part->fresh = true;
    part->queue = rd_kafka_queue_get_partition(f->rk, p->topic, p->id);
    assert(part->queue);
    rd_kafka_queue_forward(part->queue, NULL);
    rd_kafka_queue_io_event_enable(part->queue, f->fd, &f->wake, sizeof f->wake);
}

/*
 * rd_kafka_assign() returns before the partitions it took away have stopped, and librdkafka (up
 * to 2.15 at least) aborts the process if the next one comes before they have: rktp_started is
 * asserted once for each stop. Stop, its reply and our questions go through one queue in order: the
 * first answer comes after the stop, the second after its reply. (Not while the consumer closes:
 * there would be no answer. What is given up then is not assigned again.)
 */
static void await_stop(struct kafka_fetch *f)
{
    for (int i = 0; i < 2; i++) {
        rd_kafka_topic_partition_list_t *list = NULL;
        if (!rd_kafka_assignment(f->rk, &list))
            rd_kafka_topic_partition_list_destroy(list);
    }
}

static void hand_over(struct kafka_fetch *f, const rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t err = rd_kafka_assign(f->rk, list);
    if (err)
        log_error("kafka_error", "librdkafka does not take an assignment", "code=%s error=%s",
                  rd_kafka_err2name(err), rd_kafka_err2str(err));
}

/* Hands librdkafka the partitions and where each stands. */
static void assign(struct kafka_fetch *f)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)f->at.count);
    for (size_t i = 0; i < f->at.count; i++) {
        const struct partition *p = &f->at.items[i];
        if (f->parts[i].state != PART_FLOWING)
            continue;
        assert(p->expected >= 0);
        rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = p->expected;
    }
    hand_over(f, list);
    await_stop(f);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_fetch_assign(struct kafka_fetch *f, const struct offsets *o)
{
    drop_shown(f);
    empty_queues(f);
    close_queues(f);
    offsets_copy(&f->at, o);
    f->parts = err_calloc(o->count + 1, sizeof *f->parts);
    f->turn = 0;
    f->burst = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->items[i].stopped)
            f->parts[i].state = PART_STOPPED;
        else
            open_queue(f, i);
    }
    assign(f);
}

void kafka_fetch_restart(struct kafka_fetch *f)
{
    empty_queues(f);
    for (size_t i = 0; i < f->at.count; i++) {
        f->parts[i].fresh = true;
        if (f->parts[i].state == PART_BROKEN)
            f->parts[i].state = PART_FLOWING;
    }
    assign(f);
}

void kafka_fetch_release(struct kafka_fetch *f)
{
    /* After it has closed nobody listens any more. */
    if (!rd_kafka_consumer_closed(f->rk))
        hand_over(f, NULL);
    drop_shown(f);
    empty_queues(f);
    close_queues(f);
}

void kafka_fetch_free(struct kafka_fetch *f)
{
    drop_shown(f);
    close_queues(f);
    offsets_fini(&f->at);
    free(f);
}

/* --- taking --- */

static void show(struct kafka_fetch *f, size_t i, rd_kafka_event_t *event,
                 const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t kind;
    int64_t timestamp_ms = rd_kafka_message_timestamp(m, &kind);
    f->shown = event;
    f->message = (struct message){
        .partition = (uint32_t)i,
        .offset = m->offset,
        .timestamp_ms = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? MESSAGE_NO_TIME : timestamp_ms,
        .key = m->key,
        .key_len = m->key_len,
        .payload = m->payload,
        .payload_len = m->len,
    };
    f->at.items[i].expected = m->offset + 1;
    f->parts[i].fresh = false;
    f->parts[i].broken = 0;
}

/* True if the message is the next of its partition; `event` then stays until it is advanced over.
 */
static bool take_message(struct kafka_fetch *f, size_t i, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *m = rd_kafka_event_message_next(event);
    if (!m || m->err || f->parts[i].state != PART_FLOWING || m->offset < f->at.items[i].expected)
        return false;
    show(f, i, event, m);
    return true;
}

static int64_t offset_of(rd_kafka_event_t *event)
{
    rd_kafka_topic_partition_t *p = rd_kafka_event_topic_partition(event);
    int64_t offset = p ? p->offset : OFFSETS_UNKNOWN;
    if (p)
        rd_kafka_topic_partition_destroy(p);
    return offset;
}

static void break_part(struct kafka_fetch *f, size_t i, const char *why)
{
    const struct partition *p = &f->at.items[i];
    uint64_t suppressed;
    f->parts[i].state = PART_BROKEN;
    f->parts[i].broken++;
    f->news = true;
    if (log_sample(&f->errors, clock_now().mono_us, &suppressed))
        log_warn("kafka_reread", "a partition cannot be read from here; reading it again",
                 "topic=%s partition=%d offset=%lld error=%s suppressed=%llu", p->topic, (int)p->id,
                 (long long)p->expected, why, (unsigned long long)suppressed);
}

static void take_error(struct kafka_fetch *f, size_t i, rd_kafka_event_t *event)
{
    struct part *part = &f->parts[i];
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    if (part->state != PART_FLOWING || err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    if (err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        break_part(f, i, rd_kafka_event_error_string(event));
        return;
    }
    /* Before the first message only the offset we asked for can be missing, and never one that we
     * are past: anything else is left over from an earlier assignment. */
    int64_t offset = offset_of(event);
    int64_t expected = f->at.items[i].expected;
    if (offset < expected || (part->fresh && offset != expected)) {
        break_part(f, i, "an error about another offset");
        return;
    }
    part->state = PART_GAP;
    part->gap = offset;
    f->news = true;
}

/* True if the event's message is shown now; else it is done with. */
static bool take(struct kafka_fetch *f, size_t i, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_FETCH:
        if (take_message(f, i, event))
            return true;
        break;
    case RD_KAFKA_EVENT_ERROR:
        take_error(f, i, event);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
    return false;
}

static bool poll_part(struct kafka_fetch *f, size_t i)
{
    rd_kafka_queue_t *queue = f->parts[i].queue;
    /* Asking for the length is a lock; polling an empty queue is a system call as well. */
    while (queue && rd_kafka_queue_length(queue) > 0) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 0);
        if (!event)
            break;
        if (take(f, i, event))
            return true;
    }
    return false;
}

static void next_turn(struct kafka_fetch *f)
{
    f->turn = (f->turn + 1) % f->at.count;
    f->burst = 0;
}

bool kafka_fetch_peek(struct kafka_fetch *f, struct message *m)
{
    for (size_t tries = 0; !f->shown && tries <= f->at.count && f->at.count > 0; tries++) {
        if (!poll_part(f, f->turn))
            next_turn(f);
    }
    if (f->shown)
        *m = f->message;
    return f->shown != NULL;
}

void kafka_fetch_advance(struct kafka_fetch *f)
{
    assert(f->shown);
    drop_shown(f);
    if (++f->burst >= BURST)
        next_turn(f);
}

size_t kafka_fetch_queued(const struct kafka_fetch *f)
{
    size_t count = f->shown != NULL;
    for (size_t i = 0; i < f->at.count; i++) {
        if (f->parts[i].queue)
            count += rd_kafka_queue_length(f->parts[i].queue);
    }
    return count;
}

/* --- trouble --- */

bool kafka_fetch_take_news(struct kafka_fetch *f)
{
    bool news = f->news;
    f->news = false;
    return news;
}

size_t kafka_fetch_find(const struct kafka_fetch *f, const char *topic, int32_t id)
{
    return offsets_find(&f->at, topic, id);
}

void kafka_fetch_gaps(const struct kafka_fetch *f, struct offsets *gaps)
{
    for (size_t i = 0; i < f->at.count; i++) {
        const struct partition *p = &f->at.items[i];
        if (f->parts[i].state != PART_GAP)
            continue;
        size_t added = offsets_add(gaps, p->topic, p->id);
        gaps->items[added].expected = f->parts[i].gap;
    }
}

bool kafka_fetch_settle_gap(struct kafka_fetch *f, size_t i, int64_t low, int64_t high)
{
    if (i >= f->at.count || f->parts[i].state != PART_GAP)
        return false;
    if (f->parts[i].gap < low || f->parts[i].gap > high) {
        f->parts[i].state = PART_RESTING;
        return true;
    }
    break_part(f, i, "the offset was out of range for a moment");
    return false;
}

double kafka_fetch_restart_delay(const struct kafka_fetch *f)
{
    double delay = 0;
    for (size_t i = 0; i < f->at.count; i++) {
        const struct part *part = &f->parts[i];
        if (part->state != PART_BROKEN)
            continue;
        double wanted = part->broken > 5 ? MAX_RESTART_S : (double)(1U << (part->broken - 1));
        delay = wanted > delay ? wanted : delay;
    }
    return delay;
}
