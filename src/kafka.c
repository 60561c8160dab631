/* SPDX-License-Identifier: MIT */
/*
 * Usual path: new -> start (subscribe) -> REBALANCE event -> on_assign ... kafka_assign -> queues
 * fill -> a byte in the pipe -> on_messages -> peek, advance, ... ; REBALANCE -> on_revoke ...
 * kafka_release -> rejoin; close -> REBALANCE -> on_revoke ... kafka_release -> closed.
 *
 *     librdkafka's threads --'e'--> pipe --> serve_events()      consumer queue: rebalances,
 * errors, logs
 *                          --'m'--> pipe --> on_messages()       partition queues (kafka_fetch.c)
 *
 * A tick each second polls the consumer queue in any case: that is what tells librdkafka that the
 * application lives (max.poll.interval.ms), also when there is nothing to wake for.
 *
 * Possible failures: brokers away (down, librdkafka reconnects for ever; kafka_link.c), topic
 * missing (said once; found within topic.metadata.refresh.interval.ms), a partition that cannot be
 * read (kafka_mend.c), a fatal client error (on_fatal).
 */
#include "kafka.h"

#include "kafka_ask.h"
#include "kafka_commit.h"
#include "kafka_conf.h"
#include "kafka_fetch.h"
#include "kafka_link.h"
#include "kafka_log.h"
#include "kafka_mend.h"
#include "log.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char wake_events = 'e';
static const char wake_messages = 'm';

#define TICK_S         1.
#define CLOSING_TICK_S .05

enum { EVENTS_PER_WAKE = 256 };

enum state {
    STATE_NEW,
    STATE_JOINED,  /* subscribed; partitions come and go */
    STATE_CLOSING, /* to leave as soon as the group has the answers that it waits for */
    STATE_LEAVING, /* librdkafka closes the consumer */
    STATE_CLOSED,
};

enum owed { OWED_NOTHING, OWED_ASSIGN, OWED_RELEASE };

struct kafka {
    struct ev_loop *loop;
    struct kafka_callbacks cb;
    rd_kafka_topic_partition_list_t *topics;
    enum config_start start_from;
    int pipe[2];
    struct kafka_client *client;
    rd_kafka_t *rk;           /* the client's */
    rd_kafka_queue_t *events; /* the consumer's queue */
    struct kafka_fetch *fetch;
    struct kafka_mend *mend;
    struct kafka_link *link;
    struct kafka_commit commit;
    struct kafka_log log;

    ev_io wake;
    ev_timer tick;
    ev_timer soon; /* work that must not be done inside the call that caused it */

    enum state state;
    enum owed owed;     /* what the group waits for */
    bool told;          /* on_assign was the last of the two */
    bool joined;        /* the group has given us our share, if only none */
    bool tell_messages; /* call on_messages() soon */
    bool fatal;
    bool cannot_leave; /* leaving, but librdkafka refuses to */
    char *cluster_id;
    char missing_topic[256]; /* what was said of a topic that is not there */
    char waits_for[320];

    struct kafka_ask *start;
    kafka_start_fn *start_fn;
    void *start_ctx;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

static void run_soon(struct kafka *k)
{
    if (ev_is_active(&k->soon))
        return;
    ev_timer_set(&k->soon, 0., 0.);
    ev_timer_start(k->loop, &k->soon);
}

static void tell_messages_soon(struct kafka *k)
{
    k->tell_messages = true;
    run_soon(k);
}

static void send_commit(struct kafka *k)
{
    /* Without a coordinator it would wait, and assignments behind it. */
    if (kafka_link_is_up(k->link))
        kafka_commit_send(&k->commit);
}

/* --- rebalance --- */

/* Answers the group with nothing to fetch. */
static void assign_nothing(struct kafka *k)
{
    struct offsets none;
    offsets_init(&none);
    kafka_fetch_assign(k->fetch, &none);
    offsets_fini(&none);
    k->owed = OWED_NOTHING;
}

static void give_up(struct kafka *k)
{
    kafka_mend_forget(k->mend);
    send_commit(k);
    kafka_commit_forget(&k->commit);
    kafka_fetch_release(k->fetch);
    k->owed = OWED_NOTHING;
    k->joined = false;
    if (k->state == STATE_CLOSING)
        run_soon(k);
}

static void tell_assignment(struct kafka *k, const rd_kafka_topic_partition_list_t *list)
{
    struct offsets given;
    offsets_init(&given);
    for (int i = 0; i < list->cnt; i++)
        offsets_add(&given, list->elems[i].topic, list->elems[i].partition);
    k->owed = OWED_ASSIGN;
    k->told = true;
    k->missing_topic[0] = '\0';
    log_info("kafka_assigned", "partitions were assigned to us", "partitions=%d first=%s-%d",
             list->cnt, list->elems[0].topic, (int)list->elems[0].partition);
    k->cb.on_assign(k->cb.ctx, &given);
    offsets_fini(&given);
}

static void on_assignment(struct kafka *k, const rd_kafka_topic_partition_list_t *list)
{
    /* Made before librdkafka knew that we leave, and it does not wait for the answer any more: one
     * that comes while the group ends could block for ever. */
    if (k->state == STATE_LEAVING)
        return;
    k->joined = true;
    if (list->cnt > 0 && k->state == STATE_JOINED) {
        tell_assignment(k, list);
        return;
    }
    assign_nothing(k);
    log_info("kafka_assigned", "we have no partition in the group", "partitions=0");
}

static void on_revocation(struct kafka *k)
{
    bool lost = rd_kafka_assignment_lost(k->rk);
    k->owed = OWED_RELEASE;
    if (!k->told) {
        give_up(k);
        return;
    }
    k->told = false;
    log_info("kafka_revoked", "partitions are taken from us", "lost=%s", lost ? "yes" : "no");
    k->cb.on_revoke(k->cb.ctx, lost);
}

static void on_rebalance(struct kafka *k, rd_kafka_event_t *event)
{
    /* Any other error means: nothing is ours. */
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        on_assignment(k, rd_kafka_event_topic_partition_list(event));
    else
        on_revocation(k);
}

void kafka_assign(struct kafka *k, const struct offsets *o)
{
    if (!k->told || k->state != STATE_JOINED)
        return;
    kafka_mend_forget(k->mend);
    kafka_fetch_assign(k->fetch, o);
    k->owed = OWED_NOTHING;
    tell_messages_soon(k);
}

void kafka_release(struct kafka *k)
{
    if (k->owed == OWED_RELEASE)
        give_up(k);
}

void kafka_commit(struct kafka *k, const struct offsets *o)
{
    kafka_commit_set(&k->commit, o);
}

/* --- events of the consumer queue --- */

static void go_fatal(struct kafka *k, const char *why)
{
    if (k->fatal)
        return;
    k->fatal = true;
    log_error("kafka_fatal", "the client cannot go on", "error=%s", why);
    k->cb.on_fatal(k->cb.ctx, why);
}

static void topic_is_missing(struct kafka *k, const char *why)
{
    if (strcmp(k->missing_topic, why) == 0)
        return;
    snprintf(k->missing_topic, sizeof k->missing_topic, "%s", why);
    log_warn("kafka_topic_missing", "waiting for a topic", "error=%s", why);
}

static void on_error(struct kafka *k, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    if (rd_kafka_event_error_is_fatal(event)) {
        go_fatal(k, text);
        return;
    }
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        kafka_link_lost(k->link, text);
        return;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        topic_is_missing(k, text);
        return;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        kafka_link_note(k->link, text);
        break;
    default:
        break;
    }
    kafka_log_error(&k->log, err, text);
}

static void on_event(struct kafka *k, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        on_rebalance(k, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        on_error(k, event);
        break;
    case RD_KAFKA_EVENT_LOG:
        kafka_log_line(&k->log, event);
        break;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        kafka_commit_on_result(&k->commit, event);
        break;
    default:
        break;
    }
    rd_kafka_event_destroy(event);
}

static void leave(struct kafka *k)
{
    k->state = STATE_LEAVING;
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(k->rk, k->events);
    if (!error)
        return;
    log_debug("kafka_error", "cannot leave the group in order", "code=%s error=%s",
              rd_kafka_error_name(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    k->cannot_leave = true;
}

/* The next step of closing, if its time has come. */
static void go_on_closing(struct kafka *k)
{
    if (k->owed != OWED_NOTHING)
        return;
    if (k->state == STATE_CLOSING)
        leave(k);
    if (k->state == STATE_LEAVING && (k->cannot_leave || rd_kafka_consumer_closed(k->rk))) {
        k->state = STATE_CLOSED;
        k->on_closed(k->closed_ctx);
    }
}

static void serve_events(struct kafka *k)
{
    rd_kafka_event_t *event;
    int left = EVENTS_PER_WAKE;
    while (left-- > 0 && (event = rd_kafka_queue_poll(k->events, 0)))
        on_event(k, event);
    if (left < 0)
        run_soon(k);
    else
        go_on_closing(k);
}

/* --- watchers --- */

static void look_after_partitions(struct kafka *k)
{
    if (k->told && k->owed == OWED_NOTHING && k->state == STATE_JOINED)
        kafka_mend_look(k->mend);
}

static void on_soon(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    serve_events(k);
    look_after_partitions(k);
    if (k->tell_messages) {
        k->tell_messages = false;
        k->cb.on_messages(k->cb.ctx);
    }
}

static void on_wake(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    char bytes[256];
    bool messages = false, events = false;
    ssize_t n;
    while ((n = read(k->pipe[0], bytes, sizeof bytes)) > 0) {
        messages = messages || memchr(bytes, wake_messages, (size_t)n);
        events = events || memchr(bytes, wake_events, (size_t)n);
    }
    if (events)
        serve_events(k);
    if (messages)
        k->cb.on_messages(k->cb.ctx);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    serve_events(k);
    look_after_partitions(k);
    if (k->state != STATE_JOINED)
        return;
    kafka_link_tick(k->link);
    if (k->commit.flying == 0)
        send_commit(k);
}

/* --- what the parts tell --- */

static void on_up(void *ctx)
{
    struct kafka *k = ctx;
    const char *cluster = kafka_cluster_id(k);
    kafka_log_reset(&k->log);
    log_info("kafka_up", "a broker answers", "cluster=%s", cluster ? cluster : "");
    k->cb.on_up(k->cb.ctx);
}

static void on_down(void *ctx, const char *why)
{
    struct kafka *k = ctx;
    log_warn("kafka_down", "no broker can be reached; trying on", "error=%s", why);
    k->cb.on_down(k->cb.ctx, why);
}

static void on_gap(void *ctx, uint32_t partition, int64_t low, int64_t high)
{
    struct kafka *k = ctx;
    k->cb.on_gap(k->cb.ctx, partition, low, high);
}

static void on_restarted(void *ctx)
{
    tell_messages_soon(ctx);
}

/* --- messages --- */

bool kafka_peek(struct kafka *k, struct message *m)
{
    if (kafka_fetch_peek(k->fetch, m))
        return true;
    if (kafka_fetch_take_news(k->fetch))
        run_soon(k);
    return false;
}

void kafka_advance(struct kafka *k)
{
    kafka_fetch_advance(k->fetch);
}

size_t kafka_queued(const struct kafka *k)
{
    return kafka_fetch_queued(k->fetch);
}

/* --- questions --- */

const char *kafka_cluster_id(struct kafka *k)
{
    char *id = k->cluster_id ? NULL : rd_kafka_clusterid(k->rk, 0);
    if (id) {
        k->cluster_id = err_strdup(id);
        rd_kafka_mem_free(k->rk, id);
    }
    return k->cluster_id;
}

static void on_start_found(void *ctx, const struct kafka_answer *answer)
{
    struct kafka *k = ctx;
    k->start = NULL;
    k->start_fn(k->start_ctx, answer->error ? NULL : answer->wanted, answer->error);
}

void kafka_find_start(struct kafka *k, const struct offsets *wanted, kafka_start_fn *fn, void *ctx)
{
    if (k->start)
        kafka_ask_cancel(k->start);
    k->start_fn = fn;
    k->start_ctx = ctx;
    k->start =
        kafka_ask_new(k->loop, k->client, ASK_START, wanted, k->start_from, on_start_found, k);
}

const char *kafka_waits_for(struct kafka *k)
{
    const char *trouble = kafka_link_trouble(k->link);
    if (!kafka_link_is_up(k->link))
        snprintf(k->waits_for, sizeof k->waits_for, "brokers%s%s", trouble[0] ? ": " : "", trouble);
    else if (k->missing_topic[0] != '\0')
        snprintf(k->waits_for, sizeof k->waits_for, "topic: %s", k->missing_topic);
    else if (!k->joined)
        snprintf(k->waits_for, sizeof k->waits_for, "a place in the group");
    else
        return NULL;
    return k->waits_for;
}

/* --- life --- */

static void init_watchers(struct kafka *k)
{
    ev_io_init(&k->wake, on_wake, k->pipe[0], EV_READ);
    ev_timer_init(&k->tick, on_tick, TICK_S, TICK_S);
    ev_timer_init(&k->soon, on_soon, 0., 0.);
    k->wake.data = k->tick.data = k->soon.data = k;
    ev_io_start(k->loop, &k->wake);
    ev_timer_start(k->loop, &k->tick);
    run_soon(k); /* what was queued before there was a pipe */
}

static void init_parts(struct kafka *k)
{
    struct kafka_link_callbacks link = {on_up, on_down, k};
    struct kafka_mend_callbacks mend = {on_gap, on_restarted, k};
    k->client = kafka_client_new(k->rk);
    rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_set_log_queue(k->rk, NULL);
    k->events = rd_kafka_queue_get_consumer(k->rk);
    rd_kafka_queue_io_event_enable(k->events, k->pipe[1], &wake_events, sizeof wake_events);
    k->fetch = kafka_fetch_new(k->rk, k->pipe[1], wake_messages);
    k->mend = kafka_mend_new(k->loop, k->client, k->fetch, &mend);
    k->link = kafka_link_new(k->loop, k->client, &link);
    kafka_commit_init(&k->commit, k->rk, k->events);
}

struct kafka *kafka_new(struct ev_loop *loop, const struct config *config,
                        const struct kafka_callbacks *callbacks, struct err *e)
{
    struct kafka *k = err_calloc(1, sizeof *k);
    k->loop = loop;
    k->cb = *callbacks;
    k->start_from = config->start_from;
    if (pipe2(k->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
        err_set(e, "pipe: %s", strerror(errno));
        goto no_pipe;
    }
    k->topics = kafka_conf_topics(config, e);
    if (!k->topics)
        goto no_topics;
    k->rk = kafka_conf_client(config, e);
    if (!k->rk)
        goto no_client;
    init_parts(k);
    init_watchers(k);
    return k;

no_client:
    rd_kafka_topic_partition_list_destroy(k->topics);
no_topics:
    close(k->pipe[0]);
    close(k->pipe[1]);
no_pipe:
    free(k);
    return NULL;
}

bool kafka_start(struct kafka *k, struct err *e)
{
    assert(k->state == STATE_NEW);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(k->rk, k->topics);
    if (err) {
        err_set(e, "subscribing to the topics: %s", rd_kafka_err2str(err));
        return false;
    }
    k->state = STATE_JOINED;
    kafka_link_tick(k->link);
    return true;
}

void kafka_close(struct kafka *k, void (*on_closed)(void *ctx), void *ctx)
{
    assert(k->state < STATE_CLOSING);
    k->on_closed = on_closed;
    k->closed_ctx = ctx;
    k->state = STATE_CLOSING;
    kafka_mend_forget(k->mend);
    if (k->owed == OWED_ASSIGN)
        assign_nothing(k);
    k->tick.repeat = CLOSING_TICK_S;
    ev_timer_again(k->loop, &k->tick);
    run_soon(k);
}

void kafka_free(struct kafka *k)
{
    if (!k)
        return;
    ev_io_stop(k->loop, &k->wake);
    ev_timer_stop(k->loop, &k->tick);
    ev_timer_stop(k->loop, &k->soon);
    if (k->start)
        kafka_ask_cancel(k->start);
    kafka_commit_fini(&k->commit);
    kafka_link_free(k->link);
    kafka_mend_free(k->mend);
    kafka_fetch_free(k->fetch);
    rd_kafka_queue_io_event_enable(k->events, -1, NULL, 0);
    rd_kafka_queue_destroy(k->events);
    kafka_client_unref(k->client);
    close(k->pipe[0]);
    close(k->pipe[1]);
    rd_kafka_topic_partition_list_destroy(k->topics);
    free(k->cluster_id);
    free(k);
}
