/* SPDX-License-Identifier: MIT */
/*
 * What the database must hold, worked out from the log alone: message by message in the order of
 * offsets, as if nothing had ever gone wrong.
 */
#include "sim.h"

#include <string.h>

enum { MESSAGES = 256, INSTANT_US = 1000 };

/* What the tables hold, counted. */
static struct {
    int rows_of[SIM_PARTITIONS * SIM_IDS]; /* by id */
    int rows_at[SIM_SYMBOLS][SIM_INSTANTS];
    int rows[SIM_PARTITIONS]; /* by the partition of the id */
    const struct sim_letter *letter[SIM_PARTITIONS][MESSAGES][SIM_ITEMS];
    int payloads[SIM_PARTITIONS][MESSAGES];
    int letters[SIM_PARTITIONS];
} found;

/* What they should. */
static struct {
    int rows_of[SIM_PARTITIONS * SIM_IDS];
    int quote[SIM_SYMBOLS][SIM_INSTANTS];  /* id of the last one */
    int winner[SIM_SYMBOLS][SIM_INSTANTS]; /* ties = first | last: id of what has the key */
    int messages, items, ignored, keys;
} expected;

/* --- one commit --- */

static int64_t items_of(const struct sim_offset *o)
{
    return o->stored + o->rejected + o->ignored + o->dropped;
}

void sim_check_move(int partition, const struct sim_offset *from, const struct sim_offset *to)
{
    int64_t messages = 0, items = 0;
    if (to->next <= from->next)
        sim_fail("partition %d goes from %lld to %lld", partition, (long long)from->next,
                 (long long)to->next);
    for (int64_t at = from->next;;) {
        const struct sim_message *m = sim_log_next(partition, at);
        if (!m || m->offset >= to->next)
            break;
        messages++;
        items += m->count;
        at = m->offset + 1;
    }
    if (to->messages - from->messages != messages || items_of(to) - items_of(from) != items)
        sim_fail("partition %d from %lld to %lld: %lld messages of %lld items counted, not %lld of "
                 "%lld",
                 partition, (long long)from->next, (long long)to->next,
                 (long long)(to->messages - from->messages),
                 (long long)(items_of(to) - items_of(from)), (long long)messages, (long long)items);
}

/* --- counting what is there --- */

static void count_rows(const struct sim_tables *t)
{
    for (size_t i = 0; i < t->row_count; i++) {
        const struct sim_row *r = &t->rows[i];
        int id = (int)r->volume;
        if (id <= 0 || id >= SIM_PARTITIONS * SIM_IDS)
            sim_fail("a row of nobody");
        found.rows_of[id]++;
        found.rows[id / SIM_IDS]++;
        found.rows_at[r->symbol][r->time_us / INSTANT_US]++;
    }
}

static void count_letters(const struct sim_tables *t)
{
    for (size_t i = 0; i < t->letter_count; i++) {
        const struct sim_letter *l = &t->letters[i];
        int number = sim_log_number(l->partition, l->offset);
        if (number < 0)
            sim_fail("a dead letter of partition %d, offset %lld, where there is no message",
                     l->partition, (long long)l->offset);
        if (found.letter[l->partition][number][l->item])
            sim_fail("a dead letter twice: partition %d, offset %lld, item %d", l->partition,
                     (long long)l->offset, l->item);
        found.letter[l->partition][number][l->item] = l;
        found.payloads[l->partition][number] += l->has_payload;
        found.letters[l->partition]++;
    }
}

/* --- working out what should be --- */

static bool is_done(int partition, int64_t offset)
{
    const struct sim_tables *t = sim_tables();
    if (offset < sim_tables_start(partition) || offset >= t->offsets[partition].next)
        return false;
    for (size_t i = 0; i < t->gap_count; i++) {
        const struct sim_gap *g = &t->gaps[i];
        if (g->partition == partition && offset >= g->from && offset < g->to)
            return false;
    }
    return true;
}

static void expect_letter(int partition, int number, int item, const char *reason)
{
    const struct sim_letter *l = found.letter[partition][number][item];
    if (!reason && l)
        sim_fail("partition %d, message %d, item %d is rejected: %s", partition, number, item,
                 l->reason);
    if (reason && !l)
        sim_fail("partition %d, message %d, item %d is not rejected: %s", partition, number, item,
                 reason);
    if (reason && strcmp(l->reason, reason) != 0)
        sim_fail("partition %d, message %d, item %d is rejected as %s, not %s", partition, number,
                 item, l->reason, reason);
}

/* A tick that is in the table, or would be but for its key. */
static void expect_row(const struct sim_item *item)
{
    int *winner = &expected.winner[item->symbol][item->time_ms];
    switch (sim_plan()->ties) {
    case TIES_MODE_SPREAD:
        expected.rows_of[item->id]++;
        return;
    case TIES_MODE_FIRST:
        if (*winner)
            return;
        break;
    case TIES_MODE_LAST:
        if (*winner)
            expected.rows_of[*winner]--;
        break;
    }
    *winner = item->id;
    expected.rows_of[item->id]++;
}

static void expect_quote(const struct sim_item *item)
{
    int *last = &expected.quote[item->symbol][item->time_ms];
    if (*last == item->id && !sim_plan()->keep_repeats) {
        expected.ignored++;
        sim_count(SIM_repeats);
        return;
    }
    *last = item->id;
    expect_row(item);
}

/* The pair comes and goes: the tick is stored or rejected, as it happened. */
static void expect_either(int partition, int number, int i, const struct sim_item *item)
{
    const struct sim_letter *l = found.letter[partition][number][i];
    bool poison = item->price == SIM_POISON;
    if (l && strcmp(l->reason, "unknown_symbol") != 0 && !poison)
        sim_fail("partition %d, message %d, item %d is rejected as %s", partition, number, i,
                 l->reason);
    if (!l && poison)
        sim_fail("partition %d, message %d, item %d is not rejected", partition, number, i);
    if (sim_plan()->ties == TIES_MODE_SPREAD)
        expected.rows_of[item->id] += !l;
    else
        expected.rows_of[item->id] = found.rows_of[item->id] && !l; /* once, if at all */
}

static void expect_tick(int partition, int number, int i, const struct sim_item *item)
{
    switch (sim_symbol_kind(item->symbol)) {
    case SIM_TOGGLED:
        expect_either(partition, number, i, item);
        return;
    case SIM_UNKNOWN:
        expect_letter(partition, number, i, "unknown_symbol");
        return;
    case SIM_INACTIVE:
        expect_letter(partition, number, i, "inactive_symbol");
        return;
    case SIM_STABLE:
    case SIM_SHARED:
        break;
    }
    expect_letter(partition, number, i, item->price == SIM_POISON ? "database" : NULL);
    if (item->kind == SIM_QUOTE)
        expect_quote(item);
    else if (item->price != SIM_POISON)
        expect_row(item);
}

static void expect_item(int partition, int number, int i, const struct sim_item *item)
{
    switch (item->kind) {
    case SIM_BAD:
        expect_letter(partition, number, i, "no_price");
        break;
    case SIM_IGNORED:
        expect_letter(partition, number, i, NULL);
        expected.ignored++;
        break;
    case SIM_TRADE:
    case SIM_QUOTE:
        expect_tick(partition, number, i, item);
        break;
    }
}

static void expect_message(int partition, int number, const struct sim_message *m)
{
    int letters = 0;
    expected.messages++;
    expected.items += m->count;
    for (int i = 0; i < m->count; i++) {
        expect_item(partition, number, i, &m->items[i]);
        letters += found.letter[partition][number][i] != NULL;
    }
    if (found.payloads[partition][number] != (letters > 0))
        sim_fail("partition %d, message %d: payload kept %d times for %d dead letters", partition,
                 number, found.payloads[partition][number], letters);
}

static void expect_nothing(int partition, int number, const struct sim_message *m)
{
    for (int i = 0; i < m->count; i++)
        expect_letter(partition, number, i, NULL);
}

static void check_partition(int p)
{
    const struct sim_offset *o = &sim_tables()->offsets[p];
    const struct sim_message *m;
    expected.messages = expected.items = expected.ignored = 0;
    for (int number = 0; (m = sim_log_at(p, number)); number++) {
        if (is_done(p, m->offset))
            expect_message(p, number, m);
        else
            expect_nothing(p, number, m);
    }
    if (o->messages != expected.messages || items_of(o) != expected.items)
        sim_fail("partition %d: %lld messages, %lld items counted, not %d, %d", p,
                 (long long)o->messages, (long long)items_of(o), expected.messages, expected.items);
    if (o->stored != found.rows[p] || o->rejected != found.letters[p])
        sim_fail("partition %d: %lld stored, %lld rejected counted, not %d, %d", p,
                 (long long)o->stored, (long long)o->rejected, found.rows[p], found.letters[p]);
    if (sim_plan()->ties == TIES_MODE_SPREAD && o->ignored != expected.ignored)
        sim_fail("partition %d: %lld ignored counted, not %d", p, (long long)o->ignored,
                 expected.ignored);
}

static void check_rows(void)
{
    for (int id = 0; id < SIM_PARTITIONS * SIM_IDS; id++) {
        if (found.rows_of[id] != expected.rows_of[id])
            sim_fail("tick %d of partition %d is stored %d times, not %d", id % SIM_IDS,
                     id / SIM_IDS, found.rows_of[id], expected.rows_of[id]);
    }
}

/* Each tick is at its time or in the microseconds after it, without a hole. A tick that the
 * database has refused may leave one. */
static void check_places(const struct sim_tables *t)
{
    for (size_t i = 0; i < t->row_count; i++) {
        const struct sim_row *r = &t->rows[i];
        int64_t behind = r->time_us % INSTANT_US;
        bool moved = sim_plan()->ties == TIES_MODE_SPREAD;
        if (sim_symbol_kind(r->symbol) == SIM_TOGGLED || sim_plan()->poison)
            continue;
        if (behind >= (moved ? found.rows_at[r->symbol][r->time_us / INSTANT_US] : 1))
            sim_fail("%s at %lld ms has a hole before microsecond %lld", sim_symbol_name(r->symbol),
                     (long long)(r->time_us / INSTANT_US), (long long)behind);
        if (behind > 0)
            sim_count(SIM_spread);
    }
}

void sim_check_tables(void)
{
    memset(&found, 0, sizeof found);
    memset(&expected, 0, sizeof expected);
    count_rows(sim_tables());
    count_letters(sim_tables());
    for (int p = 0; p < sim_plan()->partitions; p++) {
        check_partition(p);
        sim_count_more(SIM_dropped, (uint64_t)sim_tables()->offsets[p].dropped);
    }
    check_rows();
    check_places(sim_tables());
}

bool sim_check_lag_is_zero(void)
{
    for (int p = 0; p < sim_plan()->partitions; p++) {
        const struct sim_offset *o = &sim_tables()->offsets[p];
        if (!o->exists || o->next < sim_log_high(p))
            return false;
    }
    return true;
}
