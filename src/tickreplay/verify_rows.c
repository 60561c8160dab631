/* SPDX-License-Identifier: MIT */
/*
 * Items and rows, both in the order of time, go into the group of their symbol; a group is judged
 * when something comes that does not touch it.
 */
#include "verify_state.h"

#include "copyout.h"
#include "timestamp.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows so far behind the last event are looked at: where ties may have gone. */
#define BEHIND_US INT64_C(1000000)

enum {
    COLUMN_TIME,
    COLUMN_SYMBOL,
    COLUMN_PRICE,
    COLUMN_VOLUME,
    COLUMN_BID,
    COLUMN_ASK,
    COLUMN_EXCHANGE,
    COLUMN_COUNT
};

/* --- what is said */

static const char *put_values(const struct verify *v, char *text, size_t size, double price,
                              double volume, double bid, double ask, uint16_t exchange)
{
    char quotes[64] = "";
    if (!isnan(bid) || !isnan(ask))
        snprintf(quotes, sizeof quotes, " %.17g/%.17g", bid, ask);
    snprintf(text, size, "%.17g x %.17g%s %s", price, volume, quotes,
             exchange < v->exchanges.count ? v->exchanges.names[exchange] : "?");
    return text;
}

#define VALUES_TEXT 256

static const char *item_text(const struct verify *v, const struct item *i, char *text)
{
    return put_values(v, text, VALUES_TEXT, i->price, i->volume, i->bid, i->ask, i->exchange);
}

static const char *row_text(const struct verify *v, const struct item_row *r, char *text)
{
    const struct item_values *x = &r->values;
    return put_values(v, text, VALUES_TEXT, x->price, x->volume, x->bid, x->ask, x->exchange);
}

static void tell_extra(struct verify *v, const struct tie_verdict *t)
{
    char time[TIMESTAMP_TEXT_SIZE], values[VALUES_TEXT], where[VERIFY_TEXT] = "";
    if (t->item)
        verify_where(v, where, t->item->partition, t->item->offset, t->item->index);
    findings_add(&v->result->findings, FINDING_EXTRA, "%s %s: %s%s%s",
                 v->symbols.names[t->row->symbol], timestamp_format(t->row->time_us, time),
                 row_text(v, t->row, values), t->item ? ", once more the tick of " : "", where);
}

static void tell_item(struct verify *v, enum finding kind, const struct tie_verdict *t)
{
    char time[TIMESTAMP_TEXT_SIZE], there[TIMESTAMP_TEXT_SIZE] = "";
    char values[VALUES_TEXT], found[VALUES_TEXT] = "", where[VERIFY_TEXT];
    const struct item *i = t->item;
    if (t->row && t->row->time_us != t->expected_us)
        timestamp_format(t->row->time_us, there);
    if (t->row && !item_equals_row(i, t->row))
        row_text(v, t->row, found);
    findings_add(&v->result->findings, kind, "%s %s: %s (%s)%s%s%s%s", v->symbols.names[i->symbol],
                 timestamp_format(t->expected_us, time), item_text(v, i, values),
                 verify_where(v, where, i->partition, i->offset, i->index),
                 there[0] ? ", found at " : "", there, found[0] ? ", found: " : "", found);
}

static void on_verdict(void *ctx, const struct tie_verdict *t)
{
    struct verify *v = ctx;
    size_t partition = t->item && v->has_offsets ? t->item->partition : 0;
    struct verify_counts *c = &verify_book(v, partition)->counts;
    if (t->any_order && (t->fate == TIE_REPEATED || t->fate == TIE_YIELDED))
        v->orders_unknown = true;
    switch (t->fate) {
    case TIE_EXTRA:
        tell_extra(v, t);
        return;
    case TIE_REPEATED:
        c->ignored++;
        return;
    case TIE_YIELDED:
        c->dropped++;
        return;
    case TIE_STORED:
        break;
    case TIE_MISSING:
        tell_item(v, FINDING_MISSING, t);
        break;
    case TIE_MOVED:
        tell_item(v, FINDING_MOVED, t);
        break;
    case TIE_CHANGED:
        tell_item(v, FINDING_CHANGED, t);
        break;
    case TIE_REPEAT_STORED:
        v->result->sent.repeats_stored++;
        if (!v->o->allow_repeats)
            tell_item(v, FINDING_REPEAT_STORED, t);
        break;
    }
    c->stored++;
}

/* --- groups */

static struct tiegroup *group_of(struct verify *v, uint16_t symbol)
{
    if (symbol >= v->group_count) {
        size_t count = (size_t)symbol + 1;
        v->groups = err_realloc(v->groups, count * sizeof *v->groups);
        while (v->group_count < count)
            tiegroup_init(&v->groups[v->group_count++]);
    }
    return &v->groups[symbol];
}

static void judge(struct verify *v, struct tiegroup *g)
{
    tiegroup_judge(g, v->o->ties, v->o->keep_repeats, on_verdict, v);
}

static void feed_item(struct verify *v, const struct item *i)
{
    struct tiegroup *g = group_of(v, i->symbol);
    if (!tiegroup_takes_item(g, i->time_us))
        judge(v, g);
    tiegroup_add_item(g, v->o->ties, i);
}

static void feed_row(struct verify *v, const struct item_row *r)
{
    struct tiegroup *g = group_of(v, r->symbol);
    if (!tiegroup_takes_row(g, r->time_us))
        judge(v, g);
    tiegroup_add_row(g, r);
    v->result->rows++;
}

/* --- rows */

static bool begin_rows(struct verify *v, struct copyout *c, struct err *e)
{
    char from[TIMESTAMP_TEXT_SIZE], to[TIMESTAMP_TEXT_SIZE], sql[512];
    snprintf(sql, sizeof sql,
             "SELECT time, symbol, price, volume, bid, ask, exchange FROM ticks"
             " WHERE time >= '%s' AND time <= '%s' ORDER BY time",
             timestamp_format(v->min_us, from), timestamp_format(v->max_us + BEHIND_US, to));
    return copyout_begin(c, v->conn, sql, COLUMN_COUNT, e);
}

/* Names have numbers for as long as there are some: a table with 65,535 exchanges has others. */
static bool read_row(struct verify *v, const struct copyout *c, struct item_row *r, struct err *e)
{
    const struct copyout_field *f = c->fields;
    *r = (struct item_row){
        .time_us = copyout_time(&f[COLUMN_TIME]),
        .symbol = namelist_add(&v->symbols, f[COLUMN_SYMBOL].data, f[COLUMN_SYMBOL].len),
        .values =
            {
                .price = copyout_double(&f[COLUMN_PRICE]),
                .volume = copyout_double(&f[COLUMN_VOLUME]),
                .bid = copyout_double(&f[COLUMN_BID]),
                .ask = copyout_double(&f[COLUMN_ASK]),
                .exchange =
                    namelist_add(&v->exchanges, f[COLUMN_EXCHANGE].data, f[COLUMN_EXCHANGE].len),
            },
    };
    if (r->symbol != NAMELIST_NONE && r->values.exchange != NAMELIST_NONE)
        return true;
    err_set(e, "more than %d names of symbols or exchanges", NAMELIST_NONE);
    return false;
}

/* The next row; *has is false at the end. */
static bool next_row(struct verify *v, struct copyout *c, struct item_row *r, bool *has,
                     struct err *e)
{
    enum copyout_result result = copyout_next(c, e);
    *has = result == COPYOUT_ROW;
    return *has ? read_row(v, c, r, e) : result == COPYOUT_END;
}

static bool merge(struct verify *v, struct copyout *c, struct err *e)
{
    const struct item *item;
    struct item_row row;
    bool has_row;
    if (!itemsort_next(v->items, &item, e) || !next_row(v, c, &row, &has_row, e))
        return false;
    while (item || has_row) {
        bool ok = true;
        if (item && (!has_row || item->time_us <= row.time_us)) {
            feed_item(v, item);
            ok = itemsort_next(v->items, &item, e);
        } else {
            feed_row(v, &row);
            ok = next_row(v, c, &row, &has_row, e);
        }
        if (!ok)
            return false;
    }
    for (size_t i = 0; i < v->group_count; i++)
        judge(v, &v->groups[i]);
    return true;
}

static bool count_outside(struct verify *v, struct err *e)
{
    PGresult *r = verify_query(v, "SELECT count(*) FROM ticks", 0, NULL, e);
    if (!r)
        return false;
    v->result->rows_outside = strtoull(PQgetvalue(r, 0, 0), NULL, 10) - v->result->rows;
    PQclear(r);
    return true;
}

bool verify_rows(struct verify *v, struct err *e)
{
    struct copyout c;
    /* No tick was to be stored: there is no span to look at. */
    if (v->min_us > v->max_us)
        return count_outside(v, e);
    return begin_rows(v, &c, e) && merge(v, &c, e) && count_outside(v, e);
}
