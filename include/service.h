/* SPDX-License-Identifier: MIT */
/*
 * The session that looks after things beside the writing one: loads `pairs` (at start, on a timer,
 * on NOTIFY, on demand), looks at the schema now and then, and ends sessions of our own group that
 * stall while they hold what the writing session needs.
 *
 * Owns its connection; borrows `pairs`. Loop thread only.
 */
#ifndef TICKD_SERVICE_H
#define TICKD_SERVICE_H

#include "config.h"
#include "pairs.h"
#include "schema.h"
#include <ev.h>
#include <stdbool.h>

struct service;

struct service_callbacks {
    void (*on_pairs)(void *ctx); /* a load asked for before has been done */
    void (*on_schema)(void *ctx, const struct schema_report *report);
    void (*on_stats)(void *ctx, const PGresult *rows);  /* of dbstats_sql() */
    void (*on_prices)(void *ctx, const PGresult *rows); /* of lastprices_sql */
    void *ctx;
};

struct service *service_new(struct ev_loop *loop, const struct config *config, struct pairs *pairs,
                            const struct service_callbacks *callbacks);
void service_free(struct service *s);
void service_start(struct service *s);

/* Loads `pairs` as soon as possible, and again if a load is under way already. */
void service_refresh_pairs(struct service *s);

/* Looks whether a stalled session of our group blocks the backend `pid`, and ends it if so. */
void service_unblock(struct service *s, int pid);

/* Asks for what the database says about itself; `hypertable`: ticks is one. */
void service_ask_stats(struct service *s, bool hypertable);

/* Reads the last price of each pair from the table. */
void service_ask_prices(struct service *s);

uint64_t service_connects(const struct service *s); /* since the start */
bool service_is_connected(const struct service *s);

#endif
