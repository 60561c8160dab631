/* SPDX-License-Identifier: MIT */
#include "pairs.h"

#include <stdlib.h>
#include <string.h>

const char pairs_sql[] = "SELECT symbol, active, coalesce(display_name, ''), category FROM pairs";

enum { COLUMN_SYMBOL, COLUMN_ACTIVE, COLUMN_DISPLAY_NAME, COLUMN_CATEGORY, COLUMN_COUNT };

/* Open addressing, linear probing; `index` holds slot + 1, 0 is free. At most half full. Pairs are
 * never removed from it, only unlisted, so that slots stay. */
struct pairs {
    struct pair *slots;
    size_t slot_count;
    size_t slot_cap;
    uint32_t *index;
    size_t index_size; /* power of two */
    size_t listed;
    size_t active;
    bool loaded;
};

#define INDEX_FIRST 128

struct pairs *pairs_new(void)
{
    struct pairs *p = err_calloc(1, sizeof *p);
    p->index_size = INDEX_FIRST;
    p->index = err_calloc(p->index_size, sizeof *p->index);
    return p;
}

void pairs_free(struct pairs *p)
{
    if (!p)
        return;
    free(p->slots);
    free(p->index);
    free(p);
}

/* FNV-1a, 32 bit (RFC draft-eastlake-fnv). */
static uint32_t hash_symbol(const char *symbol, size_t len)
{
    uint32_t h = 2166136261U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)symbol[i]) * 16777619U;
    return h;
}

/* Where the symbol is in the index, or the free place where it belongs. */
static size_t probe(const struct pairs *p, const char *symbol, size_t len)
{
    size_t i = hash_symbol(symbol, len) & (p->index_size - 1);
    while (p->index[i] != 0) {
        const struct pair *pair = &p->slots[p->index[i] - 1];
        if (pair->symbol_len == len && memcmp(pair->symbol, symbol, len) == 0)
            break;
        i = (i + 1) & (p->index_size - 1);
    }
    return i;
}

static void rebuild_index(struct pairs *p, size_t size)
{
    free(p->index);
    p->index = err_calloc(size, sizeof *p->index);
    p->index_size = size;
    for (size_t slot = 0; slot < p->slot_count; slot++) {
        const struct pair *pair = &p->slots[slot];
        p->index[probe(p, pair->symbol, pair->symbol_len)] = (uint32_t)slot + 1;
    }
}

/* The pair of a symbol, made if it is new. */
static struct pair *intern(struct pairs *p, const char *symbol, size_t len)
{
    size_t at = probe(p, symbol, len);
    if (p->index[at] != 0)
        return &p->slots[p->index[at] - 1];
    if ((p->slot_count + 1) * 2 > p->index_size) {
        rebuild_index(p, p->index_size * 2);
        at = probe(p, symbol, len);
    }
    if (p->slot_count == p->slot_cap) {
        p->slot_cap = p->slot_cap ? p->slot_cap * 2 : 64;
        p->slots = err_realloc(p->slots, p->slot_cap * sizeof *p->slots);
    }
    struct pair *pair = &p->slots[p->slot_count];
    *pair = (struct pair){.symbol_len = (uint8_t)len, .slot = (uint32_t)p->slot_count};
    memcpy(pair->symbol, symbol, len);
    p->index[at] = (uint32_t)++p->slot_count;
    return pair;
}

static bool check_result(const PGresult *result, struct err *e)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        err_set(e, "pairs: no rows came back");
        return false;
    }
    if (PQnfields(result) != COLUMN_COUNT) {
        err_set(e, "pairs: %d columns came back, expected %d", PQnfields(result), COLUMN_COUNT);
        return false;
    }
    return true;
}

static void copy_text(char *to, size_t size, const PGresult *result, int row, int column)
{
    size_t len = (size_t)PQgetlength(result, row, column);
    if (len >= size)
        len = size - 1;
    memcpy(to, PQgetvalue(result, row, column), len);
    to[len] = '\0';
}

/* A symbol over the limit of ticks.symbol in bytes (it may be 20 characters of several bytes)
 * cannot be the symbol of any tick; its row is passed over. */
static void load_row(struct pairs *p, const PGresult *result, int row)
{
    size_t len = (size_t)PQgetlength(result, row, COLUMN_SYMBOL);
    if (len == 0 || len > RECORD_SYMBOL_MAX)
        return;
    struct pair *pair = intern(p, PQgetvalue(result, row, COLUMN_SYMBOL), len);
    pair->listed = true;
    pair->active = PQgetvalue(result, row, COLUMN_ACTIVE)[0] == 't';
    copy_text(pair->display_name, sizeof pair->display_name, result, row, COLUMN_DISPLAY_NAME);
    copy_text(pair->category, sizeof pair->category, result, row, COLUMN_CATEGORY);
    p->listed++;
    p->active += pair->active;
}

bool pairs_load(struct pairs *p, const PGresult *result, struct err *e)
{
    if (!check_result(result, e))
        return false;
    for (size_t slot = 0; slot < p->slot_count; slot++)
        p->slots[slot].listed = p->slots[slot].active = false;
    p->listed = p->active = 0;
    for (int row = 0; row < PQntuples(result); row++)
        load_row(p, result, row);
    p->loaded = true;
    return true;
}

bool pairs_loaded(const struct pairs *p)
{
    return p->loaded;
}

const struct pair *pairs_find(const struct pairs *p, const char *symbol, size_t len)
{
    size_t at = probe(p, symbol, len);
    if (p->index[at] == 0)
        return NULL;
    const struct pair *pair = &p->slots[p->index[at] - 1];
    return pair->listed ? pair : NULL;
}

const struct pair *pairs_at(const struct pairs *p, uint32_t slot)
{
    return &p->slots[slot];
}

size_t pairs_count(const struct pairs *p)
{
    return p->listed;
}

size_t pairs_active_count(const struct pairs *p)
{
    return p->active;
}

size_t pairs_slot_count(const struct pairs *p)
{
    return p->slot_count;
}
