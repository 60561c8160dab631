/* SPDX-License-Identifier: MIT */
/*
 * The consumer group as its coordinator sees it: a rebalance takes all partitions from all members,
 * waits until they have given them up or the session timeout has passed, and gives them out anew.
 * Who is too late, or silent, is put out, and learns it later.
 */
#include "sim.h"

#include <string.h>

#define SESSION_TIMEOUT_US 2000000
#define LOOK_US            300000
#define TELL_US            1000 /* always the same: what is told is told in order */

enum { MEMBERS = 16 };

static struct member {
    struct sim_node *node; /* NULL: free */
    uint64_t life;
    uint64_t serial;         /* of the membership: what was told to an earlier one is void */
    uint64_t grant;          /* of what it was given last */
    bool joined;             /* false: put out, still holding partitions */
    bool holding;            /* has been given partitions, has not given them up */
    bool told;               /* that it is to give them up */
    int64_t silent_since_us; /* -1: it is not silent */
} members[MEMBERS];

static bool draining;
static uint64_t round_, last_serial, last_grant;

static struct member *find(const struct sim_node *n)
{
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].node == n && members[i].life == sim_node_life(n))
            return &members[i];
    }
    return NULL;
}

static void on_join(void *ctx, uint64_t life)
{
    (void)life;
    sim_group_join(ctx);
}

static void join_later(struct sim_node *n)
{
    sim_node_tell_after(n, sim_between(1000, 300000), on_join, n, 0);
}

/* --- telling --- */

static void on_revoke(void *ctx, uint64_t serial_and_lost)
{
    struct member *m = find(ctx);
    if (!m || m->serial != serial_and_lost / 2 || !m->holding || m->told)
        return;
    m->told = true;
    sim_node_revoke(ctx, serial_and_lost % 2);
}

static void tell_revoke(const struct member *m, bool lost, int64_t after_us)
{
    sim_node_tell_after(m->node, after_us, on_revoke, m->node, m->serial * 2 + lost);
}

/* `grant_and_set`: a bit for each partition, and which grant it is. One that has been taken back
 * before it came is void. */
static void on_assign(void *ctx, uint64_t grant_and_set)
{
    struct member *m = find(ctx);
    struct offsets o;
    if (!m || m->grant != grant_and_set >> SIM_PARTITIONS || !m->holding)
        return;
    offsets_init(&o);
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        if (grant_and_set & 1U << p)
            offsets_add(&o, SIM_TOPIC, p);
    }
    sim_node_assign(ctx, &o);
    offsets_fini(&o);
}

static void give(struct member *m, uint64_t set)
{
    m->holding = true;
    m->told = false;
    m->grant = ++last_grant;
    if (m->life == sim_node_life(m->node))
        sim_node_tell_after(m->node, TELL_US, on_assign, m->node, m->grant << SIM_PARTITIONS | set);
}

/* --- rebalance --- */

static int count_joined(void)
{
    int count = 0;
    for (int i = 0; i < MEMBERS; i++)
        count += members[i].node && members[i].joined;
    return count;
}

static void give_out(void)
{
    int count = count_joined(), turn = 0;
    int first = count ? (int)sim_random((uint32_t)count) : 0;
    for (int i = 0; i < MEMBERS; i++) {
        struct member *m = &members[i];
        uint64_t set = 0;
        if (!m->node || !m->joined)
            continue;
        for (int p = 0; p < sim_plan()->partitions; p++) {
            if (p * count / sim_plan()->partitions == (turn + first) % count)
                set |= 1U << p;
        }
        turn++;
        give(m, set);
    }
}

static void finish_if_drained(void)
{
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].node && members[i].joined && members[i].holding)
            return;
    }
    if (!draining)
        return;
    draining = false;
    give_out();
}

static void put_out(struct member *m)
{
    sim_count(SIM_kicked);
    sim_trace("group: node %d is put out", sim_node_index(m->node));
    m->joined = false;
    if (m->life != sim_node_life(m->node)) {
        m->node = NULL;
    } else if (m->holding) {
        tell_revoke(m, true, sim_between(1000, 1000000));
    } else {
        join_later(m->node);
        m->node = NULL;
    }
}

static void on_deadline(void *ctx, uint64_t of_round)
{
    (void)ctx;
    if (!draining || of_round != round_)
        return;
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].node && members[i].joined && members[i].holding)
            put_out(&members[i]);
    }
    finish_if_drained();
}

void sim_group_rebalance(void)
{
    if (draining)
        return;
    sim_count(SIM_rebalances);
    sim_trace("group: rebalance");
    draining = true;
    round_++;
    for (int i = 0; i < MEMBERS; i++) {
        struct member *m = &members[i];
        if (m->node && m->joined && m->holding && m->life == sim_node_life(m->node))
            tell_revoke(m, false, TELL_US);
    }
    sim_after(SESSION_TIMEOUT_US, on_deadline, NULL, round_);
    finish_if_drained();
}

/* --- members --- */

void sim_group_join(struct sim_node *n)
{
    int i = 0;
    if (find(n))
        return;
    sim_trace("group: node %d joins", sim_node_index(n));
    while (i < MEMBERS && members[i].node)
        i++;
    if (i == MEMBERS)
        sim_fail("too many members");
    members[i] = (struct member){.node = n,
                                 .life = sim_node_life(n),
                                 .serial = ++last_serial,
                                 .joined = true,
                                 .silent_since_us = -1};
    sim_group_rebalance();
}

void sim_group_close(struct sim_node *n)
{
    struct member *m = find(n);
    if (m && m->holding && !m->told) {
        m->told = true;
        sim_node_revoke(n, false);
    }
    m = find(n);
    if (!m)
        return;
    m->node = NULL;
    sim_group_rebalance();
}

void sim_group_released(struct sim_node *n)
{
    struct member *m = find(n);
    if (!m || !m->holding || !m->told)
        sim_fail("partitions given up that were not taken away");
    m->holding = m->told = false;
    sim_count(SIM_releases);
    if (!m->joined) {
        m->node = NULL;
        join_later(n);
    }
    finish_if_drained();
}

/* --- silence --- */

static void look_at(struct member *m)
{
    bool silent = m->life != sim_node_life(m->node) || sim_node_is_paused(m->node);
    if (!silent)
        m->silent_since_us = -1;
    else if (m->silent_since_us < 0)
        m->silent_since_us = sim_now_us();
    if (silent && sim_now_us() - m->silent_since_us >= SESSION_TIMEOUT_US) {
        put_out(m);
        sim_group_rebalance();
        finish_if_drained();
    }
}

static void on_look(void *ctx, uint64_t arg)
{
    for (int i = 0; i < MEMBERS; i++) {
        if (members[i].node && members[i].joined)
            look_at(&members[i]);
        else if (members[i].node && members[i].life != sim_node_life(members[i].node))
            members[i].node = NULL;
    }
    sim_after(LOOK_US, on_look, ctx, arg);
}

void sim_group_reset(void)
{
    memset(members, 0, sizeof members);
    draining = false;
    round_ = last_serial = last_grant = 0;
    sim_after(LOOK_US, on_look, NULL, 0);
}
