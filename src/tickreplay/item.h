/* SPDX-License-Identifier: MIT */
/*
 * A tick that must be in the table, and a row that is there. Plain data, as small as it goes: there
 * may be millions.
 */
#ifndef TICKREPLAY_ITEM_H
#define TICKREPLAY_ITEM_H

#include <stdbool.h>
#include <stdint.h>

/* The values of a row beside its key. */
struct item_values {
    double price;
    double volume;
    double bid; /* NaN = NULL */
    double ask;
    uint16_t exchange; /* number of its name */
};

struct item {
    int64_t time_us; /* event time */
    int64_t offset;  /* of the message, or its number in the recording */
    double price;
    double volume;
    double bid;
    double ask;
    int32_t index; /* within the message */
    uint16_t partition;
    uint16_t symbol; /* number of its name */
    uint16_t exchange;
    bool snapshot;
};

struct item_row {
    int64_t time_us;
    uint16_t symbol;
    struct item_values values;
};

/* True if `a` arrived before `b`: they are of one partition, or the partitions decide. */
bool item_is_before(const struct item *a, const struct item *b);

bool item_equals_item(const struct item *a, const struct item *b);
bool item_equals_row(const struct item *a, const struct item_row *r);

#endif
