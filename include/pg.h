/* SPDX-License-Identifier: MIT */
/*
 * One PostgreSQL connection on the event loop that stays connected: it connects, resolves names
 * anew each time (without blocking the loop), backs off with jitter, reconnects for ever, and runs
 * one request at a time.
 *
 * Owns its PGconn, watchers and resolver. Loop thread only. A request calls back exactly once,
 * never inside the call that started it: done, failed, or lost with the connection.
 */
#ifndef TICKD_PG_H
#define TICKD_PG_H

#include "pgreply.h"
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg;

struct pg_options {
    const char *name;              /* "ingest", "service": for logs */
    const char *conninfo;          /* URI or key=value; copied */
    const char *application;       /* application_name */
    uint32_t connect_timeout_ms;   /* for an attempt, look-up of names included */
    uint32_t statement_timeout_ms; /* a whole request may take half as long again, at most 5 s; then
                                    * the connection is given up; 0 = no limit */
    uint32_t lock_timeout_ms;
    uint32_t retry_min_ms;
    uint32_t retry_max_ms;
};

typedef void pg_reply_fn(void *ctx, const struct pg_reply *reply);

struct pg_callbacks {
    void (*on_up)(void *ctx);                    /* session is set up and idle */
    void (*on_down)(void *ctx, const char *why); /* after the reply callback of a lost request */
    void (*on_notify)(void *ctx, const char *channel);
    void *ctx;
};

/* Copies what it is given. A connection string that libpq does not take is a failed attempt each
 * time. */
struct pg *pg_new(struct ev_loop *loop, const struct pg_options *options,
                  const struct pg_callbacks *callbacks);
/* Stops, if needed without waiting for the server, and frees. No callback is called. Legal at any
 * time, from inside a callback too. `pg` may be NULL. */
void pg_free(struct pg *pg);

/* Begins to connect and goes on for ever. */
void pg_start(struct pg *pg);

/* Connected, set up, and no request under way. */
bool pg_is_idle(const struct pg *pg);
bool pg_is_up(const struct pg *pg);

/* Why it is not connected, or was not the last time: one line without secrets, "" if there was no
 * trouble. Valid until the next wake-up. */
const char *pg_last_error(const struct pg *pg);

/* Backend pid, 0 when not connected. Server version as PQserverVersion(). */
int pg_backend_pid(const struct pg *pg);
int pg_server_version(const struct pg *pg);

/* Runs `sql` (simple protocol, may hold several statements, at most one COPY FROM STDIN, whose data
 * is `copy`; borrowed until the reply). Must be idle. A transaction that it leaves open, or failed,
 * stays so for the next request. */
void pg_request(struct pg *pg, const char *sql, const void *copy, size_t copy_len, pg_reply_fn *fn,
                void *ctx);

/* Closes the connection at once and connects anew after a backoff; without one, gives up the
 * attempt under way. What was under way is answered PG_LOST, and on_down called, from the loop. */
void pg_reset(struct pg *pg, const char *why);

/* `s` as an SQL literal with quotes, appended to `out` of size `size`; false if it does not fit.
 * Works for any valid UTF-8 without NUL, on any server with standard_conforming_strings on (pg.c
 * sets it). */
bool pg_quote(char *out, size_t size, const char *s) __attribute__((warn_unused_result));

#endif
