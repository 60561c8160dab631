/* SPDX-License-Identifier: MIT */
/*
 * Usual path: new -> start (join) -> REBALANCE event -> on_assign ... kafka_assign -> the queue
 * fills -> the bell rings -> on_messages -> peek, advance, ... ; REBALANCE -> on_revoke ...
 * kafka_release -> rejoin; close -> REBALANCE -> on_revoke ... kafka_release -> closed.
 *
 *     librdkafka's threads --'e'--> pipe --> serve_events()   consumer queue: rebalances, errors
 *                          -------> bell --> on_messages()    message queues (kafka_fetch.c)
 *
 * A tick each second polls the consumer queue in any case: that is what tells librdkafka that the
 * application lives (max.poll.interval.ms), also when there is nothing to wake for.
 *
 * Possible failures: brokers away (down, librdkafka reconnects for ever; kafka_link.c), topic
 * missing (said once; found within topic.metadata.refresh.interval.ms), a partition that cannot be
 * read (kafka_mend.c), a coordinator or brokers that librdkafka does not find again (kafka_coord.h,
 * kafka_link.c: the client is replaced by another), a fatal client error (on_fatal).
 */
#include "kafka.h"

#include "kafka_ask.h"
#include "kafka_bell.h"
#include "kafka_commit.h"
#include "kafka_conf.h"
#include "kafka_ends.h"
#include "kafka_fetch.h"
#include "kafka_group.h"
#include "kafka_link.h"
#include "kafka_log.h"
#include "kafka_mend.h"
#include "log.h"
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char wake_events = 'e';

/* For the rest of a fetch, whose partitions follow each other within some 100 us. */
#define REST_NS 1000000

#define TICK_S         1.
#define CLOSING_TICK_S .05

enum { EVENTS_PER_WAKE = 256 };

struct kafka {
    struct ev_loop *loop;
    struct kafka_callbacks cb;
    const struct config *config;
    rd_kafka_topic_partition_list_t *topics;
    enum config_start start_from;
    int pipe[2];
    struct kafka_bell bell;
    struct kafka_client *client;
    rd_kafka_t *rk;           /* the client's */
    rd_kafka_queue_t *events; /* the consumer's queue */
    struct kafka_fetch *fetch;
    struct kafka_mend *mend;
    struct kafka_ends_table *ends;
    struct kafka_link *link;
    struct kafka_commit commit;
    struct kafka_group *group;
    struct kafka_log log;

    ev_io wake;
    ev_io ring;
    ev_timer tick;
    ev_timer soon; /* work that must not be done inside the call that caused it */

    bool fatal;
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

/* --- events of the consumer queue --- */

static void go_fatal(struct kafka *k, const char *why)
{
    if (k->fatal)
        return;
    k->fatal = true;
    k->cb.on_fatal(k->cb.ctx, why);
}

static void topic_is_missing(struct kafka *k, const char *why)
{
    if (strcmp(k->missing_topic, why) == 0)
        return;
    snprintf(k->missing_topic, sizeof k->missing_topic, "%s", why);
    log_warn("kafka_topic_missing", "waiting for a topic", "error=%s", why);
}

static bool is_of_connection(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR__TRANSPORT || err == RD_KAFKA_RESP_ERR__RESOLVE ||
           err == RD_KAFKA_RESP_ERR__SSL || err == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
           err == RD_KAFKA_RESP_ERR__TIMED_OUT;
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
    default:
        break;
    }
    const char *cause = kafka_log_error(&k->log, err, text);
    if (cause != text || is_of_connection(err))
        kafka_link_note(k->link, cause);
}

static void on_event(struct kafka *k, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        kafka_group_on_rebalance(k->group, event);
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

static void serve_events(struct kafka *k)
{
    rd_kafka_event_t *event;
    int left = EVENTS_PER_WAKE;
    while (left-- > 0 && (event = rd_kafka_queue_poll(k->events, 0)))
        on_event(k, event);
    if (left < 0)
        run_soon(k);
    else
        kafka_group_step(k->group);
}

/* --- watchers --- */

static void look_after_partitions(struct kafka *k)
{
    if (kafka_group_is_steady(k->group))
        kafka_mend_look(k->mend);
}

static void on_soon(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    serve_events(k);
    look_after_partitions(k);
}

static void on_wake(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    char bytes[256];
    while (read(k->pipe[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes)
        ;
    serve_events(k);
}

static void on_ring(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    kafka_bell_heard(&k->bell);
    k->cb.on_messages(k->cb.ctx);
}

static void renew_if_lost(struct kafka *k);

static void on_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka *k = w->data;
    serve_events(k);
    look_after_partitions(k);
    if (!kafka_group_is_member(k->group))
        return;
    bool needs_coordinator = !kafka_group_has_share(k->group);
    kafka_link_tick(k->link, needs_coordinator);
    /* Without a coordinator a commit would wait, and assignments behind it. */
    if (k->commit.flying == 0 && kafka_link_is_up(k->link))
        kafka_commit_send(&k->commit);
    if (needs_coordinator)
        renew_if_lost(k);
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

static void on_assign(void *ctx, const struct offsets *partitions)
{
    struct kafka *k = ctx;
    k->missing_topic[0] = '\0';
    kafka_link_found_coordinator(k->link);
    k->cb.on_assign(k->cb.ctx, partitions);
}

static void on_revoke(void *ctx, bool lost)
{
    struct kafka *k = ctx;
    if (lost)
        kafka_link_doubt(k->link);
    k->cb.on_revoke(k->cb.ctx, lost);
}

static void on_closed_group(void *ctx)
{
    struct kafka *k = ctx;
    k->on_closed(k->closed_ctx);
}

/* --- partitions and messages --- */

void kafka_assign(struct kafka *k, const struct offsets *o)
{
    kafka_group_assign(k->group, o);
}

void kafka_release(struct kafka *k)
{
    kafka_group_release(k->group);
    run_soon(k); /* closing may go on */
}

void kafka_commit(struct kafka *k, const struct offsets *o)
{
    kafka_commit_set(&k->commit, o);
}

bool kafka_peek(struct kafka *k, size_t lane, struct message *m)
{
    if (kafka_fetch_peek(k->fetch, lane, m))
        return true;
    if (kafka_fetch_take_news(k->fetch))
        run_soon(k);
    return false;
}

void kafka_advance(struct kafka *k, size_t lane)
{
    kafka_fetch_advance(k->fetch, lane);
}

void kafka_ends_of(const struct kafka *k, const char *topic, int32_t id, int64_t *begin,
                   int64_t *end)
{
    struct kafka_ends ends = kafka_ends_get(k->ends, topic, id);
    *begin = ends.low;
    *end = ends.high;
}

void kafka_ask_ends(struct kafka *k, const struct offsets *o)
{
    kafka_ends_ask(k->ends, o);
}

bool kafka_has_queued(const struct kafka *k, size_t lane)
{
    return kafka_fetch_has_queued(k->fetch, lane);
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
    else if (!kafka_group_has_share(k->group))
        snprintf(k->waits_for, sizeof k->waits_for, "a place in the group");
    else
        return NULL;
    return k->waits_for;
}

/* --- life --- */

static void init_watchers(struct kafka *k)
{
    ev_io_init(&k->wake, on_wake, k->pipe[0], EV_READ);
    ev_io_init(&k->ring, on_ring, k->bell.fd, EV_READ);
    ev_timer_init(&k->tick, on_tick, TICK_S, TICK_S);
    ev_timer_init(&k->soon, on_soon, 0., 0.);
    k->wake.data = k->ring.data = k->tick.data = k->soon.data = k;
    ev_io_start(k->loop, &k->wake);
    ev_io_start(k->loop, &k->ring);
    ev_timer_start(k->loop, &k->tick);
    run_soon(k); /* what was queued before there was a pipe */
}

/* What hangs on the client but the link, which outlives it. */
static void init_parts(struct kafka *k)
{
    struct kafka_mend_callbacks mend = {on_gap, k};
    rd_kafka_poll_set_consumer(k->rk);
    rd_kafka_set_log_queue(k->rk, NULL);
    k->events = rd_kafka_queue_get_consumer(k->rk);
    rd_kafka_queue_io_event_enable(k->events, k->pipe[1], &wake_events, sizeof wake_events);
    k->fetch = kafka_fetch_new(k->rk, (size_t)k->config->writers, &k->bell);
    k->mend = kafka_mend_new(k->loop, k->client, k->fetch, &mend);
    k->ends = kafka_ends_new(k->loop, k->client);
    kafka_commit_init(&k->commit, k->rk, k->events);
    struct kafka_group_callbacks group = {on_assign, on_revoke, on_closed_group, k};
    struct kafka_group_parts parts = {k->rk, k->events, k->fetch, k->mend, k->link, &k->commit};
    k->group = kafka_group_new(&parts, &group);
}

static void fini_parts(struct kafka *k)
{
    kafka_group_free(k->group);
    kafka_commit_fini(&k->commit);
    kafka_ends_free(k->ends);
    kafka_mend_free(k->mend);
    kafka_fetch_free(k->fetch);
    rd_kafka_queue_io_event_enable(k->events, -1, NULL, 0);
    rd_kafka_queue_destroy(k->events);
}

static void on_nobody(void *ctx, const struct kafka_answer *answer)
{
    (void)ctx, (void)answer;
}

/* Destroying a client can take a while. A question that nobody waits for holds it, too: whose
 * thread ends last does it. */
static void let_client_go(struct kafka *k)
{
    kafka_ask_cancel(
        kafka_ask_new(k->loop, k->client, ASK_ALIVE, NULL, k->start_from, on_nobody, k));
    kafka_client_unref(k->client);
}

/* Without a share of the group there is nothing that the old client still owes or is owed. */
static void renew_client(struct kafka *k)
{
    struct err e = {0};
    rd_kafka_t *rk = kafka_conf_client(k->config, &e);
    if (!rk) {
        go_fatal(k, e.text);
        return;
    }
    fini_parts(k);
    let_client_go(k);
    k->rk = rk;
    k->client = kafka_client_new(rk);
    kafka_link_renew(k->link, k->client);
    init_parts(k);
    if (!kafka_group_join(k->group, k->topics, &e))
        go_fatal(k, e.text);
    run_soon(k);
}

static void renew_if_lost(struct kafka *k)
{
    const char *coordinator = kafka_link_gone_coordinator(k->link);
    if (coordinator)
        log_warn("kafka_renewed",
                 "the group's coordinator has another address; a new client finds it", "was=%s",
                 coordinator);
    else if (kafka_link_has_forgotten(k->link))
        log_warn("kafka_renewed",
                 "librdkafka may know no broker any more; a new client asks the bootstrap servers",
                 "error=%s", kafka_link_trouble(k->link));
    else
        return;
    renew_client(k);
}

struct kafka *kafka_new(struct ev_loop *loop, const struct config *config,
                        const struct kafka_callbacks *callbacks, bool *misconfigured, struct err *e)
{
    struct kafka *k = err_calloc(1, sizeof *k);
    k->loop = loop;
    k->cb = *callbacks;
    k->config = config;
    k->start_from = config->start_from;
    if (pipe2(k->pipe, O_NONBLOCK | O_CLOEXEC) < 0) {
        err_set(e, "pipe: %s", strerror(errno));
        *misconfigured = false;
        goto no_pipe;
    }
    if (!kafka_bell_init(&k->bell, kafka_conf_gather_ms(config->linger_ms) > 0 ? REST_NS : 0, e)) {
        *misconfigured = false;
        goto no_bell;
    }
    *misconfigured = true;
    k->topics = kafka_conf_topics(config, e);
    if (!k->topics)
        goto no_topics;
    k->rk = kafka_conf_client(config, e);
    if (!k->rk) {
        *misconfigured = rd_kafka_last_error() != RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        goto no_client;
    }
    struct kafka_link_callbacks link = {on_up, on_down, k};
    k->client = kafka_client_new(k->rk);
    k->link = kafka_link_new(k->loop, k->client, &link);
    init_parts(k);
    init_watchers(k);
    return k;

no_client:
    rd_kafka_topic_partition_list_destroy(k->topics);
no_topics:
    kafka_bell_fini(&k->bell);
no_bell:
    close(k->pipe[0]);
    close(k->pipe[1]);
no_pipe:
    free(k);
    return NULL;
}

bool kafka_start(struct kafka *k, struct err *e)
{
    if (!kafka_group_join(k->group, k->topics, e))
        return false;
    kafka_link_tick(k->link, false);
    return true;
}

void kafka_close(struct kafka *k, void (*on_closed)(void *ctx), void *ctx)
{
    k->on_closed = on_closed;
    k->closed_ctx = ctx;
    kafka_group_close(k->group);
    k->tick.repeat = CLOSING_TICK_S;
    ev_timer_again(k->loop, &k->tick);
    run_soon(k);
}

void kafka_free(struct kafka *k)
{
    if (!k)
        return;
    ev_io_stop(k->loop, &k->wake);
    ev_io_stop(k->loop, &k->ring);
    ev_timer_stop(k->loop, &k->tick);
    ev_timer_stop(k->loop, &k->soon);
    if (k->start)
        kafka_ask_cancel(k->start);
    fini_parts(k);
    kafka_link_free(k->link);
    kafka_client_unref(k->client);
    kafka_bell_fini(&k->bell);
    close(k->pipe[0]);
    close(k->pipe[1]);
    rd_kafka_topic_partition_list_destroy(k->topics);
    free(k->cluster_id);
    free(k);
}
