/* SPDX-License-Identifier: MIT */
/*
 * What `measure` has found: totals, a histogram of latencies, and a sample for each second. Owns
 * its samples.
 */
#ifndef TICKREPLAY_MEASUREMENT_H
#define TICKREPLAY_MEASUREMENT_H

#include "buf.h"
#include "hist.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Items by what became of them, and messages. */
struct measure_counts {
    int64_t messages;
    int64_t stored;
    int64_t rejected;
    int64_t ignored;
    int64_t dropped;
};

/* One second, or what was left of one. Counts are since the start of the run. */
struct sample {
    double at_s; /* end of it, since the start */
    double length_s;
    uint64_t sent;
    struct measure_counts seen;
    uint64_t waiting; /* sent and not visible */
    uint64_t latencies;
    uint64_t p50_us; /* of the messages that became visible in it */
    uint64_t p99_us;
    uint64_t max_us;
    double cpu_pct; /* of one core; -1 = not known */
    int64_t rss_bytes;
    int64_t database_bytes;
    int64_t ticks_bytes;
};

struct measurement {
    char started[40]; /* RFC 3339 */
    const char *topic;
    const char *group;
    double poll_ms;   /* how often was looked: part of every latency */
    double sending_s; /* first message produced to last one produced */
    double run_s;
    uint64_t sent;
    uint64_t bytes;
    uint64_t waiting; /* at the end: never seen */
    struct measure_counts seen;
    uint64_t looks;
    uint64_t failed_looks;
    uint64_t audits;        /* queries that counted rows and books at once, */
    uint64_t audits_failed; /* and those where they did not agree */
    bool process_known;
    double cpu_pct;
    int64_t rss_bytes;
    int64_t rss_peak_bytes;
    int64_t database_growth;
    int64_t ticks_growth;
    int sender_code; /* exit code of the sender; -1 = killed */
    bool interrupted;
    struct hist latency; /* us */
    struct sample *samples;
    size_t count;
    size_t cap;
};

void measurement_add(struct measurement *m, const struct sample *s);
void measurement_fini(struct measurement *m);

/* True if everything sent was seen, and nothing was wrong on the way. */
bool measurement_is_good(const struct measurement *m);

/* Messages a second while sending. */
double measurement_rate(const struct measurement *m);

/* Appends all of it as a JSON object. */
void measurement_json(const struct measurement *m, struct buf *out);

#endif
