/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <math.h>
#include <string.h>

bool record_is_snapshot(const struct record *r)
{
    switch (r->source) {
    case SOURCE_PRICES:
    case SOURCE_BBO:
        return true;
    case SOURCE_CANONICAL:
    case SOURCE_TRADES:
    case SOURCE_COUNT:
        break;
    }
    return false;
}

/* As stored: NULL equals NULL. */
static bool equal(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool record_equal(const struct record *a, const struct record *b)
{
    return a->time_us == b->time_us && equal(a->price, b->price) && equal(a->volume, b->volume) &&
           equal(a->bid, b->bid) && equal(a->ask, b->ask) && a->symbol_len == b->symbol_len &&
           a->exchange_len == b->exchange_len && memcmp(a->symbol, b->symbol, a->symbol_len) == 0 &&
           memcmp(a->exchange, b->exchange, a->exchange_len) == 0;
}
