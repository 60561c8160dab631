/* SPDX-License-Identifier: MIT */
/*
 * The database that is measured: one connection that looks at it over and over.
 *
 * Blocks for as long as the database takes to answer. Owns the connection, which is made anew when
 * it is lost.
 */
#ifndef TICKREPLAY_TARGET_H
#define TICKREPLAY_TARGET_H

#include "err.h"
#include <stdbool.h>
#include <stdint.h>

/* A row of ingest_offsets. */
struct target_partition {
    int32_t partition;
    int64_t next;
    int64_t messages;
    int64_t stored;
    int64_t rejected;
    int64_t ignored;
    int64_t dropped;
};

struct target_sizes {
    int64_t database_bytes;
    int64_t ticks_bytes; /* with indexes, and all chunks */
};

/* Rows of `ticks` and what the books say, seen by one query. */
struct target_audit {
    int64_t rows;
    int64_t stored;
};

struct target;

/* Connects. NULL: `e` says why not. */
struct target *target_open(const char *url, const char *group, const char *topic, struct err *e);
void target_close(struct target *t);

typedef void target_fn(void *ctx, const struct target_partition *p);

/* Calls `fn` with each partition of the group and topic. False: no answer; the next call tries to
 * connect again. `e` says why. */
bool target_look(struct target *t, target_fn *fn, void *ctx, struct err *e)
    __attribute__((warn_unused_result));

bool target_sizes(struct target *t, struct target_sizes *s, struct err *e)
    __attribute__((warn_unused_result));

/* Counts the table: takes as long as the table is large. */
bool target_audit(struct target *t, struct target_audit *a, struct err *e)
    __attribute__((warn_unused_result));

#endif
