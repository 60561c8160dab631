/* SPDX-License-Identifier: MIT */
/*
 * Stands in for decode.c where tests are about what comes after it: a payload is a list of items,
 * separated by blanks, quick to write, to read and to decode.
 *
 *     BTC@12=345      a trade of BTC, 12 ms after FAKE_DECODE_EPOCH_US, price 345
 *     BTC@12=345*6    ... volume 6
 *     BTC@12~345*6    a quote (snapshot) with bid 344 and ask 346
 *     !               a rejected item (no_price)
 *     .               an ignored item; so is an empty payload
 */
#ifndef TICKD_FAKE_DECODE_H
#define TICKD_FAKE_DECODE_H

#include "decode.h"

#define FAKE_DECODE_EPOCH_US INT64_C(1763225136000000)

#endif
