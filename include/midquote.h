/* SPDX-License-Identifier: MIT */
/*
 * How a record's price and its quote follow from each other, in the channels that have only one of
 * the two. Pure.
 */
#ifndef TICKD_MIDQUOTE_H
#define TICKD_MIDQUOTE_H

#include "record.h"

/* Sets bid and ask to `mid` (finite, above zero) less and plus so many basis points; leaves them if
 * the spread is not above zero, or gives no quote. */
void midquote_set_quote(struct record *r, double mid, double spread_bps);

/* Sets the price to the middle of bid and ask, or to the one that there is; false if there is none.
 */
bool midquote_set_price(struct record *r);

#endif
