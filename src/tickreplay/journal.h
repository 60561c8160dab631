/* SPDX-License-Identifier: MIT */
/*
 * Keeps account of what was sent: a file with every acknowledged message, for `verify`, and a
 * stream of marks through a pipe, for `measure`. Both are optional.
 *
 * A line of the file is
 *
 *     partition TAB offset TAB timestamp_ms TAB length-of-key TAB key value
 *
 * where key and value stand side by side, and a length of -1 means no key. The name decides whether
 * it is compressed (outfile.h).
 */
#ifndef TICKREPLAY_JOURNAL_H
#define TICKREPLAY_JOURNAL_H

#include "delivery.h"
#include "err.h"
#include <stdbool.h>

/* What goes through the pipe, as it is in memory: both ends are the same program. */
struct journal_mark {
    int64_t offset;
    int64_t produced_us;
    int32_t partition;
    uint32_t bytes; /* of the value */
};

struct journal;

/* `path` NULL: no file. `pipe` -1: no marks; else it is closed by journal_close(). NULL: `e` says
 * why. */
struct journal *journal_open(const char *path, int pipe, struct err *e);

/* A delivery_fn; `ctx` is the journal. Marks may be held back for a few milliseconds. */
void journal_put(void *ctx, const struct delivery *d);

/* Writes everything and frees `j`. False: something could not be written, `e` says why. */
bool journal_close(struct journal *j, struct err *e) __attribute__((warn_unused_result));

/* Reads a line of the file into `d`; texts point into the line. False: `e` says what is wrong. */
bool journal_parse(struct delivery *d, const char *line, size_t len, struct err *e)
    __attribute__((warn_unused_result));

#endif
