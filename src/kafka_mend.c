/* SPDX-License-Identifier: MIT */
/*
 * Usual path: nothing to do.
 *
 *     gap?     ask for the ends of the log -> really outside: on_gap, once
 *                                          -> inside (again): broken
 *     broken   wait 1, 2, 4, ... 32 s -> fetch all again from where they stand
 *
 * Possible failures: no broker tells the ends: asked again at the next look.
 */
#include "kafka_mend.h"

#include "err.h"
#include "log.h"
#include <stdlib.h>

struct kafka_mend {
    struct ev_loop *loop;
    struct kafka_client *client;
    struct kafka_fetch *fetch;
    struct kafka_mend_callbacks cb;
    struct kafka_ask *ends;
    ev_timer restart;
};

static void on_restart(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct kafka_mend *m = w->data;
    kafka_fetch_restart(m->fetch);
}

struct kafka_mend *kafka_mend_new(struct ev_loop *loop, struct kafka_client *client,
                                  struct kafka_fetch *fetch,
                                  const struct kafka_mend_callbacks *callbacks)
{
    struct kafka_mend *m = err_calloc(1, sizeof *m);
    m->loop = loop;
    m->client = client;
    m->fetch = fetch;
    m->cb = *callbacks;
    ev_timer_init(&m->restart, on_restart, 0., 0.);
    m->restart.data = m;
    return m;
}

void kafka_mend_forget(struct kafka_mend *m)
{
    if (m->ends)
        kafka_ask_cancel(m->ends);
    m->ends = NULL;
    ev_timer_stop(m->loop, &m->restart);
}

void kafka_mend_free(struct kafka_mend *m)
{
    kafka_mend_forget(m);
    free(m);
}

static void restart_later(struct kafka_mend *m)
{
    double delay = kafka_fetch_restart_delay(m->fetch);
    if (delay <= 0 || ev_is_active(&m->restart))
        return;
    ev_timer_set(&m->restart, delay, 0.);
    ev_timer_start(m->loop, &m->restart);
}

static void on_ends(void *ctx, const struct kafka_answer *answer)
{
    struct kafka_mend *m = ctx;
    m->ends = NULL;
    if (answer->error) {
        log_debug("kafka_gap", "an offset is not in the log, whose ends are not known yet",
                  "error=%s", answer->error);
        return;
    }
    const struct offsets *asked = answer->wanted;
    for (size_t j = 0; j < asked->count; j++) {
        const struct kafka_ends *ends = &answer->ends[j];
        size_t i = kafka_fetch_find(m->fetch, asked->items[j].topic, asked->items[j].id);
        /* Not so if the callback for another one has assigned anew. */
        if (kafka_fetch_settle_gap(m->fetch, i, ends->low, ends->high))
            m->cb.on_gap(m->cb.ctx, (uint32_t)i, ends->low, ends->high);
    }
    restart_later(m);
}

static void ask_ends(struct kafka_mend *m)
{
    if (m->ends)
        return;
    struct offsets gaps;
    offsets_init(&gaps);
    kafka_fetch_gaps(m->fetch, &gaps);
    if (gaps.count > 0)
        m->ends = kafka_ask_new(m->loop, m->client, ASK_ENDS, &gaps, START_LATEST, on_ends, m);
    offsets_fini(&gaps);
}

void kafka_mend_look(struct kafka_mend *m)
{
    ask_ends(m);
    restart_later(m);
}
