/* SPDX-License-Identifier: MIT */
/*
 * From message to committed batch: the only file that knows the order of the stages, and every
 * decision about what to do next. No I/O, no clock, no random numbers of its own: shells tell it
 * what happened (pipeline_on_*), it asks them for what it wants (struct pipeline_ops). So a
 * simulator can drive it with any fault in any order.
 *
 *     take -> decode -> validate -> ties -> filling batch -> flying batch == COMMIT ==> offsets
 *
 * Requests are answered later by the matching pipeline_on_*, never from inside the request.
 */
#ifndef TICKD_PIPELINE_H
#define TICKD_PIPELINE_H

#include "backoff.h"
#include "batch.h"
#include "clock.h"
#include "commit.h"
#include "decode.h"
#include "message.h"
#include "offsets.h"
#include "pairs.h"
#include "ties.h"
#include "validate.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the pipeline asks of the shells. */
struct pipeline_ops {
    /* Read the stored offsets of the assigned partitions (making missing rows) once the database
     * can be asked -> pipeline_on_offsets() with the same epoch. A newer request replaces an older
     * one. */
    void (*read_offsets)(void *ctx, const struct offsets *assigned, uint32_t epoch);
    /* Fetch from each partition's `expected`, stopped ones not at all. */
    void (*assign)(void *ctx, const struct offsets *o);
    /* The partitions are given up. */
    void (*release)(void *ctx);
    /* Write the batch in one transaction -> pipeline_on_commit(). Borrowed until then. */
    void (*commit)(void *ctx, struct batch *b, const struct offsets *o, bool merge);
    /* End the commit under way at once; it is still answered, with COMMIT_LOST. */
    void (*abort_commit)(void *ctx);
    /* `o->items[].durable` has advanced: tell lag tools. */
    void (*committed)(void *ctx, const struct offsets *o);
    /* Load `pairs` now -> pipeline_on_pairs(). */
    void (*refresh_pairs)(void *ctx);
    /* Record that a partition goes on at `next`, because the log begins there -> pipeline_resync().
     */
    void (*jump)(void *ctx, const struct partition *p, int64_t next);
    /* To be known only, on the hot path; NULL: nobody wants to. A tick of the pair in this slot was
     * accepted; a tick of this message was rejected. */
    void (*tick)(void *ctx, uint32_t slot, const struct record *r);
    void (*rejected)(void *ctx, const struct partition *p, const struct message *m,
                     enum reject_reason reason, const char *detail);
    void *ctx;
};

enum pipeline_state {
    PIPELINE_IDLE,      /* no partitions assigned */
    PIPELINE_SYNCING,   /* assigned; stored offsets being read for the first time */
    PIPELINE_RUNNING,   /* consuming, or able to */
    PIPELINE_RELEASING, /* partitions are to be given up when the flying batch has ended */
};

const char *pipeline_state_name(enum pipeline_state state);

struct pipeline_options {
    struct decode_options decode;
    struct validate_options validate;
    struct batch_limits limits;
    int64_t
        gather_us; /* how long a fetch may gather ticks: that time is a part of limits.linger_us */
    enum ties_mode ties;
    size_t tie_memory;
    bool keep_repeats;
    bool jump_gaps; /* on_offset_gap = earliest */
    int64_t pairs_refresh_min_us;
    int64_t release_timeout_us; /* how long a revoke waits for the flying batch */
    uint32_t retry_min_ms;
    uint32_t retry_max_ms;
};

/* Since start; what the log's summary line and the metrics show. */
struct pipeline_stats {
    uint64_t messages;
    uint64_t seen_before;           /* messages below the expected offset, passed over */
    uint64_t stored;                /* committed */
    uint64_t rejected;              /* committed */
    uint64_t ignored;               /* committed */
    uint64_t dropped;               /* committed; ties = first | last */
    uint64_t rejects[REJECT_COUNT]; /* taken, by reason */
    uint64_t ties_spread;           /* taken */
    uint64_t commits;
    uint64_t merges; /* commits that went row by row */
    uint64_t retries;
    uint64_t fences_lost;
    uint64_t rewinds;         /* batches dropped and read again */
    uint64_t unknown_commits; /* outcomes resolved by reading the offsets */
};

struct pipeline;

struct pipeline *pipeline_new(const struct pipeline_options *options, struct pairs *pairs,
                              const struct pipeline_ops *ops);
void pipeline_free(struct pipeline *p);

/* Takes those options that may change while running: limits, validation, intervals, what to do at
 * a gap. */
void pipeline_set_options(struct pipeline *p, const struct pipeline_options *options);

/* Who writes; set once, before the first assignment. */
void pipeline_set_owner(struct pipeline *p, const char *group_id, const char *cluster_id);

/* --- intake --- */

/* True if a message can be taken now; false is the backpressure. */
bool pipeline_wants_input(const struct pipeline *p);

/* Takes a message. False: not now, offer the same message again when pipeline_wants_input(). */
bool pipeline_take(struct pipeline *p, const struct message *m, struct instant now);

/* --- what happened --- */

void pipeline_on_assign(struct pipeline *p, const struct offsets *partitions);
void pipeline_on_revoke(struct pipeline *p, bool lost, struct instant now);
/* The ingest session can (`up`) or cannot be used. A commit under way has been answered before. */
void pipeline_on_database(struct pipeline *p, bool up);
/* `values[i]` is the stored next_offset of partition i. */
void pipeline_on_offsets(struct pipeline *p, uint32_t epoch, const int64_t *values, size_t count);
void pipeline_on_commit(struct pipeline *p, enum commit_outcome outcome, struct instant now,
                        uint32_t random);
/* `pairs` was loaded, at a time after the request. */
void pipeline_on_pairs(struct pipeline *p);
/* An offset is not in Kafka's log, which holds [low, high), or OFFSETS_UNKNOWN; the partition is
 * not fetched until it is assigned anew. */
void pipeline_on_gap(struct pipeline *p, uint32_t partition, int64_t low, int64_t high);

/* Reads the offsets again and goes on from there; stopped partitions get another chance. */
void pipeline_resync(struct pipeline *p);

/* --- going on --- */

/* Starts what is due. Call after every event and when pipeline_wake_us() has come. */
void pipeline_step(struct pipeline *p, struct instant now);

/* Monotonic time at which pipeline_step() has something to do; INT64_MAX if only an event can. */
int64_t pipeline_wake_us(const struct pipeline *p);

/* No more intake; what is filling is flushed. Drained when nothing is left that can be written. */
void pipeline_stop(struct pipeline *p);
bool pipeline_is_drained(const struct pipeline *p);

/* --- how it is --- */

enum pipeline_state pipeline_state(const struct pipeline *p);
const struct pipeline_stats *pipeline_stats(const struct pipeline *p);
void pipeline_stats_add(struct pipeline_stats *sum, const struct pipeline_stats *more);
const struct offsets *pipeline_offsets(const struct pipeline *p);
bool pipeline_is_broken(const struct pipeline *p); /* COMMIT_BROKEN happened: exit */
bool pipeline_is_flying(const struct pipeline *p);
size_t pipeline_stopped_count(const struct pipeline *p);
/* The batches, to be counted: the one that is filling, and the one that flies or is to fly again,
 * which may be empty. */
const struct batch *pipeline_filling(const struct pipeline *p);
const struct batch *pipeline_flying(const struct pipeline *p);
/* How often in a row the batch that is to be written was not; 0 as soon as none is. */
uint32_t pipeline_failures(const struct pipeline *p);

#endif
