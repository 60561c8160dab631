/* SPDX-License-Identifier: MIT */
#include "midquote.h"

#include <math.h>

void midquote_set_quote(struct record *r, double mid, double spread_bps)
{
    if (!(spread_bps > 0))
        return;
    double bid = mid * (1 - spread_bps / 10000);
    double ask = mid * (1 + spread_bps / 10000);
    if (bid > 0 && isfinite(ask)) {
        r->bid = bid;
        r->ask = ask;
    }
}

bool midquote_set_price(struct record *r)
{
    if (isnan(r->bid) && isnan(r->ask))
        return false;
    if (isnan(r->bid))
        r->price = r->ask;
    else if (isnan(r->ask))
        r->price = r->bid;
    else
        r->price = isfinite(r->bid + r->ask) ? (r->bid + r->ask) / 2 : r->bid / 2 + r->ask / 2;
    return true;
}
