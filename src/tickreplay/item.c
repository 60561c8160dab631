/* SPDX-License-Identifier: MIT */
#include "item.h"

#include <math.h>

bool item_is_before(const struct item *a, const struct item *b)
{
    if (a->partition != b->partition)
        return a->partition < b->partition;
    if (a->offset != b->offset)
        return a->offset < b->offset;
    return a->index < b->index;
}

/* As stored: NULL equals NULL, and there is one zero. */
static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

bool item_equals_item(const struct item *a, const struct item *b)
{
    return same(a->price, b->price) && same(a->volume, b->volume) && same(a->bid, b->bid) &&
           same(a->ask, b->ask) && a->exchange == b->exchange && a->symbol == b->symbol;
}

bool item_equals_row(const struct item *a, const struct item_row *r)
{
    return same(a->price, r->values.price) && same(a->volume, r->values.volume) &&
           same(a->bid, r->values.bid) && same(a->ask, r->values.ask) &&
           a->exchange == r->values.exchange && a->symbol == r->symbol;
}
