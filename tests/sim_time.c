/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include "clock.h"
#include "err.h"
#include "fake_decode.h"
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct event {
    int64_t at_us;
    uint64_t order; /* of those at the same time */
    sim_event_fn *fn;
    void *ctx;
    uint64_t arg;
};

static struct {
    uint64_t random;
    int64_t now_us;
    uint64_t order;
    struct event *heap;
    size_t count, cap;
} sim;

/* --- chance --- */

/* splitmix64 (G. Steele, D. Lea, C. Flood, 2014). */
static uint64_t random_bits(void)
{
    uint64_t z = (sim.random += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint32_t sim_random(uint32_t below)
{
    return (uint32_t)((random_bits() >> 32) * below >> 32);
}

bool sim_chance(uint32_t permille)
{
    return permille > 0 && sim_random(1000) < permille;
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

/* ingest.c's source of jitter. */
ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)random_bits();
    return (ssize_t)len;
}

/* --- time --- */

int64_t sim_now_us(void)
{
    return sim.now_us;
}

struct instant clock_now(void)
{
    return (struct instant){.mono_us = sim.now_us, .wall_us = FAKE_DECODE_EPOCH_US + sim.now_us};
}

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(size_t a, size_t b)
{
    struct event e = sim.heap[a];
    sim.heap[a] = sim.heap[b];
    sim.heap[b] = e;
}

void sim_after(int64_t us, sim_event_fn *fn, void *ctx, uint64_t arg)
{
    if (sim.count == sim.cap) {
        sim.cap = sim.cap ? sim.cap * 2 : 256;
        sim.heap = err_realloc(sim.heap, sim.cap * sizeof *sim.heap);
    }
    size_t i = sim.count++;
    sim.heap[i] = (struct event){sim.now_us + us, sim.order++, fn, ctx, arg};
    for (; i > 0 && is_before(&sim.heap[i], &sim.heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static void sink(void)
{
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < sim.count; child++) {
            if (is_before(&sim.heap[child], &sim.heap[least]))
                least = child;
        }
        if (least == i)
            return;
        swap(i, least);
        i = least;
    }
}

bool sim_run_next(void)
{
    if (sim.count == 0)
        return false;
    struct event e = sim.heap[0];
    sim.heap[0] = sim.heap[--sim.count];
    sink();
    sim.now_us = e.at_us;
    e.fn(e.ctx, e.arg);
    return true;
}

/* --- libev's timers, as far as ingest.c uses them --- */

enum { TIMERS = 32 };

/* Those that run; `loop` is the node they belong to. */
static struct {
    ev_timer *w;
    struct sim_node *node;
    uint64_t life;
    uint64_t id;
} timers[TIMERS];
static uint64_t timer_id;

static void on_timer(void *ctx, uint64_t id)
{
    (void)ctx;
    for (int i = 0; i < TIMERS; i++) {
        if (timers[i].w && timers[i].id == id) {
            ev_timer *w = timers[i].w;
            timers[i].w = NULL;
            w->active = 0;
            w->cb((struct ev_loop *)timers[i].node, w, EV_TIMER);
            return;
        }
    }
}

static void tell_timer(void *ctx, uint64_t id)
{
    (void)ctx;
    for (int i = 0; i < TIMERS; i++) {
        if (timers[i].w && timers[i].id == id)
            sim_node_tell(timers[i].node, timers[i].life, on_timer, NULL, id);
    }
}

void ev_timer_start(struct ev_loop *loop, ev_timer *w)
{
    int i = 0;
    if (w->active)
        return;
    while (i < TIMERS && timers[i].w && timers[i].life == sim_node_life(timers[i].node))
        i++;
    if (i == TIMERS)
        abort();
    w->active = 1;
    timers[i].w = w;
    timers[i].node = (struct sim_node *)loop;
    timers[i].life = sim_node_life(timers[i].node);
    timers[i].id = ++timer_id;
    sim_after((int64_t)(w->at * 1e6), tell_timer, NULL, timer_id);
}

void ev_timer_stop(struct ev_loop *loop, ev_timer *w)
{
    (void)loop;
    w->active = 0;
    for (int i = 0; i < TIMERS; i++) {
        if (timers[i].w == w)
            timers[i].w = NULL;
    }
}

void sim_time_reset(uint64_t seed)
{
    sim.random = seed * 0x2545f4914f6cdd1dU + 1;
    sim.now_us = 1000000;
    sim.order = 0;
    sim.count = 0;
    memset(timers, 0, sizeof timers);
    timer_id = 0;
}
