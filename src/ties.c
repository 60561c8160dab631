/* SPDX-License-Identifier: MIT */
/*
 * Keys live in two hash tables of equal size, a young and an old one. New keys go into the young
 * one; when it has `memory` keys the old one is emptied and the two change places. So a key is
 * remembered for at least `memory` and at most twice as many later keys, and nothing is ever
 * deleted singly.
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

struct ties {
    enum ties_mode mode;
    bool keep_repeats;
    size_t memory;
    size_t size; /* of each table, power of two, at least twice `memory` */
    struct generation young, old;
    uint64_t lookups;
};

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

/* Neighbours in time are neighbours in the table: the places of a tie, and the search for the next
 * free one, are in a cache line or two. */
static size_t hash(uint32_t pair, int64_t time_us)
{
    uint64_t ms = (uint64_t)time_us / NEAR_US;
    return (size_t)(mix(ms ^ ((uint64_t)pair << 40)) + (uint64_t)time_us % NEAR_US);
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

/* The key if it is remembered; else NULL, and `place` is where it goes. */
static struct key *find(struct ties *t, uint32_t pair, int64_t time_us, struct key **place)
{
    t->lookups++;
    size_t home = hash(pair, time_us) & (t->size - 1);
    __builtin_prefetch(&t->old.keys[home]); /* nearly all are in neither: wait for memory once */
    struct key *k = *place = probe(t, &t->young, home, pair, time_us);
    if (k->pair == 0)
        k = probe(t, &t->old, home, pair, time_us);
    return k->pair ? k : NULL;
}

/* `place`: as just found. */
static struct key *insert(struct ties *t, uint32_t pair, int64_t time_us, struct key *place)
{
    if (t->young.count >= t->memory) {
        struct generation emptied = t->old;
        t->old = t->young;
        t->young = emptied;
        empty(t, &t->young);
        place = probe(t, &t->young, hash(pair, time_us) & (t->size - 1), pair, time_us);
    }
    *place = (struct key){.time_us = time_us, .pair = pair, .run = 1};
    t->young.count++;
    return place;
}

static enum tie spread(struct ties *t, struct key *taken, struct record *r)
{
    uint32_t pair = taken->pair;
    int64_t time_us = r->time_us;
    struct key *place = NULL;
    for (struct key *k = taken; k; k = find(t, pair, time_us, &place))
        time_us += k->run;
    taken->run = (uint32_t)(time_us - r->time_us) + 1;
    insert(t, pair, time_us, place);
    r->time_us = time_us;
    return TIE_SPREAD;
}

enum tie ties_place(struct ties *t, uint32_t slot, struct record *r)
{
    struct key *place;
    struct key *taken = find(t, slot + 1, r->time_us, &place);
    uint64_t seen = !t->keep_repeats && record_is_snapshot(r) ? fingerprint(r) : 0;
    if (!taken) {
        insert(t, slot + 1, r->time_us, place)->seen = seen;
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
