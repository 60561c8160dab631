/* SPDX-License-Identifier: MIT */
/*
 * Usual path: assign -> (queues fill) -> peek, advance, peek, ... -> false when the lane's queue is
 * empty.
 *
 *     partitions 0, 2, ..   --forwarded--> queue of lane 0 --polled--> peek(0)
 *     partitions 1, 3, ..   --forwarded--> queue of lane 1 --polled--> peek(1)
 *                                              '---> bell
 *
 * A queue pulls the bell when it goes from empty to filled. So whoever stops before peek() says
 * false must come back without being woken.
 *
 * One queue for all partitions of a lane, because librdkafka compares its bounds
 * (queued.min.messages) with the queue where a partition's messages end: a queue for each would
 * multiply them. It forwards to the consumer's queue unless the application has forwarded
 * elsewhere, and takes the forwarding away when a partition stops: so partitions are stopped first,
 * then forwarded, then started.
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
#include <string.h>

enum { MAX_RESTART_S = 32 };

/* The timestamp in Kafka's log of a message that has none. */
#define KAFKA_NO_TIME (-1)

enum part_state {
    PART_FLOWING,
    PART_STOPPED, /* not to be fetched */
    PART_GAP,     /* its offset seems to be outside the log */
    PART_RESTING, /* it is; told */
    PART_BROKEN,  /* to be fetched again from `expected` */
};

struct part {
    enum part_state state;
    rd_kafka_queue_t *queue; /* the partition's own; NULL if stopped */
    bool fresh;              /* nothing has come since it was (re)started */
    int64_t gap;             /* the offset that is not there */
    unsigned broken;         /* times in a row */
};

/* Messages taken out of a queue at once, so that they share what a call costs. */
#define HANDFUL 64

struct lane {
    rd_kafka_queue_t *queue; /* where its partitions' messages end */
    size_t known;            /* messages and errors known to be in it */
    size_t last;             /* the partition of the last message */
    rd_kafka_message_t *hand[HANDFUL];
    size_t at; /* hand[at .. count) have been taken out of the queue, and are not done with */
    size_t count;
    bool shown; /* peek() showed hand[at] */
    struct message message;
};

struct kafka_fetch {
    rd_kafka_t *rk;
    struct lane *lanes;
    size_t lane_count;
    struct offsets at; /* `expected`: behind the last message shown */
    struct part *parts;
    bool handed; /* librdkafka has been given partitions */
    bool news;   /* a partition has got into trouble */
    struct log_sampler errors;

    /* Taken since the last nudge, and how much is enough for one; see nudge(). */
    int64_t taken, taken_bytes;
    int64_t nudge_after, nudge_after_bytes;
    char *username, *password;
};

#define NUDGELESS 0x020200ff /* the librdkafka that needs no nudge */

/* A property of the client on the heap, "" if it is not set. */
static char *get_property(rd_kafka_t *rk, const char *name)
{
    size_t size = 0;
    if (rd_kafka_conf_get(rd_kafka_conf(rk), name, NULL, &size) != RD_KAFKA_CONF_OK)
        return err_strdup("");
    char *value = err_calloc(1, size + 1);
    rd_kafka_conf_get(rd_kafka_conf(rk), name, value, &size);
    return value;
}

static int64_t get_number(rd_kafka_t *rk, const char *name)
{
    char *text = get_property(rk, name);
    int64_t number = strtoll(text, NULL, 10);
    free(text);
    return number;
}

/*
 * A broker thread of librdkafka before 2.2 that has found our queue full looks again only a second
 * later, which would make a backlog of one partition drain at one queue's length a second (6,600
 * messages/s; with this 1,000,000 and more). Whoever sets credentials wakes it, so we set those
 * that it has.
 */
static void nudge(struct kafka_fetch *f)
{
    f->taken = f->taken_bytes = 0;
    rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(f->rk, f->username, f->password);
    if (error)
        rd_kafka_error_destroy(error);
}

static void count_taken(struct kafka_fetch *f, const struct message *m)
{
    f->taken++;
    f->taken_bytes += (int64_t)m->payload_len;
    if (f->taken >= f->nudge_after || f->taken_bytes >= f->nudge_after_bytes)
        nudge(f);
}

static void init_nudges(struct kafka_fetch *f)
{
    f->nudge_after = f->nudge_after_bytes = INT64_MAX;
    if (rd_kafka_version() >= NUDGELESS)
        return;
    f->username = get_property(f->rk, "sasl.username");
    f->password = get_property(f->rk, "sasl.password");
    char *protocol = get_property(f->rk, "security.protocol");
    bool other_credentials = strstr(protocol, "sasl") && f->username[0] == '\0';
    free(protocol);
    if (other_credentials) /* Kerberos, OAuth: leave them alone, and be slow */
        return;
    f->nudge_after = get_number(f->rk, "queued.min.messages") / 2 + 1;
    f->nudge_after_bytes = get_number(f->rk, "queued.max.messages.kbytes") * 1024 / 2 + 1;
}

struct kafka_fetch *kafka_fetch_new(rd_kafka_t *rk, size_t lanes, struct kafka_bell *bell)
{
    struct kafka_fetch *f = err_calloc(1, sizeof *f);
    assert(lanes > 0);
    f->rk = rk;
    f->lanes = err_calloc(lanes, sizeof *f->lanes);
    f->lane_count = lanes;
    for (size_t i = 0; i < lanes; i++) {
        f->lanes[i].queue = rd_kafka_queue_new(rk);
        rd_kafka_queue_cb_event_enable(f->lanes[i].queue, kafka_bell_pull, bell);
    }
    offsets_init(&f->at);
    init_nudges(f);
    return f;
}

static void drop_first(struct lane *lane)
{
    rd_kafka_message_destroy(lane->hand[lane->at++]);
    lane->shown = false;
}

/* All that has been taken out but, if it is to be kept, the one that is shown. */
static void drop_hand(struct lane *lane, bool keep_shown)
{
    size_t keep = lane->at + (keep_shown && lane->shown);
    while (lane->count > keep)
        rd_kafka_message_destroy(lane->hand[--lane->count]);
    lane->shown = lane->at < lane->count;
}

static void drop_hands(struct kafka_fetch *f, bool keep_shown)
{
    for (size_t i = 0; i < f->lane_count; i++)
        drop_hand(&f->lanes[i], keep_shown);
}

/* Takes up to as many out of the queue as are known to be in it. Asking for the length is a lock;
 * waiting no time for what is not there is a system call as well. So the length is asked for again
 * when as many have been taken as there were. (Outdated ones go unseen: then there are fewer,
 * once.) */
static void fill_hand(struct lane *lane)
{
    lane->at = lane->count = 0;
    if (lane->known == 0)
        lane->known = rd_kafka_queue_length(lane->queue);
    size_t wanted = lane->known < HANDFUL ? lane->known : HANDFUL;
    if (wanted == 0)
        return;
    ssize_t got = rd_kafka_consume_batch_queue(lane->queue, 0, lane->hand, wanted);
    lane->count = got > 0 ? (size_t)got : 0;
    lane->known = lane->count == wanted ? lane->known - wanted : 0;
}

static void empty_queues(struct kafka_fetch *f)
{
    for (size_t i = 0; i < f->lane_count; i++) {
        rd_kafka_event_t *event;
        while ((event = rd_kafka_queue_poll(f->lanes[i].queue, 0)))
            rd_kafka_event_destroy(event);
        f->lanes[i].known = 0;
    }
}

static void close_parts(struct kafka_fetch *f)
{
    for (size_t i = 0; i < f->at.count; i++) {
        if (!f->parts[i].queue)
            continue;
        rd_kafka_queue_forward(f->parts[i].queue, NULL);
        rd_kafka_queue_destroy(f->parts[i].queue);
    }
    free(f->parts);
    f->parts = NULL;
    offsets_clear(&f->at);
}

static void open_parts(struct kafka_fetch *f, const struct offsets *o)
{
    offsets_copy(&f->at, o);
    f->parts = err_calloc(o->count + 1, sizeof *f->parts);
    for (size_t i = 0; i < o->count; i++) {
        const struct partition *p = &o->items[i];
        struct part *part = &f->parts[i];
        part->fresh = true;
        part->state = p->stopped ? PART_STOPPED : PART_FLOWING;
        if (!p->stopped)
            part->queue = rd_kafka_queue_get_partition(f->rk, p->topic, p->id);
    }
}

/* What is in the partitions' queues comes along. */
static void forward_parts(struct kafka_fetch *f)
{
    for (size_t i = 0; i < f->at.count; i++) {
        if (f->parts[i].queue)
            rd_kafka_queue_forward(f->parts[i].queue, f->lanes[i % f->lane_count].queue);
    }
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
    f->handed = list && list->cnt > 0;
    if (err)
        log_error("kafka_error", "librdkafka does not take an assignment", "code=%s error=%s",
                  rd_kafka_err2name(err), rd_kafka_err2str(err));
}

/* Nothing of what was assigned before runs any more, or comes. An empty list, because NULL would be
 * the answer to a revocation. */
static void stop(struct kafka_fetch *f)
{
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    if (f->handed) {
        hand_over(f, none);
        await_stop(f);
    }
    empty_queues(f);
    rd_kafka_topic_partition_list_destroy(none);
}

/* Hands librdkafka the partitions and where each stands. */
static void start(struct kafka_fetch *f)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)f->at.count);
    for (size_t i = 0; i < f->at.count; i++) {
        const struct partition *p = &f->at.items[i];
        if (f->parts[i].state != PART_FLOWING)
            continue;
        assert(p->expected >= 0);
        rd_kafka_topic_partition_list_add(list, p->topic, p->id)->offset = p->expected;
    }
    forward_parts(f); /* or messages would go to the consumer's queue */
    hand_over(f, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_fetch_assign(struct kafka_fetch *f, const struct offsets *o)
{
    drop_hands(f, false);
    stop(f);
    close_parts(f);
    open_parts(f, o);
    start(f);
}

void kafka_fetch_restart(struct kafka_fetch *f)
{
    stop(f);
    drop_hands(f, true);
    for (size_t i = 0; i < f->at.count; i++) {
        f->parts[i].fresh = true;
        if (f->parts[i].state == PART_BROKEN)
            f->parts[i].state = PART_FLOWING;
    }
    start(f);
}

void kafka_fetch_release(struct kafka_fetch *f)
{
    /* After it has closed nobody listens any more. */
    if (!rd_kafka_consumer_closed(f->rk))
        hand_over(f, NULL);
    drop_hands(f, false);
    empty_queues(f);
    close_parts(f);
}

void kafka_fetch_free(struct kafka_fetch *f)
{
    drop_hands(f, false);
    close_parts(f);
    for (size_t i = 0; i < f->lane_count; i++) {
        /* A queue may outlive our handle, and the bell. */
        rd_kafka_queue_cb_event_enable(f->lanes[i].queue, NULL, NULL);
        rd_kafka_queue_destroy(f->lanes[i].queue);
    }
    free(f->lanes);
    offsets_fini(&f->at);
    free(f->username);
    free(f->password);
    free(f);
}

/* --- taking --- */

static void show(struct kafka_fetch *f, struct lane *lane, size_t i, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t kind;
    int64_t timestamp_ms = rd_kafka_message_timestamp(m, &kind);
    bool has_time = kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp_ms != KAFKA_NO_TIME;
    lane->shown = true;
    lane->message = (struct message){
        .partition = (uint32_t)i,
        .offset = m->offset,
        .timestamp_ms = has_time ? timestamp_ms : MESSAGE_NO_TIME,
        .key = m->key,
        .key_len = m->key_len,
        .payload = m->payload,
        .payload_len = m->len,
    };
    f->at.items[i].expected = m->offset + 1;
    f->parts[i].fresh = false;
    f->parts[i].broken = 0;
}

/* Index of a partition, at.count if it is not assigned. Mostly it is the same as last time. */
static size_t find(struct kafka_fetch *f, struct lane *lane, const char *topic, int32_t id)
{
    if (lane->last < f->at.count) {
        const struct partition *p = &f->at.items[lane->last];
        if (p->id == id && strcmp(p->topic, topic) == 0)
            return lane->last;
    }
    lane->last = offsets_find(&f->at, topic, id);
    return lane->last;
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

static void take_offset_error(struct kafka_fetch *f, size_t i, int64_t offset)
{
    struct part *part = &f->parts[i];
    int64_t expected = f->at.items[i].expected;
    /* Before the first message only the offset we asked for can be missing, and never one that we
     * are past: anything else is left over from an earlier assignment. */
    if (offset < expected || (part->fresh && offset != expected)) {
        break_part(f, i, "an error about another offset");
        return;
    }
    part->state = PART_GAP;
    part->gap = offset;
    f->news = true;
}

static void take_error(struct kafka_fetch *f, size_t i, const rd_kafka_message_t *m)
{
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        take_offset_error(f, i, m->offset);
    else if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        break_part(f, i, rd_kafka_message_errstr(m));
}

/* True if the first in hand is the next message of its partition, and is shown now; else it is done
 * with. */
static bool take_first(struct kafka_fetch *f, struct lane *lane)
{
    const rd_kafka_message_t *m = lane->hand[lane->at];
    size_t i = m->rkt ? find(f, lane, rd_kafka_topic_name(m->rkt), m->partition) : f->at.count;
    bool flows = i < f->at.count && f->parts[i].state == PART_FLOWING;
    if (flows && m->err)
        take_error(f, i, m);
    else if (flows && m->offset >= f->at.items[i].expected)
        show(f, lane, i, m);
    if (!lane->shown)
        drop_first(lane);
    return lane->shown;
}

bool kafka_fetch_peek(struct kafka_fetch *f, size_t index, struct message *m)
{
    assert(index < f->lane_count);
    struct lane *lane = &f->lanes[index];
    while (!lane->shown) {
        if (lane->at == lane->count)
            fill_hand(lane);
        if (lane->at == lane->count || take_first(f, lane))
            break;
    }
    if (lane->shown)
        *m = lane->message;
    return lane->shown;
}

void kafka_fetch_advance(struct kafka_fetch *f, size_t index)
{
    assert(index < f->lane_count && f->lanes[index].shown);
    drop_first(&f->lanes[index]);
    count_taken(f, &f->lanes[index].message);
}

static size_t count_queued(const struct lane *lane)
{
    return rd_kafka_queue_length(lane->queue) + lane->count - lane->at;
}

bool kafka_fetch_has_queued(const struct kafka_fetch *f, size_t index)
{
    assert(index < f->lane_count);
    return count_queued(&f->lanes[index]) > 0;
}

size_t kafka_fetch_queued(const struct kafka_fetch *f)
{
    size_t queued = 0;
    for (size_t i = 0; i < f->lane_count; i++)
        queued += count_queued(&f->lanes[i]);
    return queued;
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
