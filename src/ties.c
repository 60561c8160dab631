/* SPDX-License-Identifier: MIT */
/*
 * Keys live in two hash tables of equal size, a young and an old one. New keys go into the young
 * one; when it has `memory` keys the old one is emptied and the two change places. So a key is
 * remembered for at least `memory` and at most twice as many later keys, and nothing is ever
 * deleted singly.
 *
 * Most ticks are later than all before them of their pair, and so have a key of their own: `latest`
 * knows that without a look into the tables, which are larger than a core's cache. What a look
 * would have waited for, the memory where the key goes, is asked for ahead, and the key waits
 * meanwhile.
 *
 * A key that many ticks shared knows how far its run of taken microseconds goes (`run`), so that
 * the n-th tick of a tie finds its place in one or two steps instead of n. And the key that a
 * snapshot came with knows a fingerprint of it, so that the next one equal to it is seen to be a
 * repeat, whatever has come in between for other times.
 */
#include "ties.h"

#include "err.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_US 1024 /* times that are kept together; about the millisecond of event times */

/* Powers of two. Pairs that are as many apart share their latest time: slower, not wrong. */
#define PAIRS_APART 256
#define WAITING_MAX 16

struct key {
    int64_t time_us;
    uint32_t pair; /* slot + 1; 0 = free */
    uint32_t run;  /* this and the following run - 1 microseconds are taken */
    uint64_t seen; /* fingerprint of the last snapshot that came with this key; 0 = none has */
};

struct generation {
    struct key *keys;
    size_t count;
};

/* A key that no table has yet, and where it goes. */
struct waiting {
    struct key key;
    size_t home;
};

struct ties {
    enum ties_mode mode;
    bool keep_repeats;
    size_t memory;
    size_t size; /* of each table, power of two, at least twice `memory` */
    struct generation young, old;
    int64_t latest[PAIRS_APART]; /* no key of these pairs is later */
    struct waiting waiting[WAITING_MAX];
    size_t waited, settled; /* keys that began to wait, and that have gone into the table */
    uint64_t lookups;
};

static void forget_latest(struct ties *t)
{
    for (size_t i = 0; i < PAIRS_APART; i++)
        t->latest[i] = INT64_MIN;
    t->settled = t->waited;
}

struct ties *ties_new(enum ties_mode mode, size_t memory, bool keep_repeats)
{
    struct ties *t = err_calloc(1, sizeof *t);
    t->mode = mode;
    t->keep_repeats = keep_repeats;
    t->memory = memory;
    t->size = 16;
    while (t->size < memory * 2)
        t->size *= 2;
    t->young.keys = err_calloc(t->size, sizeof *t->young.keys);
    t->old.keys = err_calloc(t->size, sizeof *t->old.keys);
    forget_latest(t);
    return t;
}

void ties_free(struct ties *t)
{
    if (!t)
        return;
    free(t->young.keys);
    free(t->old.keys);
    free(t);
}

static void empty(struct ties *t, struct generation *g)
{
    memset(g->keys, 0, t->size * sizeof *g->keys);
    g->count = 0;
}

void ties_forget(struct ties *t)
{
    empty(t, &t->young);
    empty(t, &t->old);
    forget_latest(t);
}

/* Finalizer of MurmurHash3 (A. Appleby, public domain). */
static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdU;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53U;
    h ^= h >> 33;
    return h;
}

/* Where to look for a key first. Neighbours in time are neighbours in the table: the places of a
 * tie, and the search for the next free one, are in a cache line or two. */
static size_t home_of(const struct ties *t, uint32_t pair, int64_t time_us)
{
    uint64_t ms = (uint64_t)time_us / NEAR_US;
    uint64_t hash = mix(ms ^ ((uint64_t)pair << 40)) + (uint64_t)time_us % NEAR_US;
    return (size_t)hash & (t->size - 1);
}

/* Equal for numbers that are equal as stored: one NULL, one zero. */
static uint64_t mix_number(uint64_t h, double v)
{
    uint64_t bits = UINT64_MAX; /* no number's */
    v += 0.0;
    if (!isnan(v))
        memcpy(&bits, &v, sizeof bits);
    return mix(h + bits);
}

/* Of what is stored of a snapshot beside its key; never 0. That two different ones have the same is
 * as likely as guessing 64 bits. */
static uint64_t fingerprint(const struct record *r)
{
    uint64_t h = mix_number(r->exchange_len, r->price);
    h = mix_number(h, r->volume);
    h = mix_number(h, r->bid);
    h = mix_number(h, r->ask);
    for (size_t i = 0; i < r->exchange_len; i++)
        h = (h ^ (uint8_t)r->exchange[i]) * 0x100000001b3U; /* FNV-1a, 64 bit */
    h = mix(h);
    return h ? h : 1;
}

/* The key's place in a table: taken by it, or free. `home` is where to look first. */
static struct key *probe(const struct ties *t, const struct generation *g, size_t home,
                         uint32_t pair, int64_t time_us)
{
    size_t i = home;
    while (g->keys[i].pair != 0 && !(g->keys[i].pair == pair && g->keys[i].time_us == time_us))
        i = (i + 1) & (t->size - 1);
    return &g->keys[i];
}

static int64_t *latest_of(struct ties *t, uint32_t pair)
{
    return &t->latest[pair % PAIRS_APART];
}

/* The key if it is remembered; else NULL, and `place` is where it goes. None may be waiting. */
static struct key *find(struct ties *t, uint32_t pair, int64_t time_us, struct key **place)
{
    t->lookups++;
    size_t home = home_of(t, pair, time_us);
    struct key *k = *place = probe(t, &t->young, home, pair, time_us);
    if (k->pair == 0 && time_us <= *latest_of(t, pair))
        k = probe(t, &t->old, home, pair, time_us);
    return k->pair ? k : NULL;
}

/* `place`: as just found. */
static void insert(struct ties *t, struct key key, struct key *place)
{
    if (t->young.count >= t->memory) {
        struct generation emptied = t->old;
        t->old = t->young;
        t->young = emptied;
        empty(t, &t->young);
        place = probe(t, &t->young, home_of(t, key.pair, key.time_us), key.pair, key.time_us);
    }
    *place = key;
    t->young.count++;
    if (key.time_us > *latest_of(t, key.pair))
        *latest_of(t, key.pair) = key.time_us;
}

static void settle_first(struct ties *t)
{
    const struct waiting *w = &t->waiting[t->settled++ % WAITING_MAX];
    t->lookups++;
    insert(t, w->key, probe(t, &t->young, w->home, w->key.pair, w->key.time_us));
}

static void settle_all(struct ties *t)
{
    while (t->settled != t->waited)
        settle_first(t);
}

/* The key is later than all of its pair. */
static void wait_for_place(struct ties *t, struct key key)
{
    if (t->waited - t->settled == WAITING_MAX)
        settle_first(t);
    size_t home = home_of(t, key.pair, key.time_us);
    __builtin_prefetch(&t->young.keys[home], 1);
    t->waiting[t->waited++ % WAITING_MAX] = (struct waiting){key, home};
    *latest_of(t, key.pair) = key.time_us;
}

static enum tie spread(struct ties *t, struct key *taken, struct record *r)
{
    uint32_t pair = taken->pair;
    int64_t time_us = r->time_us;
    struct key *place = NULL;
    for (struct key *k = taken; k; k = find(t, pair, time_us, &place))
        time_us += k->run;
    taken->run = (uint32_t)(time_us - r->time_us) + 1;
    insert(t, (struct key){.time_us = time_us, .pair = pair, .run = 1}, place);
    r->time_us = time_us;
    return TIE_SPREAD;
}

enum tie ties_place(struct ties *t, uint32_t slot, struct record *r)
{
    uint64_t seen = !t->keep_repeats && record_is_snapshot(r) ? fingerprint(r) : 0;
    struct key key = {.time_us = r->time_us, .pair = slot + 1, .run = 1, .seen = seen};
    if (r->time_us > *latest_of(t, key.pair)) {
        wait_for_place(t, key);
        return TIE_NONE;
    }
    settle_all(t);
    struct key *place;
    struct key *taken = find(t, key.pair, key.time_us, &place);
    if (!taken) {
        insert(t, key, place);
        return TIE_NONE;
    }
    if (seen && taken->seen == seen)
        return TIE_REPEAT;
    if (seen)
        taken->seen = seen;
    switch (t->mode) {
    case TIES_MODE_SPREAD:
        return spread(t, taken, r);
    case TIES_MODE_FIRST:
        return TIE_DROPPED;
    case TIES_MODE_LAST:
        return TIE_REPLACES;
    }
    return TIE_NONE;
}

uint64_t ties_lookups(const struct ties *t)
{
    return t->lookups;
}
