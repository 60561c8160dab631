/* SPDX-License-Identifier: MIT */
/*
 * The items are put in the order of arrival and played: which are repeats, and which microsecond
 * each of the others takes. Then rows and plan are compared. Where they agree, and that is nearly
 * always, this was it. Else what is left over is explained, the most telling reason first:
 *
 *   a repeat was stored         playing it again with that one stored fits exactly
 *   an item is at another time  a row with its values is somewhere from its time on
 *   values were changed         the row at its place is nobody else's
 *   missing, extra              the rest
 */
#include "tiegroup.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

#define NOBODY SIZE_MAX

/* Repeats that are tried one by one for having been stored. */
#define TRIALS_MAX 64

void tiegroup_init(struct tiegroup *g)
{
    *g = (struct tiegroup){0};
}

void tiegroup_fini(struct tiegroup *g)
{
    free(g->items);
    free(g->rows);
    *g = (struct tiegroup){0};
}

bool tiegroup_is_empty(const struct tiegroup *g)
{
    return g->count == 0 && g->row_count == 0;
}

bool tiegroup_takes_item(const struct tiegroup *g, int64_t time_us)
{
    return tiegroup_is_empty(g) ||
           (g->count > 0 && time_us <= g->items_end_us + (int64_t)g->repeats_max);
}

bool tiegroup_takes_row(const struct tiegroup *g, int64_t time_us)
{
    if (tiegroup_is_empty(g))
        return true;
    int64_t end_us = g->items_end_us > g->rows_end_us ? g->items_end_us : g->rows_end_us;
    return g->count > 0 && time_us < end_us + (int64_t)g->repeats_max + 1;
}

void tiegroup_add_item(struct tiegroup *g, enum tiegroup_mode mode, const struct item *i)
{
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->items = err_realloc(g->items, g->cap * sizeof *g->items);
    }
    if (tiegroup_is_empty(g))
        g->start_us = g->items_end_us = g->rows_end_us = i->time_us;
    g->items[g->count++] = *i;
    if (mode != TIEGROUP_SPREAD)
        g->items_end_us = i->time_us; /* nothing spreads: the next time is another group */
    else if (i->time_us > g->items_end_us)
        g->items_end_us = i->time_us + 1;
    else
        g->items_end_us++;
    g->repeats_max += mode == TIEGROUP_SPREAD && i->snapshot;
}

void tiegroup_add_row(struct tiegroup *g, const struct item_row *r)
{
    if (g->row_count == g->row_cap) {
        g->row_cap = g->row_cap ? g->row_cap * 2 : 16;
        g->rows = err_realloc(g->rows, g->row_cap * sizeof *g->rows);
    }
    if (tiegroup_is_empty(g))
        g->start_us = g->items_end_us = r->time_us;
    g->rows[g->row_count++] = *r;
    g->rows_end_us = r->time_us + 1;
}

/* --- the plan */

struct plan {
    struct tiegroup *g;
    enum tiegroup_mode mode;
    bool any_order; /* the items came from several partitions */
    size_t span;    /* microseconds from start_us on that are looked at */
    size_t *holder; /* by microsecond: who is to be stored there */
    size_t *free;   /* by microsecond: where to look on, for runs of taken ones */
    size_t *seen;   /* by event time: the last snapshot */
    size_t *place;  /* by item: its microsecond, or NOBODY */
    bool *repeat;   /* by item */
};

static bool has_many_partitions(const struct tiegroup *g)
{
    for (size_t i = 1; i < g->count; i++) {
        if (g->items[i].partition != g->items[0].partition)
            return true;
    }
    return false;
}

static void plan_init(struct plan *p, struct tiegroup *g, enum tiegroup_mode mode)
{
    size_t span = g->count + 1;
    for (size_t i = 0; i < g->count; i++) {
        size_t after = (size_t)(g->items[i].time_us - g->start_us) + g->count + 1;
        if (after > span)
            span = after;
    }
    *p = (struct plan){.g = g, .mode = mode, .any_order = has_many_partitions(g), .span = span};
    p->holder = err_calloc(span, sizeof *p->holder);
    p->free = err_calloc(span + 1, sizeof *p->free);
    p->seen = err_calloc(span, sizeof *p->seen);
    p->place = err_calloc(g->count + 1, sizeof *p->place);
    p->repeat = err_calloc(g->count + 1, sizeof *p->repeat);
}

static void plan_fini(struct plan *p)
{
    free(p->holder);
    free(p->free);
    free(p->seen);
    free(p->place);
    free(p->repeat);
}

static size_t find_free(struct plan *p, size_t at)
{
    size_t end = at;
    while (p->free[end] != end)
        end = p->free[end];
    while (p->free[at] != end) {
        size_t next = p->free[at];
        p->free[at] = end;
        at = next;
    }
    return end;
}

static void place_item(struct plan *p, size_t i, size_t at)
{
    if (p->mode == TIEGROUP_SPREAD) {
        at = find_free(p, at);
        p->free[at] = at + 1;
    } else if (p->holder[at] != NOBODY) {
        if (p->mode == TIEGROUP_FIRST)
            return;
        p->place[p->holder[at]] = NOBODY;
    }
    p->holder[at] = i;
    p->place[i] = at;
}

/* Plays the arrivals. The repeat `but` is stored all the same; NOBODY: none is. */
static void play(struct plan *p, bool keep_repeats, size_t but)
{
    const struct tiegroup *g = p->g;
    memset(p->holder, 0xff, p->span * sizeof *p->holder);
    memset(p->seen, 0xff, p->span * sizeof *p->seen);
    memset(p->repeat, 0, g->count * sizeof *p->repeat);
    for (size_t i = 0; i <= p->span; i++)
        p->free[i] = i;
    for (size_t i = 0; i < g->count; i++) {
        const struct item *item = &g->items[i];
        size_t at = (size_t)(item->time_us - g->start_us);
        p->place[i] = NOBODY;
        if (item->snapshot && !keep_repeats) {
            p->repeat[i] = p->seen[at] != NOBODY && item_equals_item(&g->items[p->seen[at]], item);
            p->seen[at] = i;
        }
        if (!p->repeat[i] || i == but)
            place_item(p, i, at);
    }
}

/* --- the comparison */

struct match {
    size_t *row_of;  /* by item, or NOBODY */
    size_t *item_of; /* by row, or NOBODY */
};

static void match_init(struct match *m, const struct tiegroup *g)
{
    m->row_of = err_malloc((g->count + 1) * sizeof *m->row_of);
    m->item_of = err_malloc((g->row_count + 1) * sizeof *m->item_of);
}

static void match_fini(struct match *m)
{
    free(m->row_of);
    free(m->item_of);
}

static void join(struct match *m, size_t item, size_t row)
{
    m->row_of[item] = row;
    m->item_of[row] = item;
}

/* Joins rows with the items planned for their places. Returns how many items and rows are left. */
static size_t match_places(const struct plan *p, struct match *m)
{
    const struct tiegroup *g = p->g;
    size_t left = g->row_count;
    memset(m->row_of, 0xff, (g->count + 1) * sizeof *m->row_of);
    memset(m->item_of, 0xff, (g->row_count + 1) * sizeof *m->item_of);
    for (size_t i = 0; i < g->count; i++)
        left += p->place[i] != NOBODY;
    for (size_t r = 0; r < g->row_count; r++) {
        size_t at = (size_t)(g->rows[r].time_us - g->start_us);
        size_t item = at < p->span ? p->holder[at] : NOBODY;
        if (item != NOBODY && item_equals_row(&g->items[item], &g->rows[r])) {
            join(m, item, r);
            left -= 2;
        }
    }
    return left;
}

/* True if a plan with one of the repeats stored fits exactly; `p` and `m` are then that. */
static bool try_repeats(struct plan *p, struct match *m)
{
    size_t trials = 0;
    for (size_t i = 0; i < p->g->count && trials < TRIALS_MAX; i++) {
        if (!p->repeat[i])
            continue;
        trials++;
        play(p, false, i);
        if (match_places(p, m) == 0)
            return true;
    }
    play(p, false, NOBODY);
    match_places(p, m);
    return false;
}

/* Joins left-over rows with left-over items of the same values and an earlier time. */
static void match_values(const struct plan *p, struct match *m, bool repeats)
{
    const struct tiegroup *g = p->g;
    for (size_t r = 0; r < g->row_count; r++) {
        for (size_t i = 0; i < g->count && m->item_of[r] == NOBODY; i++) {
            bool wanted = repeats ? p->repeat[i] : p->any_order || p->place[i] != NOBODY;
            if (wanted && m->row_of[i] == NOBODY && g->items[i].time_us <= g->rows[r].time_us &&
                item_equals_row(&g->items[i], &g->rows[r]))
                join(m, i, r);
        }
    }
}

/* Joins left-over rows with the left-over items that should be in their places. */
static void match_changed(const struct plan *p, struct match *m)
{
    const struct tiegroup *g = p->g;
    for (size_t r = 0; r < g->row_count; r++) {
        size_t at = (size_t)(g->rows[r].time_us - g->start_us);
        size_t item = at < p->span ? p->holder[at] : NOBODY;
        if (m->item_of[r] == NOBODY && item != NOBODY && m->row_of[item] == NOBODY)
            join(m, item, r);
    }
}

/* --- the verdicts */

/* With any order of arrival: true if the item need not be stored because another one that is stands
 * for it. */
static bool is_stood_for(const struct plan *p, const struct match *m, size_t i)
{
    const struct tiegroup *g = p->g;
    if (!p->any_order || (p->mode == TIEGROUP_SPREAD && !g->items[i].snapshot))
        return false;
    for (size_t k = 0; k < g->count; k++) {
        const struct item *other = &g->items[k];
        if (k != i && m->row_of[k] != NOBODY && other->time_us == g->items[i].time_us &&
            (p->mode != TIEGROUP_SPREAD ||
             (other->snapshot && item_equals_item(other, &g->items[i]))))
            return true;
    }
    return false;
}

static enum tie_fate fate_of_absent(const struct plan *p, const struct match *m, size_t i)
{
    if (p->repeat[i])
        return TIE_REPEATED;
    if (p->place[i] == NOBODY)
        return TIE_YIELDED;
    if (is_stood_for(p, m, i))
        return p->mode == TIEGROUP_SPREAD ? TIE_REPEATED : TIE_YIELDED;
    return TIE_MISSING;
}

static enum tie_fate fate_of(const struct plan *p, const struct match *m, size_t i)
{
    const struct tiegroup *g = p->g;
    if (m->row_of[i] == NOBODY)
        return fate_of_absent(p, m, i);
    const struct item_row *row = &g->rows[m->row_of[i]];
    if (!item_equals_row(&g->items[i], row))
        return TIE_CHANGED;
    if (p->any_order)
        return TIE_STORED;
    if (p->repeat[i])
        return TIE_REPEAT_STORED;
    return row->time_us - g->start_us == (int64_t)p->place[i] ? TIE_STORED : TIE_MOVED;
}

static const struct item *equal_item(const struct tiegroup *g, const struct item_row *r)
{
    for (size_t i = 0; i < g->count; i++) {
        if (item_equals_row(&g->items[i], r))
            return &g->items[i];
    }
    return NULL;
}

static void tell(const struct plan *p, const struct match *m, tie_verdict_fn *fn, void *ctx)
{
    const struct tiegroup *g = p->g;
    for (size_t i = 0; i < g->count; i++) {
        const struct tie_verdict v = {
            .fate = fate_of(p, m, i),
            .item = &g->items[i],
            .row = m->row_of[i] == NOBODY ? NULL : &g->rows[m->row_of[i]],
            .expected_us = g->start_us + (p->place[i] == NOBODY ? 0 : (int64_t)p->place[i]),
            .any_order = p->any_order,
        };
        fn(ctx, &v);
    }
    for (size_t r = 0; r < g->row_count; r++) {
        const struct tie_verdict v = {
            .fate = TIE_EXTRA, .item = equal_item(g, &g->rows[r]), .row = &g->rows[r]};
        if (m->item_of[r] == NOBODY)
            fn(ctx, &v);
    }
}

static int compare_arrival(const void *a, const void *b)
{
    return item_is_before(b, a) - item_is_before(a, b);
}

/* One tick and its row, as most groups are. */
static bool judge_plain(const struct tiegroup *g, tie_verdict_fn *fn, void *ctx)
{
    if (g->count != 1 || g->row_count != 1 || g->items[0].time_us != g->rows[0].time_us ||
        !item_equals_row(&g->items[0], &g->rows[0]))
        return false;
    const struct tie_verdict v = {.fate = TIE_STORED,
                                  .item = &g->items[0],
                                  .row = &g->rows[0],
                                  .expected_us = g->items[0].time_us};
    fn(ctx, &v);
    return true;
}

static void judge(struct tiegroup *g, enum tiegroup_mode mode, bool keep_repeats,
                  tie_verdict_fn *fn, void *ctx)
{
    struct plan p;
    struct match m;
    if (g->count > 1)
        qsort(g->items, g->count, sizeof *g->items, compare_arrival);
    plan_init(&p, g, mode);
    match_init(&m, g);
    play(&p, keep_repeats, NOBODY);
    if (match_places(&p, &m) > 0 && (p.any_order || keep_repeats || !try_repeats(&p, &m))) {
        match_values(&p, &m, false);
        match_values(&p, &m, true);
        match_changed(&p, &m);
    }
    tell(&p, &m, fn, ctx);
    match_fini(&m);
    plan_fini(&p);
}

void tiegroup_judge(struct tiegroup *g, enum tiegroup_mode mode, bool keep_repeats,
                    tie_verdict_fn *fn, void *ctx)
{
    if (!judge_plain(g, fn, ctx))
        judge(g, mode, keep_repeats, fn, ctx);
    g->count = g->row_count = g->repeats_max = 0;
}
