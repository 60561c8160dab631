/* SPDX-License-Identifier: MIT */
/*
 * The writers: pairs of a pipeline and its writing session, each owning a share of the assigned
 * partitions. Seen from outside they are one: partitions are given, messages taken, partitions
 * given up.
 *
 *                        +-- partitions 0, 3, 6 .. -- pipeline -- session --+
 *     Kafka -- by index -+-- partitions 1, 4, 7 .. -- pipeline -- session --+-- database
 *                        +-- partitions 2, 5, 8 .. -- pipeline -- session --+
 *
 * A partition's offset is fenced by the session that owns the partition, so writers need to know
 * nothing of each other: a lost connection, a rewind or a fence concerns one. Each has a lane of
 * its own through the consumer (kafka.h), and one that can take no more holds up no other.
 *
 * Owns pipelines and sessions. Makes no decision about batches, and does no I/O but through its
 * sessions and `struct writers_ops`. Loop thread only.
 */
#ifndef TICKD_WRITERS_H
#define TICKD_WRITERS_H

#include "config.h"
#include "ingest.h"
#include "pipeline.h"

struct ev_loop;
struct writers;

/* What the writers ask of the shells; answered as in pipeline.h and ingest.h. */
struct writers_ops {
    /* Fetch all partitions anew, in the order they were given: each from its `expected`, stopped
     * ones not at all. */
    void (*assign)(void *ctx, const struct offsets *o);
    /* The partitions are given up, all of them. */
    void (*release)(void *ctx);
    /* One question at a time -> writers_on_start(). */
    void (*find_start)(void *ctx, const struct offsets *missing);
    void (*refresh_pairs)(void *ctx); /* -> writers_on_pairs() */
    void (*committed)(void *ctx);     /* durable offsets have advanced */
    void (*broken)(void *ctx);        /* the server cannot read what tickd sends: exit */
    void (*on_schema)(void *ctx, const struct schema_report *report);
    /* To be known only; the first two as in pipeline.h, the third: the batch was committed, in so
     * much time. Borrowed. */
    void (*tick)(void *ctx, uint32_t slot, const struct record *r);
    void (*rejected)(void *ctx, const struct partition *p, const struct message *m,
                     enum reject_reason reason, const char *detail);
    void (*batch_done)(void *ctx, const struct batch *b, int64_t took_us);
    void *ctx;
};

/* config->writers of them; `config` and `pairs` are borrowed for good. The memory of ties
 * (options->tie_memory) is shared out among them. */
struct writers *writers_new(struct ev_loop *loop, const struct config *config,
                            const struct pipeline_options *options, struct pairs *pairs,
                            const struct writers_ops *ops);
void writers_free(struct writers *w);

/* Begins to connect. */
void writers_start(struct writers *w);

/* As pipeline_set_options(). */
void writers_set_options(struct writers *w, const struct pipeline_options *options);

/* Who writes; before the first assignment. The strings are borrowed for good. */
void writers_set_owner(struct writers *w, const char *group_id, const char *cluster_id);

/* --- intake --- */

/* False: nothing of this lane (the partitions g with g % writers == lane) can be taken now. */
bool writers_want_input(const struct writers *w, size_t lane);

/* Takes a message. False: not now, offer the same message again. */
bool writers_take(struct writers *w, const struct message *m, struct instant now);

/* --- what happened --- */

void writers_on_assign(struct writers *w, const struct offsets *partitions);
void writers_on_revoke(struct writers *w, bool lost, struct instant now);
void writers_on_start(struct writers *w, const struct offsets *found, const char *error);
void writers_on_pairs(struct writers *w);
void writers_on_schema(struct writers *w, const struct schema_report *report); /* of any session */
void writers_on_gap(struct writers *w, uint32_t partition, int64_t low, int64_t high);

/* Reads all offsets again; stopped partitions get another chance. */
void writers_resync(struct writers *w);

/* --- going on, as in pipeline.h --- */

void writers_step(struct writers *w, struct instant now);
int64_t writers_wake_us(const struct writers *w);
void writers_stop(struct writers *w);
bool writers_are_drained(const struct writers *w);

/* --- how they are --- */

/* What the headline is made of: the worst of all. */
struct writers_facts {
    bool connected; /* every session */
    bool usable;    /* likewise */
    enum pipeline_state state;
    size_t partitions;
    size_t stopped;    /* partitions at a gap */
    uint32_t failures; /* in a row */
    uint64_t connects; /* of all sessions, since the start */
    size_t filling_rows, filling_bytes;
    size_t flying_rows, flying_bytes;
};

struct writers_facts writers_facts(const struct writers *w);

/* Sum over all. */
struct pipeline_stats writers_stats(const struct writers *w);

/* All partitions as they were given; valid until the next call of this module. */
const struct offsets *writers_offsets(struct writers *w);

/* Backend pid of a session whose commit has been under way for longer than `limit_us`, 0 if there
 * is none. If there are several they take turns. */
int writers_slow_backend(struct writers *w, int64_t now_us, int64_t limit_us);

#endif
