/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include "err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct partition_log {
    struct sim_message *messages;
    int count;
    int64_t low;
    int ids;
} logs[SIM_PARTITIONS];

static struct {
    char name[8];
    enum sim_symbol_kind kind;
    int partition; /* whose it is, if stable or toggled */
} symbols[SIM_SYMBOLS];

/* The last two quotes of a symbol at an instant, so that they can be repeated. */
static struct known {
    int price[2], id[2];
    int count;
} quotes[SIM_SYMBOLS][SIM_INSTANTS];

static bool finished;

/* --- symbols --- */

static void make_symbol(int i, char letter, enum sim_symbol_kind kind)
{
    snprintf(symbols[i].name, sizeof symbols[i].name, "%c%d", letter, i);
    symbols[i].kind = kind;
    symbols[i].partition = i % sim_plan()->partitions;
}

/* The first are stable, one for each partition at least. */
static void make_symbols(void)
{
    for (int i = 0; i < 5; i++)
        make_symbol(i, 'S', SIM_STABLE);
    bool shared = sim_plan()->ties == TIES_MODE_SPREAD;
    make_symbol(5, 'H', shared ? SIM_SHARED : SIM_STABLE);
    make_symbol(6, 'T', SIM_TOGGLED);
    make_symbol(7, 'T', SIM_TOGGLED);
    make_symbol(8, 'I', SIM_INACTIVE);
    make_symbol(9, 'U', SIM_UNKNOWN);
}

enum sim_symbol_kind sim_symbol_kind(int symbol)
{
    return symbols[symbol].kind;
}

const char *sim_symbol_name(int symbol)
{
    return symbols[symbol].name;
}

int sim_symbol_find(const char *name)
{
    int i = 0;
    while (i < SIM_SYMBOLS && strcmp(symbols[i].name, name) != 0)
        i++;
    return i < SIM_SYMBOLS ? i : -1;
}

/* --- messages --- */

static int choose_symbol(int partition)
{
    for (;;) {
        int s = (int)sim_random(SIM_SYMBOLS);
        switch (symbols[s].kind) {
        case SIM_STABLE:
            if (symbols[s].partition == partition)
                return s;
            break;
        case SIM_TOGGLED:
            if (symbols[s].partition == partition && sim_chance(300))
                return s;
            break;
        case SIM_SHARED:
            return s;
        case SIM_INACTIVE:
        case SIM_UNKNOWN:
            if (sim_chance(200))
                return s;
            break;
        }
    }
}

static int new_id(int partition)
{
    int id = ++logs[partition].ids;
    if (id >= SIM_IDS)
        abort();
    return partition * SIM_IDS + id;
}

/* Else quotes are at even times and trades at odd ones. With ties = first | last a trade can take
 * the quote's place, and behind the hole that a refused row leaves a quote is not looked for: what
 * is a repeat is then known only as long as tickd remembers. */
static bool kinds_mix(void)
{
    return sim_plan()->ties == TIES_MODE_SPREAD && !sim_plan()->poison;
}

static void make_trade(struct sim_item *item, int partition)
{
    item->kind = SIM_TRADE;
    if (!kinds_mix())
        item->time_ms |= 1;
    item->id = new_id(partition);
    item->price = 1 + (int)sim_random(5);
    if (sim_plan()->poison && sim_chance(50))
        item->price = SIM_POISON;
}

static void make_quote(struct sim_item *item, int partition)
{
    item->kind = SIM_QUOTE;
    if (!kinds_mix())
        item->time_ms &= ~1;
    struct known *known = &quotes[item->symbol][item->time_ms];
    int which = known->count > 1 && sim_chance(200);
    if (known->count > 0 && sim_chance(600)) {
        item->price = known->price[which];
        item->id = known->id[which];
    } else {
        item->price = 1 + (int)sim_random(5);
        item->id = new_id(partition);
    }
    known->price[1] = known->price[0];
    known->id[1] = known->id[0];
    known->price[0] = item->price;
    known->id[0] = item->id;
    known->count++;
}

/* Times advance slowly, so that there are ties, and now and then one is late. */
static struct sim_item make_item(int partition, int i)
{
    struct sim_item item = {.kind = SIM_IGNORED};
    uint32_t dice = sim_random(100);
    if (dice < 6)
        return item;
    item.kind = SIM_BAD;
    if (dice < 12)
        return item;
    item.symbol = choose_symbol(partition);
    item.time_ms = i / 2 + (int)sim_random(4);
    if (sim_chance(60))
        item.time_ms = (int)sim_random((uint32_t)i / 2 + 1);
    if (symbols[item.symbol].kind == SIM_STABLE && sim_chance(350))
        make_quote(&item, partition);
    else
        make_trade(&item, partition);
    return item;
}

static void print_item(char *out, size_t size, const struct sim_item *item)
{
    size_t len = strlen(out);
    const char *blank = len ? " " : "";
    if (item->kind == SIM_BAD || item->kind == SIM_IGNORED)
        snprintf(out + len, size - len, "%s%s", blank, item->kind == SIM_BAD ? "!" : ".");
    else
        snprintf(out + len, size - len, "%s%s@%d%c%d*%d", blank, symbols[item->symbol].name,
                 item->time_ms, item->kind == SIM_QUOTE ? '~' : '=', item->price, item->id);
}

static void make_message(struct sim_message *m, int partition, int i)
{
    m->count = sim_chance(700) ? 1 : 1 + (int)sim_random(SIM_ITEMS);
    m->payload[0] = '\0';
    for (int item = 0; item < m->count; item++) {
        m->items[item] = make_item(partition, i);
        print_item(m->payload, sizeof m->payload, &m->items[item]);
    }
}

static void make_partition(int partition)
{
    struct partition_log *log = &logs[partition];
    int64_t offset = sim_chance(500) ? 0 : sim_between(1, 5000000000);
    int64_t every_us = sim_plan()->end_of_faults_us / sim_plan()->messages;
    log->low = offset;
    log->ids = 0;
    log->count = sim_plan()->messages;
    log->messages = err_calloc((size_t)log->count, sizeof *log->messages);
    for (int i = 0; i < log->count; i++) {
        log->messages[i].offset = offset;
        log->messages[i].visible_us = sim_now_us() + every_us * i;
        make_message(&log->messages[i], partition, i);
        offset += sim_chance(100) ? sim_between(2, 9) : 1;
    }
}

void sim_log_make(void)
{
    finished = false;
    memset(quotes, 0, sizeof quotes);
    make_symbols();
    for (int p = 0; p < sim_plan()->partitions; p++)
        make_partition(p);
}

void sim_log_free(void)
{
    for (int p = 0; p < SIM_PARTITIONS; p++) {
        free(logs[p].messages);
        logs[p] = (struct partition_log){0};
    }
}

/* --- reading --- */

int64_t sim_log_low(int partition)
{
    return logs[partition].low;
}

void sim_log_cut(int partition, int64_t low)
{
    logs[partition].low = low;
}

void sim_log_finish(void)
{
    finished = true;
}

/* Index of the first message at or behind the offset. */
static int find(const struct partition_log *log, int64_t offset)
{
    int low = 0, high = log->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (log->messages[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_visible(const struct sim_message *m)
{
    return finished || m->visible_us <= sim_now_us();
}

const struct sim_message *sim_log_next(int partition, int64_t offset)
{
    const struct partition_log *log = &logs[partition];
    int i = find(log, offset);
    return i < log->count && is_visible(&log->messages[i]) ? &log->messages[i] : NULL;
}

int64_t sim_log_high(int partition)
{
    const struct partition_log *log = &logs[partition];
    int i = log->count;
    while (i > 0 && !is_visible(&log->messages[i - 1]))
        i--;
    return i > 0 ? log->messages[i - 1].offset + 1 : log->low;
}

const struct sim_message *sim_log_at(int partition, int number)
{
    const struct partition_log *log = &logs[partition];
    return number < log->count ? &log->messages[number] : NULL;
}

int sim_log_number(int partition, int64_t offset)
{
    const struct partition_log *log = &logs[partition];
    int i = find(log, offset);
    return i < log->count && log->messages[i].offset == offset ? i : -1;
}
