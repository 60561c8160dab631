/* SPDX-License-Identifier: MIT */
/*
 * Watches the other parts: asks them once a second how they are, keeps what they tell (monitor.h),
 * and serves it (web.h).
 *
 * Owns the monitor and the HTTP server; borrows the parts. It holds no part up: whatever it asks,
 * it asks without waiting. Loop thread only.
 */
#ifndef TICKD_WATCH_H
#define TICKD_WATCH_H

#include "config.h"
#include "err.h"
#include "kafka.h"
#include "monitor.h"
#include "report.h"
#include "service.h"
#include "writers.h"
#include <ev.h>

struct watch;

/* What only app.c knows. */
struct watch_flags {
    bool stopping;
    bool kafka_up;
    uint64_t kafka_connects;
    bool reload_failed;
    int64_t configured_us; /* wall clock */
};

struct watch_parts {
    struct kafka *kafka;
    struct writers *writers;
    struct service *service;
    const struct report *report;
    const struct watch_flags *flags;
};

/* Before the parts are made: they tell it things as soon as they are. NULL: it cannot listen (`e`
 * names option, value and why; `misconfigured` as in http_listen.h). */
struct watch *watch_new(struct ev_loop *loop, const struct config *config,
                        const struct pairs *pairs, bool *misconfigured, struct err *e)
    __attribute__((warn_unused_result));

/* The parts are there; before the loop runs. */
void watch_start(struct watch *w, const struct watch_parts *parts);

/* Before the parts are freed. NULL is nothing. */
void watch_free(struct watch *w);

/* What it is told; as in monitor.h. */
struct monitor *watch_monitor(struct watch *w);

/* Call once a second. */
void watch_second(struct watch *w, struct instant now);

/* Results of what it had the service session ask. */
void watch_on_stats(struct watch *w, const PGresult *rows);
void watch_on_prices(struct watch *w, const PGresult *rows);

/* Says all it knows in the log. */
void watch_dump(struct watch *w);

#endif
