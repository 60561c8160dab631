/* SPDX-License-Identifier: MIT */
/*
 * The pairs that a generated market trades: how a price and an amount of each are written, what it
 * is worth, and how busy it is. A set owns its instruments.
 */
#ifndef TICKREPLAY_INSTRUMENT_H
#define TICKREPLAY_INSTRUMENT_H

#include "decimal.h"
#include "err.h"
#include "record.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct instrument {
    char symbol[RECORD_SYMBOL_MAX + 1];
    struct decimal tick; /* the step of prices, > 0 */
    struct decimal lot;  /* the step of amounts, > 0 */
    int64_t start_ticks; /* where the price begins, in ticks, > 1 */
    uint32_t weight;     /* its share of the messages, among the weights of all; > 0 */
};

struct instruments {
    struct instrument *list;
    size_t count;
};

void instruments_init(struct instruments *set);
void instruments_fini(struct instruments *set);

/* The 30 pairs of the default schema. */
void instruments_set_default(struct instruments *set);

/*
 * Reads a table of pairs: CSV with a header, columns `symbol` and `tick_size`, and if there are any
 * `min_order_size` (1), `price` (that of the default pair of this name, else 1), `weight` (that of
 * the default pair, else 1) and `active` (f, false or 0 leaves the pair out). Other columns are
 * passed over, so that `\copy pairs to pairs.csv csv header` gives a file to use. False: `e` names
 * line and column. `text` is changed.
 */
bool instruments_parse(struct instruments *set, const char *name, char *text, struct err *e)
    __attribute__((warn_unused_result));

/* Keeps those of a list "BTC,ETH". False if one of them is not in the set. */
bool instruments_keep(struct instruments *set, const char *list, struct err *e)
    __attribute__((warn_unused_result));

const struct instrument *instruments_find(const struct instruments *set, const char *symbol,
                                          size_t len);

#endif
