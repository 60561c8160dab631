/* SPDX-License-Identifier: MIT */
/*
 * Usual path: a thread asks, leaves the answer in the ask, wakes the loop and ends; the loop calls
 * back and frees.
 *
 * An ask has two holders, the loop and the thread; whoever lets go last frees it. A cancelled ask
 * is let go by the loop at once, and by its thread when the call it is blocked in returns, after
 * CALL_TIMEOUT_MS at most; the client lives until then. The loop may be gone by that time: the
 * thread wakes it only while, under the lock, the ask is not cancelled.
 *
 * Possible failures: a broker does not answer in time, or answers with an error: the whole question
 * fails, with words. No thread to be had: the same.
 */
#include "kafka_ask.h"

#include "err.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CALL_TIMEOUT_MS = 5000,
    ALIVE_TIMEOUT_MS = 2000,
};

struct kafka_client {
    rd_kafka_t *rk;
    atomic_uint users;
};

struct kafka_ask {
    struct ev_loop *loop;
    ev_async answered;
    struct kafka_client *client;
    enum kafka_question question;
    enum config_start start_from;
    struct offsets wanted;
    struct kafka_ends *ends;
    char *brokers; /* as kafka_coord_see() takes them, or NULL */
    bool failed;
    struct err error;
    kafka_answer_fn *fn;
    void *ctx;

    pthread_mutex_t lock; /* what both sides write */
    int holders;
    bool cancelled;
};

static atomic_uint clients; /* that are not destroyed yet */

bool kafka_clients_remain(void)
{
    return atomic_load(&clients) > 0;
}

struct kafka_client *kafka_client_new(rd_kafka_t *rk)
{
    atomic_fetch_add(&clients, 1);
    struct kafka_client *client = err_calloc(1, sizeof *client);
    client->rk = rk;
    atomic_init(&client->users, 1);
    return client;
}

static struct kafka_client *ref_client(struct kafka_client *client)
{
    atomic_fetch_add(&client->users, 1);
    return client;
}

void kafka_client_unref(struct kafka_client *client)
{
    if (atomic_fetch_sub(&client->users, 1) > 1)
        return;
    rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(client);
    atomic_fetch_sub(&clients, 1);
}

rd_kafka_t *kafka_client_handle(struct kafka_client *client)
{
    return client->rk;
}

/* --- in the thread --- */

static bool is_cancelled(struct kafka_ask *a)
{
    pthread_mutex_lock(&a->lock);
    bool cancelled = a->cancelled;
    pthread_mutex_unlock(&a->lock);
    return cancelled;
}

/* All of them, however many: one that is left out would be taken for gone. */
static void put_brokers(struct kafka_ask *a, const struct rd_kafka_metadata *metadata)
{
    enum { PORT_MAX = sizeof ":-2147483648 " };
    size_t size = sizeof " ", len = 0;
    for (int i = 0; i < metadata->broker_cnt; i++)
        size += strlen(metadata->brokers[i].host) + PORT_MAX;
    a->brokers = err_malloc(size);
    len = (size_t)snprintf(a->brokers, size, " ");
    for (int i = 0; i < metadata->broker_cnt; i++)
        len += (size_t)snprintf(a->brokers + len, size - len, "%s:%d ", metadata->brokers[i].host,
                                metadata->brokers[i].port);
}

static bool ask_alive(struct kafka_ask *a)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err =
        rd_kafka_metadata(a->client->rk, 0, NULL, &metadata, ALIVE_TIMEOUT_MS);
    if (err) {
        err_set(&a->error, "%s", rd_kafka_err2str(err));
        return false;
    }
    bool any = metadata->broker_cnt > 0;
    if (any)
        put_brokers(a, metadata);
    else
        err_set(&a->error, "a broker on its way up or down, which knows of none");
    rd_kafka_metadata_destroy(metadata);
    return any;
}

static bool ask_ends(struct kafka_ask *a, size_t i)
{
    const struct partition *p = &a->wanted.items[i];
    rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(
        a->client->rk, p->topic, p->id, &a->ends[i].low, &a->ends[i].high, CALL_TIMEOUT_MS);
    if (err)
        err_set(&a->error, "ends of %s [%d]: %s", p->topic, (int)p->id, rd_kafka_err2str(err));
    return !err;
}

static bool ask_all_ends(struct kafka_ask *a)
{
    for (size_t i = 0; i < a->wanted.count; i++) {
        if (is_cancelled(a) || !ask_ends(a, i))
            return false;
    }
    return true;
}

/* Fills in the group's committed offsets, OFFSETS_UNKNOWN where there is none. */
static bool ask_committed(struct kafka_ask *a)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)a->wanted.count);
    for (size_t i = 0; i < a->wanted.count; i++)
        rd_kafka_topic_partition_list_add(list, a->wanted.items[i].topic, a->wanted.items[i].id);

    rd_kafka_resp_err_t err = rd_kafka_committed(a->client->rk, list, CALL_TIMEOUT_MS);
    for (int i = 0; !err && i < list->cnt; i++) {
        err = list->elems[i].err;
        int64_t offset = list->elems[i].offset;
        a->wanted.items[i].expected = offset >= 0 ? offset : OFFSETS_UNKNOWN;
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (err)
        err_set(&a->error, "committed offsets of the group: %s", rd_kafka_err2str(err));
    return !err;
}

static bool ask_start(struct kafka_ask *a)
{
    if (!ask_committed(a))
        return false;
    for (size_t i = 0; i < a->wanted.count; i++) {
        struct partition *p = &a->wanted.items[i];
        if (p->expected != OFFSETS_UNKNOWN)
            continue;
        if (is_cancelled(a) || !ask_ends(a, i))
            return false;
        p->expected = a->start_from == START_EARLIEST ? a->ends[i].low : a->ends[i].high;
    }
    return true;
}

static bool ask(struct kafka_ask *a)
{
    switch (a->question) {
    case ASK_ALIVE:
        return ask_alive(a);
    case ASK_START:
        return ask_start(a);
    case ASK_ENDS:
        return ask_all_ends(a);
    }
    return false;
}

static void let_go(struct kafka_ask *a)
{
    pthread_mutex_lock(&a->lock);
    bool last = --a->holders == 0;
    pthread_mutex_unlock(&a->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&a->lock);
    kafka_client_unref(a->client);
    offsets_fini(&a->wanted);
    free(a->ends);
    free(a->brokers);
    free(a);
}

static void wake_loop(struct kafka_ask *a)
{
    pthread_mutex_lock(&a->lock);
    if (!a->cancelled)
        ev_async_send(a->loop, &a->answered);
    pthread_mutex_unlock(&a->lock);
}

static void *run(void *arg)
{
    struct kafka_ask *a = arg;
    a->failed = !ask(a);
    wake_loop(a);
    let_go(a);
    return NULL;
}

/* --- on the loop --- */

static void on_answered(struct ev_loop *loop, ev_async *w, int revents)
{
    (void)revents;
    struct kafka_ask *a = w->data;
    ev_async_stop(loop, w);
    struct kafka_answer answer = {
        .error = a->failed ? a->error.text : NULL,
        .wanted = &a->wanted,
        .ends = a->ends,
        .brokers = a->brokers,
    };
    a->fn(a->ctx, &answer);
    let_go(a);
}

/* A detached thread that gets no signal: those are for the loop. */
static int start_thread(struct kafka_ask *a)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int err = pthread_create(&thread, &attr, run, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

struct kafka_ask *kafka_ask_new(struct ev_loop *loop, struct kafka_client *client,
                                enum kafka_question question, const struct offsets *wanted,
                                enum config_start start_from, kafka_answer_fn *fn, void *ctx)
{
    struct kafka_ask *a = err_calloc(1, sizeof *a);
    a->loop = loop;
    a->client = ref_client(client);
    a->question = question;
    a->start_from = start_from;
    a->fn = fn;
    a->ctx = ctx;
    a->holders = 2;
    pthread_mutex_init(&a->lock, NULL);
    offsets_init(&a->wanted);
    if (wanted)
        offsets_copy(&a->wanted, wanted);
    a->ends = err_calloc(a->wanted.count + 1, sizeof *a->ends);
    ev_async_init(&a->answered, on_answered);
    a->answered.data = a;
    ev_async_start(loop, &a->answered);

    int err = start_thread(a);
    if (err) {
        a->failed = true;
        err_set(&a->error, "no thread to ask the brokers: %s", strerror(err));
        wake_loop(a);
        let_go(a);
    }
    return a;
}

void kafka_ask_cancel(struct kafka_ask *a)
{
    pthread_mutex_lock(&a->lock);
    a->cancelled = true;
    pthread_mutex_unlock(&a->lock);
    ev_async_stop(a->loop, &a->answered);
    let_go(a);
}
