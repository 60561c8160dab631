/* SPDX-License-Identifier: MIT */
#include "generator.h"

#include "garbage.h"
#include "schedule.h"
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MS_NS     INT64_C(1000000)
#define ROWS_MAX  64 /* of one message */
#define BATCH_MAX 8  /* rows of one symbol in a message */

/* One in so many messages of the channel prices is a sheet: many symbols at one time. */
#define SHEET_ONE_IN 30

/* The last snapshot of one symbol and time: what a repeat repeats. */
struct snapshot {
    int64_t time_ms; /* 0 = none */
    enum kind kind;  /* KIND_BBO or KIND_PRICES */
    struct tick tick;
};

/* Times that a group can still fall on: late ones are that close behind the newest. */
#define RECENT_MS 128
_Static_assert(PROFILE_LATE_MAX_MS < RECENT_MS, "every time a late group can have is kept");

/* The state of one pair. */
struct market {
    int64_t mid;                       /* in ticks */
    int64_t newest_ms;                 /* event time of its newest group; 0 = none yet */
    struct snapshot recent[RECENT_MS]; /* by time, modulo their number */
};

/* Rows that share symbol and event time. */
struct group {
    struct market *market;
    uint32_t left;
    struct tick tick; /* what the rows have in common, and the latest of them */
    bool traded;      /* tick.price and lots are those of a trade in this group */
};

struct generator {
    struct rng rng;
    struct profile profile;
    const struct instruments *set;
    struct market *markets; /* one for each instrument */
    uint32_t *weights;      /* sums of the instruments' weights */
    struct schedule schedule;
    struct shaper shaper;
    struct group group;
    uint32_t kind_weights; /* their sum */
    struct instrument stranger;
    int64_t seq;
    struct tick rows[ROWS_MAX];
};

struct generator *generator_new(const struct generator_options *options,
                                const struct instruments *set)
{
    struct generator *g = err_calloc(1, sizeof *g);
    g->profile = options->profile;
    g->set = set;
    rng_init(&g->rng, options->seed);
    schedule_init(&g->schedule, options->start_ns, options->rate_milli, options->total,
                  g->profile.bursts, &g->rng);
    shaper_init(&g->shaper, &g->rng, &g->profile, options->sequence);

    g->markets = err_calloc(set->count, sizeof *g->markets);
    g->weights = err_calloc(set->count, sizeof *g->weights);
    uint32_t sum = 0;
    for (size_t i = 0; i < set->count; i++) {
        g->markets[i].mid = set->list[i].start_ticks;
        g->weights[i] = sum += set->list[i].weight;
    }
    for (size_t i = 0; i < KIND_COUNT; i++)
        g->kind_weights += g->profile.weight[i];
    return g;
}

void generator_free(struct generator *g)
{
    if (!g)
        return;
    shaper_fini(&g->shaper);
    free(g->markets);
    free(g->weights);
    free(g);
}

static size_t draw_pair(struct generator *g)
{
    uint32_t at = rng_below(&g->rng, g->weights[g->set->count - 1]);
    size_t i = 0;
    while (at >= g->weights[i])
        i++;
    return i;
}

static enum kind draw_kind(struct generator *g)
{
    uint32_t at = rng_below(&g->rng, g->kind_weights);
    int kind = 0;
    while (at >= g->profile.weight[kind])
        at -= g->profile.weight[kind++];
    return (enum kind)kind;
}

/* A random walk in steps of up to half a basis point, which turns back a quarter away from where it
 * began. */
static void move_price(struct generator *g, struct market *m, const struct instrument *pair)
{
    int64_t step = m->mid / 20000 + 1;
    int64_t reach = pair->start_ticks / 4;
    m->mid += rng_between(&g->rng, -step, step);
    if (m->mid > pair->start_ticks + reach)
        m->mid -= step;
    if (m->mid < pair->start_ticks - reach)
        m->mid += step;
    if (m->mid < 2)
        m->mid = 2;
}

/* The quote around the mid: a spread of one step or some, locked or crossed now and then. */
static void draw_quote(struct generator *g, const struct market *m, struct tick *t)
{
    int64_t spread = m->mid / 40000 + 1;
    t->bid = m->mid - rng_between(&g->rng, 1, spread);
    t->ask = t->bid + rng_between(&g->rng, 1, spread);
    if (rng_chance(&g->rng, g->profile.crossed))
        t->ask = t->bid - (t->bid > 1 ? rng_between(&g->rng, 0, 1) : 0);
}

static void draw_row(struct generator *g, const struct market *m, struct tick *t)
{
    draw_quote(g, m, t);
    t->price = rng_chance(&g->rng, PPM / 2) ? t->bid : t->ask;
    t->lots = profile_draw_lots(&g->rng);
    t->mark_tenths = m->mid * 10 + rng_between(&g->rng, -9, 9);
    t->day_lots = rng_between(&g->rng, 1000000, 4000000000);
}

/* The event time of a group that arrives now: a new one of its pair, or, if it is late, an old one.
 */
static int64_t draw_time(struct generator *g, struct market *m, int64_t arrival_ms)
{
    int64_t time_ms = arrival_ms - (g->profile.bursts ? profile_draw_delay_ms(&g->rng) : 0);
    if (m->newest_ms > 0 && rng_chance(&g->rng, g->profile.late))
        return m->newest_ms - profile_draw_late_ms(&g->rng);
    if (time_ms <= m->newest_ms)
        time_ms = m->newest_ms < arrival_ms ? m->newest_ms + 1 : m->newest_ms;
    m->newest_ms = time_ms;
    return time_ms;
}

static void start_group(struct generator *g, int64_t arrival_ns)
{
    size_t i = draw_pair(g);
    struct group *group = &g->group;
    group->market = &g->markets[i];
    group->left = g->profile.ties ? profile_draw_ties(&g->rng) : 1;
    group->traded = false;
    group->tick.pair = &g->set->list[i];
    group->tick.time_ms = draw_time(g, group->market, arrival_ns / MS_NS);
    move_price(g, group->market, group->tick.pair);
}

/* The next row of the group, as a trade or a tick. */
static void draw_trade(struct generator *g, struct tick *t)
{
    struct group *group = &g->group;
    bool equal = group->traded && rng_chance(&g->rng, g->profile.equal_trades);
    if (!equal)
        draw_row(g, group->market, &group->tick);
    group->traded = true;
    group->tick.seq = ++g->seq;
    *t = group->tick;
}

static bool is_same(enum kind kind, const struct tick *a, const struct tick *b)
{
    if (kind == KIND_BBO)
        return a->bid == b->bid && a->ask == b->ask;
    return a->mark_tenths == b->mark_tenths && a->price == b->price && a->day_lots == b->day_lots;
}

/* The next row of the group as a snapshot. It repeats the one before in every field that counts, or
 * never, not even by chance. */
static void draw_snapshot(struct generator *g, enum kind kind, struct tick *t, struct fates *f)
{
    struct group *group = &g->group;
    int64_t time_ms = group->tick.time_ms;
    struct snapshot *s = &group->market->recent[time_ms % RECENT_MS];
    bool could_repeat = s->time_ms == time_ms && s->kind == kind;
    *t = could_repeat ? s->tick : group->tick;
    if (could_repeat && g->shaper.sequence != SEQUENCE_VOLUME &&
        rng_chance(&g->rng, g->profile.repeats)) {
        f->repeats++;
    } else {
        do {
            if (could_repeat)
                move_price(g, group->market, group->tick.pair);
            draw_row(g, group->market, t);
            t->price = group->market->mid;
        } while (could_repeat && is_same(kind, t, &s->tick));
    }
    t->seq = ++g->seq;
    *s = (struct snapshot){time_ms, kind, *t};
}

/* How many rows the next message takes, of `most` at most. */
static uint32_t draw_batch(struct generator *g, uint32_t most)
{
    if (most < 2 || !rng_chance(&g->rng, g->profile.batches))
        return 1;
    most = most < BATCH_MAX ? most : BATCH_MAX;
    return 2 + rng_below(&g->rng, most - 1);
}

static void write_trades(struct generator *g, enum kind kind, struct buf *b)
{
    uint32_t count = draw_batch(g, g->group.left);
    for (uint32_t i = 0; i < count; i++)
        draw_trade(g, &g->rows[i]);
    g->group.left -= count;
    if (kind == KIND_CANONICAL)
        shape_canonical(&g->shaper, b, g->rows, count);
    else
        shape_trades(&g->shaper, b, g->rows, count);
}

static void write_bbo(struct generator *g, struct buf *b, struct fates *f)
{
    draw_snapshot(g, KIND_BBO, &g->rows[0], f);
    g->group.left--;
    shape_bbo(&g->shaper, b, &g->rows[0]);
}

/* Rows of other pairs at the group's time, behind the group's own. It is new to them, and stays
 * without another snapshot: this message goes to another partition than theirs, so that nobody
 * could tell which of two came first. */
static uint32_t add_sheet(struct generator *g, uint32_t count)
{
    int64_t time_ms = g->group.tick.time_ms;
    uint32_t most = 1 + rng_below(&g->rng, ROWS_MAX / 2);
    for (size_t i = 0; i < g->set->count && count < most; i++) {
        struct market *m = &g->markets[i];
        if (m == g->group.market || m->newest_ms >= time_ms)
            continue;
        m->newest_ms = time_ms;
        struct tick *t = &g->rows[count++];
        *t = (struct tick){.pair = &g->set->list[i], .time_ms = time_ms, .seq = ++g->seq};
        draw_row(g, m, t);
        t->price = m->mid;
        m->recent[time_ms % RECENT_MS].time_ms = 0;
    }
    return count;
}

static void write_prices(struct generator *g, struct buf *b, struct fates *f)
{
    uint32_t count = 1;
    draw_snapshot(g, KIND_PRICES, &g->rows[0], f);
    g->group.left--;
    if (g->profile.batches > 0 && rng_below(&g->rng, SHEET_ONE_IN) == 0)
        count = add_sheet(g, count);
    shape_prices(&g->shaper, b, g->rows, count);
}

static void write_relay(struct generator *g, struct buf *b, int64_t arrival_ns, struct fates *f)
{
    static const enum kind inners[] = {KIND_PRICES, KIND_TRADES, KIND_BBO};
    enum kind inner = inners[rng_below(&g->rng, COUNT(inners))];
    struct tick *t = &g->rows[0];
    if (inner == KIND_TRADES)
        draw_trade(g, t);
    else
        draw_snapshot(g, inner, t, f);
    g->group.left--;
    shape_relay(&g->shaper, b, inner, t, arrival_ns / 1000);
}

static void write_ticks(struct generator *g, struct buf *b, int64_t arrival_ns, struct fates *f)
{
    int64_t first = g->seq;
    uint64_t repeats = f->repeats;
    enum kind kind = draw_kind(g);
    if (g->group.left == 0)
        start_group(g, arrival_ns);
    switch (kind) {
    case KIND_CANONICAL:
    case KIND_TRADES:
        write_trades(g, kind, b);
        break;
    case KIND_BBO:
        write_bbo(g, b, f);
        break;
    case KIND_PRICES:
        write_prices(g, b, f);
        break;
    case KIND_RELAY:
    case KIND_COUNT:
        write_relay(g, b, arrival_ns, f);
        break;
    }
    repeats = f->repeats - repeats;
    f->items += (uint64_t)(g->seq - first);
    f->ignored += repeats;
    f->ticks += (uint64_t)(g->seq - first) - repeats;
}

/* A tick of a random pair that belongs to no group. */
static struct tick draw_single(struct generator *g, int64_t arrival_ns)
{
    size_t i = draw_pair(g);
    struct tick t = {.pair = &g->set->list[i], .time_ms = arrival_ns / MS_NS};
    draw_row(g, &g->markets[i], &t);
    return t;
}

/* A name like those that turn up before somebody has listed them, and is not in the set. */
static void draw_stranger(struct generator *g, const struct instrument *like)
{
    static const char *const names[] = {"NEWCOIN",  "WIF",      "btc",   "BTC-PERP",
                                        "SOL-USDC", "1000SHIB", "kbonk", "ETHUSDT"};
    const char *name = names[rng_below(&g->rng, COUNT(names))];
    g->stranger = *like;
    memset(g->stranger.symbol, 0, sizeof g->stranger.symbol);
    memcpy(g->stranger.symbol, name, strlen(name));
    char *last = &g->stranger.symbol[strlen(name) - 1];
    while (instruments_find(g->set, g->stranger.symbol, strlen(name)))
        *last = *last == 'Z' ? 'A' : (char)(*last + 1);
}

static void write_unknown(struct generator *g, struct buf *b, int64_t arrival_ns, struct fates *f)
{
    struct tick t = draw_single(g, arrival_ns);
    draw_stranger(g, t.pair);
    t.pair = &g->stranger;
    t.seq = ++g->seq;
    switch (draw_kind(g)) {
    case KIND_CANONICAL:
        shape_canonical(&g->shaper, b, &t, 1);
        break;
    case KIND_TRADES:
        shape_trades(&g->shaper, b, &t, 1);
        break;
    case KIND_BBO:
        shape_bbo(&g->shaper, b, &t);
        break;
    case KIND_PRICES:
        shape_prices(&g->shaper, b, &t, 1);
        break;
    case KIND_RELAY:
    case KIND_COUNT:
        shape_relay(&g->shaper, b, KIND_TRADES, &t, arrival_ns / 1000);
        break;
    }
    f->items++;
    f->rejected[REJECT_UNKNOWN_SYMBOL]++;
}

static void write_garbage(struct generator *g, struct buf *b, int64_t arrival_ns, struct fates *f)
{
    struct tick t = draw_single(g, arrival_ns);
    size_t sort = rng_below(&g->rng, (uint32_t)garbage_count());
    f->items++;
    f->rejected[garbage_put(sort, b, &t)]++;
}

static void write_control(struct generator *g, struct buf *b, int64_t arrival_ns, struct fates *f)
{
    struct tick t = draw_single(g, arrival_ns);
    shape_control(&g->shaper, b, &t);
    f->items++;
    f->ignored++;
}

int64_t generator_next(struct generator *g, struct buf *b, struct fates *f)
{
    const struct profile *p = &g->profile;
    uint32_t at = rng_below(&g->rng, PPM);
    int64_t arrival_ns = schedule_next(&g->schedule, g->group.left > 0, &g->rng);
    f->messages++;
    if (at < p->garbage)
        write_garbage(g, b, arrival_ns, f);
    else if (at < p->garbage + p->unknown)
        write_unknown(g, b, arrival_ns, f);
    else if (at < p->garbage + p->unknown + p->control)
        write_control(g, b, arrival_ns, f);
    else
        write_ticks(g, b, arrival_ns, f);
    return arrival_ns;
}
