/* SPDX-License-Identifier: MIT */
/*
 * The session that writes: one connection on which, one after the other, the schema is checked,
 * stored offsets are read, jumps are recorded and batches are committed.
 *
 * Owns its connection. Loop thread only. It is usable when it is connected and the schema has been
 * found complete; when the schema is not, it looks again until it is.
 */
#ifndef TICKD_INGEST_H
#define TICKD_INGEST_H

#include "batch.h"
#include "commit.h"
#include "config.h"
#include "copy.h"
#include "offsets.h"
#include "schema.h"
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct ingest;

struct ingest_callbacks {
    void (*on_usable)(void *ctx, bool usable);
    /* After each check of the schema. */
    void (*on_schema)(void *ctx, const struct schema_report *report);
    /* Partitions without a stored offset: answer with ingest_on_start(). Borrowed. */
    void (*find_start)(void *ctx, const struct offsets *missing);
    void (*on_offsets)(void *ctx, uint32_t epoch, const int64_t *values, size_t count);
    void (*on_commit)(void *ctx, enum commit_outcome outcome);
    void (*on_jumped)(void *ctx);
    void *ctx;
};

/* `name` of its connection in the log: borrowed for good, like `config`. */
struct ingest *ingest_new(struct ev_loop *loop, const struct config *config, const char *name,
                          const struct ingest_callbacks *callbacks);
void ingest_free(struct ingest *s);
void ingest_start(struct ingest *s);

bool ingest_is_connected(const struct ingest *s);
bool ingest_is_usable(const struct ingest *s);
uint64_t ingest_connects(const struct ingest *s); /* since the start */
int ingest_backend_pid(const struct ingest *s);

/* Takes over what another session has found: how the foreign key is looked after. */
void ingest_use_schema(struct ingest *s, const struct schema_report *report);

/* Each is done as soon as the session is free and usable; a newer request of a kind replaces an
 * older one. `owner` and `o` are copied; the batch is borrowed until on_commit. */
void ingest_read_offsets(struct ingest *s, const struct batch_owner *owner, const struct offsets *o,
                         uint32_t epoch);
void ingest_commit(struct ingest *s, const struct batch_owner *owner, struct batch *b,
                   const struct offsets *o, bool merge);
void ingest_jump(struct ingest *s, const struct batch_owner *owner, const struct partition *p,
                 int64_t next);

/* Answer to find_start: `expected` of each is where it begins; or why that could not be found. */
void ingest_on_start(struct ingest *s, const struct offsets *found, const char *error);

/* Closes the connection at once; a commit under way is answered COMMIT_LOST. */
void ingest_abort(struct ingest *s, const char *why);

#endif
