/* SPDX-License-Identifier: MIT */
/*
 * One tickd: the real parts wired as app.c wires them, with a model of the Kafka client, of the
 * service session, and of what can happen to a process.
 */
#include "sim.h"

#include "clock.h"
#include "config.h"
#include "err.h"
#include "fake_pairs.h"
#include "writers.h"
#include <stdlib.h>
#include <string.h>

#define SHUTDOWN_US 2000000

struct told {
    sim_event_fn *fn;
    void *ctx;
    uint64_t arg;
};

struct sim_node {
    int index;
    uint64_t life;
    bool alive, paused, stopping, closing;
    int64_t durable[SIM_PARTITIONS]; /* as last said */
    struct config config;
    struct writers *writers;
    struct pairs *pairs;
    int64_t wake_us; /* when a wake-up is under way, or -1 */

    /* The Kafka client. */
    bool assigned; /* the group has given partitions, and not got them back */
    bool fetching;
    struct offsets at; /* `expected`: where it reads on */
    bool gap_told[SIM_PARTITIONS];
    struct shown { /* by lane */
        const struct sim_message *message;
        size_t partition;
    } shown[SIM_WRITERS_MAX];

    struct told *backlog; /* while paused */
    size_t told_count, told_cap;
};

static struct sim_node nodes[SIM_NODES];

struct sim_node *sim_node(int i)
{
    return &nodes[i];
}

int sim_node_index(const struct sim_node *n)
{
    return n->index;
}

bool sim_node_is_alive(const struct sim_node *n)
{
    return n->alive;
}

bool sim_node_is_paused(const struct sim_node *n)
{
    return n->alive && n->paused;
}

uint64_t sim_node_life(const struct sim_node *n)
{
    return n->life;
}

/* --- the Kafka client --- */

static void forget_shown(struct sim_node *n)
{
    memset(n->shown, 0, sizeof n->shown);
}

static bool is_shown(const struct sim_node *n, size_t partition)
{
    const struct shown *shown = &n->shown[partition % (size_t)n->config.writers];
    return shown->message && shown->partition == partition;
}

static void look_for_gaps(struct sim_node *n)
{
    for (size_t i = 0; n->fetching && i < n->at.count; i++) {
        const struct partition *p = &n->at.items[i];
        int64_t low = sim_log_low(p->id);
        if (p->stopped || n->gap_told[i] || p->expected >= low || is_shown(n, i))
            continue;
        sim_count(SIM_gaps);
        n->gap_told[i] = true;
        writers_on_gap(n->writers, (uint32_t)i, low, sim_log_high(p->id));
    }
}

static bool show_next(struct sim_node *n, size_t lane)
{
    struct shown *shown = &n->shown[lane];
    size_t turn = n->at.count ? sim_random((uint32_t)n->at.count) : 0;
    for (size_t tries = 0; !shown->message && n->fetching && tries < n->at.count; tries++) {
        size_t i = (turn + tries) % n->at.count;
        struct partition *p = &n->at.items[i];
        if (i % (size_t)n->config.writers != lane || p->stopped || p->expected < sim_log_low(p->id))
            continue;
        shown->message = sim_log_next(p->id, p->expected);
        shown->partition = i;
        if (shown->message)
            p->expected = shown->message->offset + 1;
    }
    return shown->message != NULL;
}

static bool take_one(struct sim_node *n, size_t lane)
{
    struct shown *shown = &n->shown[lane];
    struct message m = {.partition = (uint32_t)shown->partition,
                        .offset = shown->message->offset,
                        .timestamp_ms = MESSAGE_NO_TIME,
                        .payload = shown->message->payload,
                        .payload_len = strlen(shown->message->payload)};
    if (!writers_take(n->writers, &m, clock_now()))
        return false;
    shown->message = NULL;
    return true;
}

static void take_lane(struct sim_node *n, size_t lane)
{
    for (int64_t budget = sim_between(1, 20); budget > 0; budget--) {
        if (!writers_want_input(n->writers, lane) || !show_next(n, lane) || !take_one(n, lane))
            return;
    }
}

static void take_input(struct sim_node *n)
{
    look_for_gaps(n);
    for (size_t lane = 0; lane < (size_t)n->config.writers; lane++)
        take_lane(n, lane);
}

void sim_node_rewind(struct sim_node *n)
{
    if (!n->alive || !n->fetching || n->at.count == 0)
        return;
    struct partition *p = &n->at.items[sim_random((uint32_t)n->at.count)];
    int64_t back = sim_between(1, 30);
    int64_t low = sim_log_low(p->id);
    if (p->expected - back >= low) {
        sim_count(SIM_broker_rewinds);
        p->expected -= back;
    }
}

/* --- the loop --- */

static void on_wake(void *ctx, uint64_t arg)
{
    struct sim_node *n = ctx;
    (void)arg;
    n->wake_us = -1;
}

static void arm_wake(struct sim_node *n)
{
    int64_t at = writers_wake_us(n->writers);
    if (at == INT64_MAX || (n->wake_us >= sim_now_us() && n->wake_us <= at))
        return;
    n->wake_us = at > sim_now_us() ? at : sim_now_us();
    sim_node_tell_after(n, n->wake_us - sim_now_us(), on_wake, n, 0);
}

static void exit_later(struct sim_node *n);

/* kafka_close(): gives back what it holds, leaves the group, and the process ends. */
static void close_when_drained(struct sim_node *n)
{
    if (!n->stopping || n->closing || !writers_are_drained(n->writers))
        return;
    n->closing = true;
    sim_group_close(n);
    exit_later(n);
}

static void advance(struct sim_node *n)
{
    writers_step(n->writers, clock_now());
    take_input(n);
    writers_step(n->writers, clock_now());
    close_when_drained(n);
    arm_wake(n);
}

static void run(struct sim_node *n, const struct told *t)
{
    uint64_t life = n->life;
    t->fn(t->ctx, t->arg);
    if (n->life == life && n->alive && !n->closing)
        advance(n);
}

void sim_node_tell(struct sim_node *n, uint64_t life, sim_event_fn *fn, void *ctx, uint64_t arg)
{
    struct told t = {fn, ctx, arg};
    if (!n->alive || n->life != life)
        return;
    if (!n->paused) {
        run(n, &t);
        return;
    }
    if (n->told_count == n->told_cap) {
        n->told_cap = n->told_cap ? n->told_cap * 2 : 16;
        n->backlog = err_realloc(n->backlog, n->told_cap * sizeof *n->backlog);
    }
    n->backlog[n->told_count++] = t;
}

/* What is on its way to a node. */
struct letter {
    struct sim_node *node;
    uint64_t life;
    struct told told;
    struct letter *next; /* to be used again */
    struct letter *also; /* of all there are */
};
static struct letter *spare, *letters;

static void on_arrival(void *ctx, uint64_t arg)
{
    struct letter *l = ctx;
    struct letter copy = *l;
    (void)arg;
    l->next = spare;
    spare = l;
    sim_node_tell(copy.node, copy.life, copy.told.fn, copy.told.ctx, copy.told.arg);
}

void sim_node_tell_after(struct sim_node *n, int64_t us, sim_event_fn *fn, void *ctx, uint64_t arg)
{
    struct letter *l = spare;
    if (l) {
        spare = l->next;
    } else {
        l = err_malloc(sizeof *l);
        l->also = letters;
        letters = l;
    }
    *l = (struct letter){n, n->life, {fn, ctx, arg}, NULL, l->also};
    sim_after(us, on_arrival, l, 0);
}

static void on_poll(void *ctx, uint64_t arg)
{
    sim_node_tell_after(ctx, sim_between(1000, 30000), on_poll, ctx, arg);
}

/* --- what the writers ask for --- */

static void op_assign(void *ctx, const struct offsets *o)
{
    struct sim_node *n = ctx;
    if (!n->assigned)
        sim_fail("an assignment nobody asked for");
    offsets_copy(&n->at, o);
    for (size_t i = 0; i < o->count; i++)
        n->durable[o->items[i].id] = o->items[i].durable; /* read, a moment ago or longer */
    n->fetching = true;
    memset(n->gap_told, 0, sizeof n->gap_told);
    forget_shown(n);
}

static void op_release(void *ctx)
{
    struct sim_node *n = ctx;
    if (!n->assigned)
        sim_fail("released twice");
    sim_trace("node %d: released", n->index);
    n->assigned = n->fetching = false;
    forget_shown(n);
    sim_group_released(n);
}

/* What is said to be durable is. (The others may not know yet that the database went back.) */
static void op_committed(void *ctx)
{
    struct sim_node *n = ctx;
    const struct offsets *o = writers_offsets(n->writers);
    for (size_t i = 0; i < o->count; i++) {
        int id = o->items[i].id;
        int64_t durable = o->items[i].durable, stored = sim_tables()->offsets[id].next;
        if (durable > n->durable[id] && durable > stored)
            sim_fail("partition %d taken for durable up to %lld, is at %lld", id,
                     (long long)durable, (long long)stored);
        n->durable[id] = durable;
    }
}

static void op_broken(void *ctx)
{
    (void)ctx;
    sim_fail("broken");
}

static void on_pairs(void *ctx, uint64_t arg)
{
    struct sim_node *n = ctx;
    if (!sim_server_is_up()) {
        sim_node_tell_after(n, 100000, on_pairs, n, arg);
        return;
    }
    fake_pairs_load(n->pairs, sim_pairs_list());
    writers_on_pairs(n->writers);
}

static void op_refresh_pairs(void *ctx)
{
    sim_count(SIM_unknown_held);
    sim_node_notify_pairs(ctx);
}

void sim_node_notify_pairs(struct sim_node *n)
{
    sim_node_tell_after(n, sim_between(500, 20000), on_pairs, n, 0);
}

static void on_schema(void *ctx, const struct schema_report *report)
{
    (void)ctx;
    (void)report;
}

/* Where Kafka begins; or it does not know now. */
static void on_start(void *ctx, uint64_t set)
{
    struct sim_node *n = ctx;
    struct offsets found;
    if (sim_chance(sim_plan()->refuse * 3)) {
        sim_count(SIM_no_start);
        writers_on_start(n->writers, NULL, "no broker");
        return;
    }
    offsets_init(&found);
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        if (set & 1U << p) {
            size_t i = offsets_add(&found, SIM_TOPIC, p);
            found.items[i].expected = sim_log_low(p);
        }
    }
    writers_on_start(n->writers, &found, NULL);
    offsets_fini(&found);
}

static void op_find_start(void *ctx, const struct offsets *missing)
{
    uint64_t set = 0;
    for (size_t i = 0; i < missing->count; i++)
        set |= 1U << missing->items[i].id;
    sim_node_tell_after(ctx, sim_between(1000, 50000), on_start, ctx, set);
}

/* --- instead of schema.c: every schema is good --- */

const char schema_sql[] = "SCHEMA";

bool schema_evaluate(const struct schema_options *options, const PGresult *result,
                     struct schema_report *report, struct err *e)
{
    (void)options;
    (void)result;
    (void)e;
    report->count = 0;
    report->fk.min_rows = sim_plan()->fk_rows;
    return true;
}

bool schema_is_usable(const struct schema_report *report)
{
    return report->count == 0;
}

/* --- what the group says --- */

void sim_node_assign(struct sim_node *n, const struct offsets *partitions)
{
    sim_trace("node %d: given %zu partitions", n->index, partitions->count);
    n->assigned = true;
    writers_on_assign(n->writers, partitions);
}

/* What is given and taken again before the client has seen it, tickd never hears of. */
void sim_node_revoke(struct sim_node *n, bool lost)
{
    sim_trace("node %d: %s", n->index, lost ? "lost its partitions" : "is to release");
    if (!n->assigned)
        sim_group_released(n);
    else
        writers_on_revoke(n->writers, lost, clock_now());
}

/* --- life --- */

static void make_config(struct sim_node *n)
{
    static char group[] = SIM_GROUP, url[] = "";
    n->config = (struct config){
        .database_url = url,
        .group = group,
        .ties = (enum config_ties)sim_plan()->ties,
        .retry_min_ms = 10,
        .retry_max_ms = 1000,
        .writers = sim_plan()->writers,
    };
}

static void make_writers(struct sim_node *n)
{
    const struct sim_plan *plan = sim_plan();
    struct pipeline_options options = {
        .decode = {.max_message_bytes = 1000000, .max_ticks = 1000},
        .validate = {.max_ahead_us = INT64_C(3600000000)},
        .limits = plan->limits,
        .ties = plan->ties,
        .tie_memory = plan->tie_memory,
        .keep_repeats = plan->keep_repeats,
        .jump_gaps = plan->jump_gaps,
        .pairs_refresh_min_us = 200000,
        .release_timeout_us = 500000,
        .retry_min_ms = 10,
        .retry_max_ms = 1000,
    };
    struct writers_ops ops = {
        .assign = op_assign,
        .release = op_release,
        .find_start = op_find_start,
        .refresh_pairs = op_refresh_pairs,
        .committed = op_committed,
        .broken = op_broken,
        .on_schema = on_schema,
        .ctx = n,
    };
    sim_pg_set_owner(n);
    n->writers = writers_new((struct ev_loop *)n, &n->config, &options, n->pairs, &ops);
    writers_set_owner(n->writers, SIM_GROUP, SIM_CLUSTER);
}

static void on_join(void *ctx, uint64_t arg)
{
    (void)arg;
    sim_group_join(ctx);
}

void sim_node_start(struct sim_node *n)
{
    if (n->alive)
        return;
    sim_trace("node %d: starts", n->index);
    n->life++;
    n->alive = true;
    n->paused = n->stopping = n->closing = n->assigned = n->fetching = false;
    memset(n->durable, 0, sizeof n->durable);
    n->wake_us = -1;
    forget_shown(n);
    make_config(n);
    n->pairs = pairs_new();
    make_writers(n);
    writers_start(n->writers);
    sim_node_notify_pairs(n);
    on_poll(n, 0);
    sim_node_tell_after(n, sim_between(1000, 500000), on_join, n, 0);
}

static void count_stats(const struct sim_node *n)
{
    struct pipeline_stats s = writers_stats(n->writers);
    sim_count_more(SIM_resolved, s.unknown_commits);
    sim_count_more(SIM_rewinds, s.rewinds);
}

/* The process is gone, without a word. */
static void end_process(struct sim_node *n)
{
    count_stats(n);
    n->alive = false;
    n->life++;
    n->told_count = 0;
    writers_free(n->writers);
    pairs_free(n->pairs);
}

void sim_node_kill(struct sim_node *n)
{
    if (!n->alive)
        return;
    sim_count(SIM_kills);
    sim_trace("node %d: killed", n->index);
    end_process(n);
}

static void on_exit_time(void *ctx, uint64_t arg)
{
    (void)arg;
    end_process(ctx);
}

static void exit_later(struct sim_node *n)
{
    sim_node_tell_after(n, 1000, on_exit_time, n, 0);
}

/* SIGTERM: drains within a time. */
void sim_node_stop(struct sim_node *n)
{
    if (!n->alive || n->paused || n->stopping)
        return;
    sim_count(SIM_stops);
    sim_trace("node %d: is to stop", n->index);
    n->stopping = true;
    writers_stop(n->writers);
    sim_node_tell_after(n, SHUTDOWN_US, on_exit_time, n, 0);
    advance(n);
}

void sim_node_pause(struct sim_node *n)
{
    if (!n->alive || n->paused)
        return;
    sim_count(SIM_pauses);
    sim_trace("node %d: paused", n->index);
    n->paused = true;
}

void sim_node_resume(struct sim_node *n)
{
    if (!n->alive || !n->paused)
        return;
    sim_trace("node %d: goes on", n->index);
    n->paused = false;
    for (size_t i = 0; i < n->told_count && n->alive; i++)
        run(n, &n->backlog[i]);
    n->told_count = 0;
}

void sim_node_resync(struct sim_node *n)
{
    if (!n->alive || n->paused)
        return;
    sim_count(SIM_resyncs);
    writers_resync(n->writers);
    advance(n);
}

bool sim_node_has_stopped(const struct sim_node *n)
{
    return n->alive && writers_facts(n->writers).stopped > 0;
}

bool sim_node_has_stopped_at(const struct sim_node *n, int partition, int64_t offset)
{
    const struct offsets *o = n->alive ? writers_offsets(n->writers) : NULL;
    for (size_t i = 0; o && i < o->count; i++) {
        const struct partition *p = &o->items[i];
        if (p->id == partition && p->stopped && p->gap_low == OFFSETS_UNKNOWN)
            return p->expected == offset;
    }
    return false;
}

void sim_nodes_make(void)
{
    for (int i = 0; i < SIM_NODES; i++) {
        nodes[i].index = i;
        nodes[i].life = 0;
        nodes[i].alive = nodes[i].paused = false;
        offsets_init(&nodes[i].at);
    }
}

void sim_nodes_free(void)
{
    for (int i = 0; i < SIM_NODES; i++) {
        if (nodes[i].alive)
            end_process(&nodes[i]);
        offsets_fini(&nodes[i].at);
        free(nodes[i].backlog);
        memset(&nodes[i], 0, sizeof nodes[i]);
    }
    while (letters) {
        struct letter *also = letters->also;
        free(letters);
        letters = also;
    }
    spare = NULL;
}
