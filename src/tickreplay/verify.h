/* SPDX-License-Identifier: MIT */
/*
 * Proves what arrived: works out from the messages that were sent what must be in the database, and
 * compares it row by row.
 *
 *     messages -> decode -> must be rejected? -> dead letters, looked up at once
 *                     \-> must be stored -> sorted by time -+
 *     table, in the order of time --------------------------+-> compared, group by group
 *     books: offsets and counters <- counts of all of it
 *
 * Of tickd it uses the decoder alone, and of that the parser: what the scanner makes of a message
 * is among the things to be proved. The database is read in one snapshot.
 */
#ifndef TICKREPLAY_VERIFY_H
#define TICKREPLAY_VERIFY_H

#include "decode.h"
#include "err.h"
#include "findings.h"
#include "messages.h"
#include "reject.h"
#include "tiegroup.h"
#include <stdbool.h>
#include <stdint.h>

struct verify_options {
    const char *database; /* libpq's URL */
    const char *group;
    const char *topic;
    const char *cluster; /* NULL = the only one there is */
    struct decode_options decode;
    int64_t max_age_us;
    int64_t max_ahead_us;
    enum tiegroup_mode ties;
    bool keep_repeats;
    bool allow_repeats; /* a repeat that was stored all the same is no deviation */
    size_t examples;    /* of each kind that are kept */
    size_t in_memory;   /* items sorted in memory */
};

/* What must have become of the messages. */
struct verify_counts {
    uint64_t messages;
    uint64_t items;
    uint64_t stored;
    uint64_t rejected;
    uint64_t ignored;
    uint64_t dropped;
    uint64_t reasons[REJECT_COUNT];
    uint64_t repeats_stored; /* in spite of being repeats; among the stored */
};

struct verify_result {
    struct verify_counts sent;
    uint64_t rows;         /* of ticks, in the span of the messages */
    uint64_t rows_outside; /* not looked at */
    uint64_t letters;
    struct findings findings;
    bool counters_known; /* false: messages from before are in the counters; not compared */
};

/* False: it could not be found out; `e` says why. The result is to be freed in both cases. */
bool verify_run(const struct verify_options *o, struct messages *messages, struct verify_result *r,
                struct err *e) __attribute__((warn_unused_result));
void verify_result_fini(struct verify_result *r);

#endif
