/* SPDX-License-Identifier: MIT */
/*
 * Keeps what the daemon tells about itself: histograms, rates, the last 15 minutes, last prices,
 * examples of what was rejected. app.c tells it what happens; the vitals are what it knows.
 *
 * Pure. What is told on the hot path (tick, turn, take) costs nanoseconds and allocates nothing.
 */
#ifndef TICKD_MONITOR_H
#define TICKD_MONITOR_H

#include "batch.h"
#include "message.h"
#include "vitals.h"
#include <libpq-fe.h>

struct monitor;

/* `config` and `pairs` are borrowed for good. */
struct monitor *monitor_new(const struct config *config, const struct pairs *pairs,
                            struct instant now);
void monitor_free(struct monitor *m);

/* --- what happens --- */

void monitor_tick(struct monitor *m, uint32_t slot, const struct record *r);
void monitor_reject(struct monitor *m, const struct partition *p, const struct message *message,
                    enum reject_reason reason, const char *detail, int64_t wall_us);
void monitor_commit(struct monitor *m, const struct batch *b, int64_t took_us, int64_t wall_us);
void monitor_take(struct monitor *m, int64_t took_ns);
void monitor_turn(struct monitor *m, int64_t took_us);
/* Whether messages wait because nobody takes them, from now on. */
void monitor_backpressure(struct monitor *m, bool on, int64_t mono_us);

/* Results of dbstats_sql() and lastprices_sql. False: they cannot be read (`e`). */
bool monitor_stats(struct monitor *m, const PGresult *rows, int64_t wall_us, struct err *e)
    __attribute__((warn_unused_result));
bool monitor_prices(struct monitor *m, const PGresult *rows, size_t *count, struct err *e)
    __attribute__((warn_unused_result));

/* A second has gone. */
void monitor_second(struct monitor *m, const struct vital_facts *facts, struct instant now);

/* --- what is known --- */

/* Fills `v`; it points into the monitor and `facts`. */
void monitor_vitals(struct monitor *m, const struct vital_facts *facts, struct instant now,
                    struct vitals *v);
/* The same without `process`, which is a dozen system calls: enough for ready_unmet(). */
void monitor_own_vitals(struct monitor *m, const struct vital_facts *facts, struct instant now,
                        struct vitals *v);

#endif
