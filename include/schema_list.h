/* SPDX-License-Identifier: MIT */
/*
 * What tickd expects of the database: lists from which both the query and its judge are made.
 *
 * For schema.c and schema_sql.c only.
 */
#ifndef TICKD_SCHEMA_LIST_H
#define TICKD_SCHEMA_LIST_H

/* X(name, owner); a sibling is used by other services only. */
#define RELATIONS(X)                                                                               \
    X(pairs, OURS)                                                                                 \
    X(ticks, OURS)                                                                                 \
    X(ingest_offsets, OURS)                                                                        \
    X(rejected_ticks, OURS)                                                                        \
    X(ingest_gaps, OURS)                                                                           \
    X(orders, SIBLING)                                                                             \
    X(positions, SIBLING)                                                                          \
    X(whale_activities, SIBLING)                                                                   \
    X(performance_metrics, SIBLING)                                                                \
    X(candles_15m_ohlcv, SIBLING)

#define TEXT  "text|character varying"
#define TIME  "timestamp with time zone"
#define FLOAT "double precision"

/*
 * X(relation, column, types, characters it must hold, privileges)
 *
 * Types as format_type() names them, without modifier; COPY is binary, so no others will do.
 * Privileges are what tickd and the functions it calls need: S select, I insert, U update, L update
 * if the last of a tie is to be kept.
 */
#define COLUMNS(X)                                                                                 \
    X(pairs, symbol, TEXT, 0, S)                                                                   \
    X(pairs, active, "boolean", 0, S)                                                              \
    X(pairs, display_name, TEXT, 0, S)                                                             \
    X(pairs, category, TEXT, 0, S)                                                                 \
    X(ticks, time, TIME, 0, SI)                                                                    \
    X(ticks, symbol, TEXT, 20, SI)                                                                 \
    X(ticks, price, FLOAT, 0, SIL)                                                                 \
    X(ticks, volume, FLOAT, 0, SIL)                                                                \
    X(ticks, bid, FLOAT, 0, SIL)                                                                   \
    X(ticks, ask, FLOAT, 0, SIL)                                                                   \
    X(ticks, exchange, TEXT, 50, SIL)                                                              \
    X(ingest_offsets, group_id, TEXT, 0, SI)                                                       \
    X(ingest_offsets, cluster_id, TEXT, 0, SI)                                                     \
    X(ingest_offsets, topic, TEXT, 249, SI)                                                        \
    X(ingest_offsets, kafka_partition, "integer", 0, SI)                                           \
    X(ingest_offsets, next_offset, "bigint", 0, SIU)                                               \
    X(ingest_offsets, messages, "bigint", 0, SU)                                                   \
    X(ingest_offsets, stored, "bigint", 0, SU)                                                     \
    X(ingest_offsets, rejected, "bigint", 0, SU)                                                   \
    X(ingest_offsets, ignored, "bigint", 0, SU)                                                    \
    X(ingest_offsets, dropped, "bigint", 0, SU)                                                    \
    X(ingest_offsets, updated_at, TIME, 0, U)                                                      \
    X(rejected_ticks, group_id, TEXT, 0, I)                                                        \
    X(rejected_ticks, cluster_id, TEXT, 0, I)                                                      \
    X(rejected_ticks, topic, TEXT, 249, I)                                                         \
    X(rejected_ticks, kafka_partition, "integer", 0, I)                                            \
    X(rejected_ticks, kafka_offset, "bigint", 0, I)                                                \
    X(rejected_ticks, item, "integer", 0, I)                                                       \
    X(rejected_ticks, reason, TEXT, 0, I)                                                          \
    X(rejected_ticks, detail, TEXT, 0, I)                                                          \
    X(rejected_ticks, key, "bytea", 0, I)                                                          \
    X(rejected_ticks, payload, "bytea", 0, I)                                                      \
    X(rejected_ticks, payload_bytes, "integer", 0, I)                                              \
    X(rejected_ticks, message_time, TIME, 0, I)                                                    \
    X(ingest_gaps, group_id, TEXT, 0, I)                                                           \
    X(ingest_gaps, cluster_id, TEXT, 0, I)                                                         \
    X(ingest_gaps, topic, TEXT, 249, I)                                                            \
    X(ingest_gaps, kafka_partition, "integer", 0, I)                                               \
    X(ingest_gaps, from_offset, "bigint", 0, I)                                                    \
    X(ingest_gaps, to_offset, "bigint", 0, I)                                                      \
    X(ingest_gaps, reason, TEXT, 0, I)

/* X(relation, columns in alphabetical order, the same for people): keys our SQL relies on. */
#define KEYS(X)                                                                                    \
    X(ticks, "symbol,time", "(time, symbol)")                                                      \
    X(ingest_offsets, "cluster_id,group_id,kafka_partition,topic",                                 \
      "(group_id, cluster_id, topic, kafka_partition)")

/* X(name, argument types) */
#define FUNCTIONS(X)                                                                               \
    X(ingest_start, "text,text,text,integer,bigint")                                               \
    X(ingest_advance, "text,text,text,integer,bigint,bigint,bigint,bigint,bigint,bigint,bigint")   \
    X(ingest_jump, "text,text,text,integer,bigint,bigint,text")                                    \
    X(ingest_staging, "")                                                                          \
    X(ingest_merge, "text,double precision")

#endif
