/* SPDX-License-Identifier: MIT */
/*
 * Encodes rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): header
 * "PGCOPY\n\377\r\n\0", flags, extension length; per row the field count and each field's length
 * and bytes, big-endian; trailer -1. One table per target names the columns; the COPY statement and
 * the encoder come from it. Pure.
 */
#ifndef TICKD_COPYROW_H
#define TICKD_COPYROW_H

#include "buf.h"
#include "message.h"
#include "record.h"
#include "reject.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 2000-01-01 as Unix time: PostgreSQL's timestamp epoch (POSTGRES_EPOCH_JDATE in its sources). */
#define COPYROW_EPOCH_US INT64_C(946684800000000)

/* timestamptz knows the Unix times [MIN, END): 4714-11-24 BC to 294276-12-31. */
#define COPYROW_TIME_MIN_MS INT64_C(-210866803200000)
#define COPYROW_TIME_END_MS INT64_C(9224318016000000)

/* What follows "COPY " in the statement, up to and including the options. */
extern const char copyrow_ticks_target[];
extern const char copyrow_rejected_target[];
extern const char copyrow_staging_target[];

#define COPYROW_TRAILER_SIZE 2

void copyrow_header(struct buf *b);
void copyrow_trailer(struct buf *b);

/* Upper bound of the bytes that one tick takes. */
#define COPYROW_TICK_MAX 176

/* Appends one row of `ticks`. */
void copyrow_tick(struct buf *b, const struct record *r);

/* What the staging table knows of a tick beside its columns in `ticks`. */
struct staged_row {
    int32_t seq;
    bool snapshot;
    int64_t event_us; /* the time it came with, in Unix microseconds */
};

/* Appends one row of the staging table: `tick` is what copyrow_tick() wrote. */
void copyrow_staged(struct buf *b, const struct staged_row *s, const uint8_t *tick,
                    size_t tick_len);

/* A dead letter. Strings are NUL-terminated UTF-8; key and payload any bytes, NULL for SQL NULL. */
struct dead_letter {
    const char *group_id;
    const char *cluster_id;
    const char *topic;
    int32_t kafka_partition;
    int64_t kafka_offset;
    int32_t item;
    enum reject_reason reason;
    const char *detail;
    const void *key;
    size_t key_len;
    const void *payload;
    size_t payload_len;
    size_t payload_bytes; /* size of the whole payload as it came */
    int64_t time_ms;      /* Kafka's timestamp, any value; NULL if timestamptz does not know it */
};

/* Appends one row of `rejected_ticks`. */
void copyrow_rejected(struct buf *b, const struct dead_letter *d);

#endif
