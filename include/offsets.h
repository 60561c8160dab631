/* SPDX-License-Identifier: MIT */
/*
 * Where each assigned partition stands: what the database has, and what comes next from Kafka.
 *
 * Transparent, owned by the pipeline. The index of a partition in `items` is its name everywhere
 * else (struct message, struct batch) for as long as the assignment lasts.
 *
 *      durable            expected
 *         |  flying | filling |
 *     ----+---------+---------+------------>  offsets of one partition
 */
#ifndef TICKD_OFFSETS_H
#define TICKD_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OFFSETS_TOPIC_MAX 249 /* Kafka's limit on the length of a topic's name */
#define OFFSETS_UNKNOWN   (-1)

struct partition {
    char topic[OFFSETS_TOPIC_MAX + 1];
    int32_t id; /* Kafka's number */
    int64_t
        durable; /* ingest_offsets.next_offset as last read or written; OFFSETS_UNKNOWN before */
    int64_t expected; /* next offset to accept; lower ones have been seen */
    int64_t gap_low;  /* where to go on after a gap, OFFSETS_UNKNOWN if there is none */
    bool stopped;     /* its offset is gone in Kafka: not read until an operator decides */
};

struct offsets {
    struct partition *items;
    size_t count;
    size_t cap;
};

void offsets_init(struct offsets *o);
void offsets_fini(struct offsets *o);
void offsets_clear(struct offsets *o);
void offsets_copy(struct offsets *to, const struct offsets *from);

/* Adds a partition with unknown offsets; returns its index. */
size_t offsets_add(struct offsets *o, const char *topic, int32_t id);

/* Index of a partition, or o->count if it is not assigned. */
size_t offsets_find(const struct offsets *o, const char *topic, int32_t id);

#endif
