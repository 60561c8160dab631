/* SPDX-License-Identifier: MIT */
/*
 * Questions to the brokers that librdkafka answers only by blocking, each asked in a thread of its
 * own and answered on the loop.
 *
 * The client is shared by the loop and the threads, and ends with the last of them: freeing the
 * consumer never waits for a broker's answer.
 */
#ifndef TICKD_KAFKA_ASK_H
#define TICKD_KAFKA_ASK_H

#include "config.h"
#include "offsets.h"
#include <ev.h>
#include <librdkafka/rdkafka.h>

/* A librdkafka client with a count of those who use it. */
struct kafka_client;

/* Takes `rk`. */
struct kafka_client *kafka_client_new(rd_kafka_t *rk);
/* Gives up the loop's share. The last one destroys the client, without leaving the group. */
void kafka_client_unref(struct kafka_client *client);
rd_kafka_t *kafka_client_handle(struct kafka_client *client);

/* True as long as a question that is still under way keeps a client alive. From any thread. */
bool kafka_clients_remain(void);

enum kafka_question {
    ASK_ALIVE, /* does any broker answer? */
    ASK_START, /* where does the group go on in `wanted`: its committed offset, else `start_from` */
    ASK_ENDS,  /* where do the logs of `wanted` begin and end? */
};

struct kafka_ends {
    int64_t low;
    int64_t high;
};

/* Borrowed for the call. */
struct kafka_answer {
    const char *error;             /* NULL if there is an answer */
    const struct offsets *wanted;  /* as asked; ASK_START: with `expected` filled in */
    const struct kafka_ends *ends; /* ASK_ENDS: one for each of `wanted` */
    const char *brokers;           /* ASK_ALIVE: their addresses, " host:port host:port " */
};

typedef void kafka_answer_fn(void *ctx, const struct kafka_answer *answer);

struct kafka_ask;

/* Asks. Calls back once, from the loop and never from inside this call; the ask is gone after that.
 * `wanted` is copied, and may be NULL for ASK_ALIVE. */
struct kafka_ask *kafka_ask_new(struct ev_loop *loop, struct kafka_client *client,
                                enum kafka_question question, const struct offsets *wanted,
                                enum config_start start_from, kafka_answer_fn *fn, void *ctx);

/* Forgets a question: no callback any more. */
void kafka_ask_cancel(struct kafka_ask *a);

#endif
