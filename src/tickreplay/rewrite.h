/* SPDX-License-Identifier: MIT */
/*
 * Messages with other times and symbols: what scan.h found is replaced, every other byte stays.
 * Pure.
 */
#ifndef TICKREPLAY_REWRITE_H
#define TICKREPLAY_REWRITE_H

#include "args.h"
#include "buf.h"
#include "err.h"
#include "scan.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names to replace; the texts are borrowed. */
struct symbol_map {
    struct symbol_pair {
        const char *from;
        size_t from_len;
        const char *to;
        size_t to_len;
    } * pairs;
    size_t count;
};

/* Reads "BTCUSDT=BTC" each, or several with commas between. False: `e` names the one that is wrong.
 */
bool symbol_map_parse(struct symbol_map *map, const struct arg_texts *texts, struct err *e)
    __attribute__((warn_unused_result));
void symbol_map_fini(struct symbol_map *map);

/* The name that stands for `symbol`, itself if there is no other. */
void symbol_map_find(const struct symbol_map *map, const char *symbol, size_t len,
                     const char **found, size_t *found_len);

struct rewrite {
    int64_t shift_ms; /* added to every event time */
    const struct symbol_map *map;
};

/*
 * Appends the message with its tokens replaced. A time keeps its unit, its zone and the number of
 * its digits; those below the millisecond are not touched, and times coarser than the shift are
 * rounded down, all alike. A time that would leave its range stays.
 */
void rewrite_message(const struct rewrite *r, const struct scan *scan, const char *text, size_t len,
                     struct buf *b);

#endif
