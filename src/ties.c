/* SPDX-License-Identifier: MIT */
/*
 * Keys live in two hash tables of equal size, a young and an old one. New keys go into the young
 * one; when it has `memory` keys the old one is emptied and the two change places. So a key is
 * remembered for at least `memory` and at most twice as many later keys, and nothing is ever
 * deleted singly.
 *
 * A key that many ticks shared knows how far its run of taken microseconds goes (`run`), so that
 * the n-th tick of a tie finds its place in one or two steps instead of n.
 */
#include "ties.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

struct key {
    int64_t time_us;
    uint32_t pair; /* slot + 1; 0 = free */
    uint32_t run;  /* this and the following run - 1 microseconds are taken */
};

struct generation {
    struct key *keys;
    size_t count;
};

/* The latest snapshot of a pair on each snapshot channel. */
struct latest {
    bool known[SOURCE_COUNT];
    struct record record[SOURCE_COUNT];
};

struct ties {
    enum ties_mode mode;
    bool keep_repeats;
    size_t memory;
    size_t size; /* of each table, power of two, at least twice `memory` */
    struct generation young, old;
    struct latest *latest; /* by slot */
    size_t latest_count;
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
    free(t->latest);
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
    for (size_t i = 0; i < t->latest_count; i++)
        memset(t->latest[i].known, 0, sizeof t->latest[i].known);
}

/* Finalizer of MurmurHash3 (A. Appleby, public domain), over time and pair folded together. */
static size_t hash(uint32_t pair, int64_t time_us)
{
    uint64_t h = (uint64_t)time_us ^ ((uint64_t)pair << 40);
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdU;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53U;
    h ^= h >> 33;
    return (size_t)h;
}

/* The key's place in a table: taken by it, or free. */
static struct key *probe(const struct ties *t, const struct generation *g, uint32_t pair,
                         int64_t time_us)
{
    size_t i = hash(pair, time_us) & (t->size - 1);
    while (g->keys[i].pair != 0 && !(g->keys[i].pair == pair && g->keys[i].time_us == time_us))
        i = (i + 1) & (t->size - 1);
    return &g->keys[i];
}

static struct key *find(const struct ties *t, uint32_t pair, int64_t time_us)
{
    struct key *k = probe(t, &t->young, pair, time_us);
    if (k->pair == 0)
        k = probe(t, &t->old, pair, time_us);
    return k->pair ? k : NULL;
}

static void insert(struct ties *t, uint32_t pair, int64_t time_us)
{
    if (t->young.count == t->memory) {
        struct generation emptied = t->old;
        t->old = t->young;
        t->young = emptied;
        empty(t, &t->young);
    }
    struct key *k = probe(t, &t->young, pair, time_us);
    *k = (struct key){.time_us = time_us, .pair = pair, .run = 1};
    t->young.count++;
}

static enum tie spread(struct ties *t, struct key *taken, struct record *r)
{
    uint32_t pair = taken->pair;
    int64_t time_us = r->time_us;
    for (struct key *k = taken; k; k = find(t, pair, time_us))
        time_us += k->run;
    taken->run = (uint32_t)(time_us - r->time_us) + 1;
    insert(t, pair, time_us);
    r->time_us = time_us;
    return TIE_SPREAD;
}

static struct latest *latest_of(struct ties *t, uint32_t slot)
{
    if (slot >= t->latest_count) {
        size_t count = t->latest_count ? t->latest_count : 32;
        while (count <= slot)
            count *= 2;
        t->latest = err_realloc(t->latest, count * sizeof *t->latest);
        memset(t->latest + t->latest_count, 0, (count - t->latest_count) * sizeof *t->latest);
        t->latest_count = count;
    }
    return &t->latest[slot];
}

static bool is_repeat(struct ties *t, uint32_t slot, const struct record *r)
{
    struct latest *latest = latest_of(t, slot);
    if (latest->known[r->source] && record_equal(&latest->record[r->source], r))
        return true;
    latest->known[r->source] = true;
    latest->record[r->source] = *r;
    return false;
}

enum tie ties_place(struct ties *t, uint32_t slot, struct record *r)
{
    if (!t->keep_repeats && record_is_snapshot(r) && is_repeat(t, slot, r))
        return TIE_REPEAT;
    struct key *taken = find(t, slot + 1, r->time_us);
    if (!taken) {
        insert(t, slot + 1, r->time_us);
        return TIE_NONE;
    }
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
