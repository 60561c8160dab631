/* SPDX-License-Identifier: MIT */
#include "copyrow.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A field of a row: its length word, then its bytes. */

static void put_null(struct buf *b)
{
    buf_put_i32(b, -1);
}

static void put_bytes(struct buf *b, const void *data, size_t len)
{
    if (!data) {
        put_null(b);
        return;
    }
    buf_put_i32(b, (int32_t)len);
    buf_put(b, data, len);
}

static void put_text(struct buf *b, const char *s)
{
    put_bytes(b, s, s ? strlen(s) : 0);
}

static void put_int(struct buf *b, int32_t v)
{
    buf_put_i32(b, sizeof v);
    buf_put_i32(b, v);
}

static void put_bigint(struct buf *b, int64_t v)
{
    buf_put_i32(b, sizeof v);
    buf_put_i64(b, v);
}

static void put_bool(struct buf *b, bool v)
{
    buf_put_i32(b, 1);
    buf_put_u8(b, v ? 1 : 0);
}

static void put_time(struct buf *b, int64_t unix_us)
{
    put_bigint(b, unix_us - COPYROW_EPOCH_US);
}

static void put_number(struct buf *b, double v)
{
    if (isnan(v)) {
        put_null(b);
        return;
    }
    buf_put_i32(b, sizeof v);
    buf_put_f64(b, v);
}

/* A producer may write any int64 as the time of its message. One that PostgreSQL's timestamptz does
 * not know would make it refuse the dead letter, again and again: it is left out. */
static void put_message_time(struct buf *b, int64_t time_ms)
{
    if (time_ms < COPYROW_TIME_MIN_MS || time_ms >= COPYROW_TIME_END_MS)
        put_null(b);
    else
        put_bigint(b, (time_ms - COPYROW_EPOCH_US / 1000) * 1000);
}

/* The columns of each target, in the order in which they are encoded: separator, name, encoder. */

#define TICK_COLUMNS(X)                                                                            \
    X("", time, put_time(b, r->time_us))                                                           \
    X(", ", symbol, put_bytes(b, r->symbol, r->symbol_len))                                        \
    X(", ", price, put_number(b, r->price))                                                        \
    X(", ", volume, put_number(b, r->volume))                                                      \
    X(", ", bid, put_number(b, r->bid))                                                            \
    X(", ", ask, put_number(b, r->ask))                                                            \
    X(", ", exchange, put_bytes(b, r->exchange, r->exchange_len))

/* What staging adds in front of the columns of a tick. */
#define STAGING_COLUMNS(X)                                                                         \
    X("", seq, put_int(b, s->seq))                                                                 \
    X(", ", snapshot, put_bool(b, s->snapshot))                                                    \
    X(", ", event_time, put_time(b, s->event_us))

#define REJECTED_COLUMNS(X)                                                                        \
    X("", group_id, put_text(b, d->group_id))                                                      \
    X(", ", cluster_id, put_text(b, d->cluster_id))                                                \
    X(", ", topic, put_text(b, d->topic))                                                          \
    X(", ", kafka_partition, put_int(b, d->kafka_partition))                                       \
    X(", ", kafka_offset, put_bigint(b, d->kafka_offset))                                          \
    X(", ", item, put_int(b, d->item))                                                             \
    X(", ", reason, put_text(b, reject_code(d->reason)))                                           \
    X(", ", detail, put_text(b, d->detail))                                                        \
    X(", ", key, put_bytes(b, d->key, d->key_len))                                                 \
    X(", ", payload, put_bytes(b, d->payload, d->payload_len))                                     \
    X(", ", payload_bytes, put_int(b, (int32_t)d->payload_bytes))                                  \
    X(", ", message_time, put_message_time(b, d->time_ms))

#define NAME(separator, column, put)  separator #column
#define COUNT(separator, column, put) +1
#define PUT(separator, column, put)   put;

#define BINARY " FROM STDIN (FORMAT binary)"

const char copyrow_ticks_target[] = "ticks (" TICK_COLUMNS(NAME) ")" BINARY;
const char copyrow_rejected_target[] = "rejected_ticks (" REJECTED_COLUMNS(NAME) ")" BINARY;
const char copyrow_staging_target[] =
    "tickd_staging (" STAGING_COLUMNS(NAME) ", " TICK_COLUMNS(NAME) ")" BINARY;

enum {
    TICK_FIELDS = 0 TICK_COLUMNS(COUNT),
    STAGING_FIELDS = 0 STAGING_COLUMNS(COUNT),
    REJECTED_FIELDS = 0 REJECTED_COLUMNS(COUNT),
};

void copyrow_header(struct buf *b)
{
    static const uint8_t signature[11] = "PGCOPY\n\377\r\n";
    buf_put(b, signature, sizeof signature);
    buf_put_i32(b, 0); /* flags: none */
    buf_put_i32(b, 0); /* no header extension */
}

void copyrow_trailer(struct buf *b)
{
    buf_put_i16(b, -1);
}

void copyrow_tick(struct buf *b, const struct record *r)
{
    buf_reserve(b, COPYROW_TICK_MAX);
    buf_put_i16(b, TICK_FIELDS);
    TICK_COLUMNS(PUT)
}

void copyrow_staged(struct buf *b, const struct staged_row *s, const uint8_t *tick, size_t tick_len)
{
    assert(tick_len > 2);
    buf_put_i16(b, STAGING_FIELDS + TICK_FIELDS);
    STAGING_COLUMNS(PUT)
    buf_put(b, tick + 2, tick_len - 2); /* all of it but its own field count */
}

void copyrow_rejected(struct buf *b, const struct dead_letter *d)
{
    buf_put_i16(b, REJECTED_FIELDS);
    REJECTED_COLUMNS(PUT)
}
