/* SPDX-License-Identifier: MIT */
#include "kafka_link.h"

#include "err.h"
#include "kafka_coord.h"
#include <stdio.h>
#include <stdlib.h>

/* From 2.10 on librdkafka drops the brokers that an answer to a metadata request does not name. One
 * on its way down may name none: the client then has nobody left to ask, and stays so, which is
 * issue 5301 of librdkafka. A question takes seconds to fail. */
enum { DROPS_BROKERS = 0x020a0000, FORGOTTEN_AFTER = 5 };

enum state { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

struct kafka_link {
    struct ev_loop *loop;
    struct kafka_client *client;
    struct kafka_link_callbacks cb;
    enum state state;
    struct kafka_ask *probe;
    bool probe_counts; /* brokers were not lost since it was sent */
    bool suspect;      /* there was trouble since a broker last answered */
    bool answered;     /* a broker has answered this client */
    unsigned failed;   /* questions in a row that no broker answered */
    struct kafka_coord coord;
    char trouble[256];
};

struct kafka_link *kafka_link_new(struct ev_loop *loop, struct kafka_client *client,
                                  const struct kafka_link_callbacks *callbacks)
{
    struct kafka_link *l = err_calloc(1, sizeof *l);
    l->loop = loop;
    l->client = client;
    l->cb = *callbacks;
    return l;
}

void kafka_link_free(struct kafka_link *l)
{
    if (l->probe)
        kafka_ask_cancel(l->probe);
    free(l);
}

static void go_down(struct kafka_link *l, const char *text)
{
    if (l->state == LINK_DOWN)
        return;
    l->state = LINK_DOWN;
    if (l->trouble[0] == '\0')
        snprintf(l->trouble, sizeof l->trouble, "%s", text);
    l->cb.on_down(l->cb.ctx, l->trouble);
}

static void on_probe(void *ctx, const struct kafka_answer *answer)
{
    struct kafka_link *l = ctx;
    l->probe = NULL;
    if (!l->probe_counts)
        return; /* the next tick asks again */
    if (answer->error) {
        l->failed++;
        if (l->state == LINK_UP)
            go_down(l, answer->error);
        return;
    }
    bool was_up = l->state == LINK_UP;
    l->state = LINK_UP;
    l->answered = true;
    l->failed = 0;
    l->trouble[0] = '\0';
    kafka_coord_see(&l->coord, answer->brokers);
    if (!was_up)
        l->cb.on_up(l->cb.ctx);
}

/* librdkafka does not always say that all brokers are down, so whether one still answers is asked
 * whenever there was trouble with any. */
void kafka_link_tick(struct kafka_link *l, bool needs_coordinator)
{
    bool seeks = needs_coordinator && kafka_coord_is_suspect(&l->coord);
    if (l->probe || (l->state == LINK_UP && !l->suspect && !seeks))
        return;
    l->probe_counts = true;
    l->suspect = false;
    l->probe = kafka_ask_new(l->loop, l->client, ASK_ALIVE, NULL, START_LATEST, on_probe, l);
}

void kafka_link_note(struct kafka_link *l, const char *trouble)
{
    snprintf(l->trouble, sizeof l->trouble, "%s", trouble);
    l->suspect = true;
    kafka_coord_note(&l->coord, trouble);
}

void kafka_link_doubt(struct kafka_link *l)
{
    l->suspect = true;
}

void kafka_link_found_coordinator(struct kafka_link *l)
{
    kafka_coord_forget(&l->coord);
}

const char *kafka_link_gone_coordinator(const struct kafka_link *l)
{
    return kafka_coord_is_gone(&l->coord) ? l->coord.address : NULL;
}

bool kafka_link_has_forgotten(const struct kafka_link *l)
{
    return rd_kafka_version() >= DROPS_BROKERS && l->answered && l->failed >= FORGOTTEN_AFTER;
}

void kafka_link_renew(struct kafka_link *l, struct kafka_client *client)
{
    if (l->probe)
        kafka_ask_cancel(l->probe);
    l->probe = NULL;
    l->client = client;
    l->answered = false;
    l->failed = 0;
    kafka_coord_forget(&l->coord);
}

void kafka_link_lost(struct kafka_link *l, const char *text)
{
    l->probe_counts = false;
    go_down(l, text);
}

bool kafka_link_is_up(const struct kafka_link *l)
{
    return l->state == LINK_UP;
}

const char *kafka_link_trouble(const struct kafka_link *l)
{
    return l->trouble;
}
