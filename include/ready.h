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

/* True if all are met. */
bool ready(const struct vitals *v);

#endif
