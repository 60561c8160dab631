/* SPDX-License-Identifier: MIT */
/*
 * The transaction of one batch on one connection.
 *
 *     BEGIN
 *     COPY ticks                  or, row by row: COPY tickd_staging, ingest_merge()
 *     ingest_check_pairs()        if COPY has left the foreign key to it
 *     COPY rejected_ticks         if there are dead letters
 *     ingest_advance() each       the fence
 *     COMMIT                      its tag must say so
 *
 * One request if there are no dead letters, and nothing is merged. Begun only with a batch that is
 * complete in memory, so that locks are not held while waiting for anything but the server. Owns
 * nothing but its scratch buffers; the connection and the batch are borrowed. Calls back exactly
 * once, never from inside copy_start().
 */
#ifndef TICKD_COPY_H
#define TICKD_COPY_H

#include "batch.h"
#include "commit.h"
#include "offsets.h"
#include "pg.h"
#include "sqlstate.h"
#include <stdbool.h>

/* What the log says about a transaction that did not commit. */
struct copy_failure {
    const char *step; /* "rows", "merge", "letters", "fence", "commit" */
    const char *sqlstate;
    enum sqlstate_class class;
    const char *error;
};

/* `failure` is NULL if the outcome is COMMIT_DONE; borrowed for the call. */
typedef void copy_done_fn(void *ctx, enum commit_outcome outcome,
                          const struct copy_failure *failure);

struct copy;

/* `ties` is the word that ingest_merge() takes: "spread", "first" or "last"; `spread_bps` the
 * spread of snapshots that have none of their own (synthetic_spread_bps). */
struct copy *copy_new(struct pg *pg, const char *ties, double spread_bps, copy_done_fn *done,
                      void *ctx);
void copy_free(struct copy *c);

/* From now on the foreign key is checked at once, not row by row, for batches of at least so many
 * rows (struct fkcheck). At first there are none. */
void copy_set_fk_rows(struct copy *c, size_t min_rows);

/* Writes `b`, whose partitions are those of `o`. `pg` must be idle. */
void copy_start(struct copy *c, struct batch *b, const struct offsets *o,
                const struct batch_owner *owner, bool merge);

/* Appends a name as an SQL literal. Names of groups, clusters and topics are short: Kafka's limit
 * for a topic is 249 bytes, and config refuses a longer group. */
void copy_put_literal(struct buf *sql, const char *text);

/* Appends "SELECT <function>('group', 'cluster', 'topic', partition" for a function that begins
 * with these four arguments; the caller goes on with ", ..." and closes. */
void copy_put_call(struct buf *sql, const char *function, const struct batch_owner *owner,
                   const struct partition *p);

/* Appends formatted text to an SQL string; no terminating NUL is kept in `len`. */
void copy_put_sql(struct buf *sql, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
