/* SPDX-License-Identifier: MIT */
#include "instrument.h"

#include "csv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define WEIGHT_MAX 1000000

/* Tick and lot as the pairs table has them; prices of the magnitude of late 2025; weights after the
 * usual skew of a market: the three majors have half of all messages. */
static const struct {
    const char *symbol;
    const char *tick;
    const char *lot;
    const char *price;
    uint32_t weight;
} defaults[] = {
    {"BTC", "0.1", "0.001", "95993.6", 260},
    {"ETH", "0.01", "0.01", "3187.42", 180},
    {"SOL", "0.001", "0.1", "141.386", 90},
    {"HYPE", "0.0001", "1", "38.6271", 50},
    {"ZEC", "0.01", "0.01", "652.18", 35},
    {"BNB", "0.01", "0.01", "921.77", 35},
    {"XRP", "0.0001", "10", "2.2534", 40},
    {"PUMP", "0.00001", "100", "0.00342", 15},
    {"AAVE", "0.01", "0.1", "176.05", 12},
    {"ENA", "0.0001", "10", "0.2918", 14},
    {"ASTER", "0.0001", "1", "1.1243", 18},
    {"kBONK", "0.000001", "100", "0.011874", 10},
    {"kPEPE", "0.000001", "100", "0.005213", 12},
    {"LTC", "0.01", "0.1", "98.31", 12},
    {"PAXG", "0.1", "0.01", "4085.2", 6},
    {"VIRTUAL", "0.0001", "1", "1.2576", 8},
    {"SUI", "0.0001", "1", "1.7731", 20},
    {"FARTCOIN", "0.00001", "1", "0.24418", 10},
    {"TAO", "0.01", "0.1", "329.64", 8},
    {"DOGE", "0.00001", "10", "0.16127", 25},
    {"XPL", "0.0001", "1", "0.2209", 8},
    {"AVAX", "0.01", "1", "15.47", 14},
    {"LINK", "0.001", "1", "14.086", 14},
    {"UNI", "0.001", "1", "7.392", 9},
    {"WLFI", "0.0001", "1", "0.1452", 8},
    {"PENGU", "0.000001", "100", "0.012466", 7},
    {"2Z", "0.0001", "1", "0.1918", 4},
    {"MON", "0.00001", "10", "0.03512", 6},
    {"LDO", "0.001", "1", "0.723", 5},
    {"CRV", "0.0001", "1", "0.4307", 6},
};

void instruments_init(struct instruments *set)
{
    *set = (struct instruments){NULL, 0};
}

void instruments_fini(struct instruments *set)
{
    free(set->list);
    instruments_init(set);
}

static struct decimal parse_known(const char *text)
{
    struct decimal d = {0, 0};
    if (!decimal_parse(text, strlen(text), &d))
        abort();
    return d;
}

/* The price in ticks, at least 2 so that there is room for a quote below it; 0 if it is out of
 * range. */
static int64_t ticks_of(struct decimal price, struct decimal tick)
{
    int places = tick.scale - price.scale;
    int64_t ticks = price.units;
    if (places > 18 || (places > 0 && __builtin_mul_overflow(ticks, decimal_power(places), &ticks)))
        return 0;
    if (places < 0)
        ticks /= decimal_power(-places);
    ticks /= tick.units;
    return ticks < 2 ? 2 : ticks;
}

static struct instrument *append(struct instruments *set)
{
    set->list = err_realloc(set->list, (set->count + 1) * sizeof *set->list);
    return &set->list[set->count++];
}

void instruments_set_default(struct instruments *set)
{
    instruments_fini(set);
    for (size_t i = 0; i < COUNT(defaults); i++) {
        struct instrument *p = append(set);
        *p = (struct instrument){.tick = parse_known(defaults[i].tick),
                                 .lot = parse_known(defaults[i].lot),
                                 .weight = defaults[i].weight};
        snprintf(p->symbol, sizeof p->symbol, "%s", defaults[i].symbol);
        p->start_ticks = ticks_of(parse_known(defaults[i].price), p->tick);
    }
}

const struct instrument *instruments_find(const struct instruments *set, const char *symbol,
                                          size_t len)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strlen(set->list[i].symbol) == len && memcmp(set->list[i].symbol, symbol, len) == 0)
            return &set->list[i];
    }
    return NULL;
}

/* What the columns of a table mean. */
enum column { SYMBOL, TICK, LOT, PRICE, WEIGHT, ACTIVE, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = {
    [SYMBOL] = "symbol", [TICK] = "tick_size", [LOT] = "min_order_size",
    [PRICE] = "price",   [WEIGHT] = "weight",  [ACTIVE] = "active",
};

struct table {
    size_t place[COLUMN_COUNT]; /* CSV_CELLS_MAX = absent */
    struct csv_row row;
    struct instruments known; /* the defaults, for what the table does not say */
};

static bool read_header(struct table *t, struct err *e)
{
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        t->place[c] = csv_find(&t->row, column_names[c]);
    for (size_t c = SYMBOL; c <= TICK; c++) {
        if (t->place[c] == CSV_CELLS_MAX) {
            err_set(e, "no column \"%s\" in the header", column_names[c]);
            return false;
        }
    }
    return true;
}

static struct csv_cell cell_of(const struct table *t, enum column c)
{
    static const struct csv_cell absent = {"", 0, false};
    return t->place[c] < t->row.count ? t->row.cells[t->place[c]] : absent;
}

/* A number above zero; absent = `otherwise`. */
static bool read_decimal(const struct table *t, enum column c, struct decimal otherwise,
                         struct decimal *value, struct err *e)
{
    struct csv_cell cell = cell_of(t, c);
    *value = otherwise;
    if (cell.len == 0 && otherwise.units > 0)
        return true;
    if (decimal_parse(cell.text, cell.len, value) && value->units > 0)
        return true;
    err_set(e, "column %s: \"%.*s\" is not a number above zero", column_names[c], (int)cell.len,
            cell.text);
    return false;
}

static bool is_active(struct csv_cell cell)
{
    static const char *const no[] = {"f", "false", "0"};
    for (size_t i = 0; i < COUNT(no); i++) {
        if (cell.len == strlen(no[i]) && memcmp(cell.text, no[i], cell.len) == 0)
            return false;
    }
    return true;
}

static bool read_symbol(const struct instruments *set, struct csv_cell cell, struct instrument *p,
                        struct err *e)
{
    if (cell.len == 0 || cell.len > RECORD_SYMBOL_MAX) {
        err_set(e, "column symbol: expected 1 to %d bytes", RECORD_SYMBOL_MAX);
        return false;
    }
    if (instruments_find(set, cell.text, cell.len)) {
        err_set(e, "column symbol: \"%.*s\" is here twice", (int)cell.len, cell.text);
        return false;
    }
    memcpy(p->symbol, cell.text, cell.len);
    return true;
}

static bool read_row(struct instruments *set, struct table *t, struct err *e)
{
    static const struct decimal none = {0, 0}, one = {1, 0};
    struct instrument p = {.weight = 1};
    struct decimal price, weight;
    struct csv_cell symbol = cell_of(t, SYMBOL);
    if (!is_active(cell_of(t, ACTIVE)))
        return true;
    const struct instrument *known = instruments_find(&t->known, symbol.text, symbol.len);
    struct decimal usual_weight = {known ? known->weight : 1, 0};
    struct decimal usual_price =
        known ? (struct decimal){known->start_ticks * known->tick.units, known->tick.scale} : one;
    if (!read_symbol(set, symbol, &p, e) || !read_decimal(t, TICK, none, &p.tick, e) ||
        !read_decimal(t, LOT, one, &p.lot, e) || !read_decimal(t, PRICE, usual_price, &price, e) ||
        !read_decimal(t, WEIGHT, usual_weight, &weight, e))
        return false;
    p.start_ticks = ticks_of(price, p.tick);
    /* Ticks are kept with some digits to spare, for marks and volumes of a day. */
    if (p.start_ticks == 0 || p.start_ticks > INT64_C(1000000000000) || weight.scale > 0 ||
        weight.units > WEIGHT_MAX) {
        err_set(e, "price, tick_size or weight out of range");
        return false;
    }
    p.weight = (uint32_t)weight.units;
    *append(set) = p;
    return true;
}

static bool read_table(struct instruments *set, struct table *t, const char *name, char *text,
                       struct err *e)
{
    unsigned line = 0;
    for (char *next; text; text = next) {
        line++;
        next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        if (text[0] == '\0')
            continue;
        if (!csv_split(&t->row, text, strlen(text), e) ||
            !(line == 1 ? read_header(t, e) : read_row(set, t, e))) {
            err_wrap(e, "%s:%u", name, line);
            return false;
        }
    }
    if (set->count == 0)
        err_set(e, "%s: no active pair in it", name);
    return set->count > 0;
}

bool instruments_parse(struct instruments *set, const char *name, char *text, struct err *e)
{
    struct table t;
    instruments_fini(set);
    instruments_init(&t.known);
    instruments_set_default(&t.known);
    t.row.count = 0;
    for (size_t c = 0; c < COLUMN_COUNT; c++)
        t.place[c] = CSV_CELLS_MAX;
    bool ok = read_table(set, &t, name, text, e);
    instruments_fini(&t.known);
    return ok;
}

static bool is_listed(const char *list, const char *symbol)
{
    size_t len = strlen(symbol);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
        if (strcspn(p, ",") == len && memcmp(p, symbol, len) == 0)
            return true;
    }
    return false;
}

bool instruments_keep(struct instruments *set, const char *list, struct err *e)
{
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
        if (!instruments_find(set, p, strcspn(p, ","))) {
            err_set(e, "\"%.*s\" is not among the %zu pairs", (int)strcspn(p, ","), p, set->count);
            return false;
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (is_listed(list, set->list[i].symbol))
            set->list[kept++] = set->list[i];
    }
    set->count = kept;
    if (kept == 0)
        err_set(e, "no pair is named");
    return kept > 0;
}
