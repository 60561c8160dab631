/* SPDX-License-Identifier: MIT */
/*
 * Whether tickd is ready, and if not, why: every condition by name.
 *
 * Pure.
 */
#ifndef TICKD_READY_H
#define TICKD_READY_H

#include "vitals.h"
#include <stdbool.h>

/* name, what is so when it is not met */
#define READY_TABLE(X)                                                                             \
    X(RUNNING, "running", "tickd is stopping")                                                     \
    X(DATABASE, "database", "a database connection is down")                                       \
    X(SCHEMA, "schema", "tables, columns, functions or privileges are missing")                    \
    X(PAIRS, "pairs", "the pairs table has not been loaded")                                       \
    X(BROKER, "broker", "no Kafka broker answers")                                                 \
    X(PARTITIONS, "partitions", "no partition is assigned")                                        \
    X(OFFSETS, "offsets", "the stored offsets have not been read")                                 \
    X(GAPS, "gaps", "a partition is stopped: its next offset is gone from Kafka")                  \
    X(COMMITS, "commits", "the database does not take the batch")                                  \
    X(LAG, "lag", "more messages wait in Kafka than ready_max_lag")

/* So many commits failing in a row are trouble; one or two are ordinary: a restart, a deadlock. */
#define READY_FAILURES 3

enum ready_condition {
#define X(name, word, text) READY_##name,
    READY_TABLE(X)
#undef X
        READY_COUNT
};

/* "database", "a database connection is down". Static storage. */
const char *ready_name(enum ready_condition condition);
const char *ready_text(enum ready_condition condition);

bool ready_is_met(enum ready_condition condition, const struct vitals *v);

/* The conditions that are not met: bit `1u << condition` of each. */
unsigned ready_unmet(const struct vitals *v);

/*
 * True if all are met.
 *
 * systemd's READY=1 (report.h) is another question, asked once: has the start come to its end?
 * Ticks flow by then, but a backlog of hours may make tickd unready all that time, and a start must
 * not time out for it. Nor can systemd be told that a service is unready again.
 */
bool ready(const struct vitals *v);

#endif
