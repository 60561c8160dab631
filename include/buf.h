/* SPDX-License-Identifier: MIT */
/*
 * A growable byte buffer with an upper limit, for COPY data and payloads kept with a batch.
 *
 * Owns its memory. Integers are appended in network byte order, as PostgreSQL's binary formats want
 * them. Memory is kept on buf_clear(), so a buffer that has reached its working size never
 * allocates.
 */
#ifndef TICKD_BUF_H
#define TICKD_BUF_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Bytes that somebody else owns. */
struct span {
    const uint8_t *data;
    size_t len;
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);

/* Empties the buffer, keeps its memory. */
void buf_clear(struct buf *b);

/* Gives memory above `keep` bytes back if the buffer has grown past it; contents must be empty. */
void buf_shrink(struct buf *b, size_t keep);

/* Grows so that `n` more bytes have room; the rest of buf_reserve(). */
void buf_grow(struct buf *b, size_t n);

/* Makes room for `n` more bytes and returns where they go; the caller then adds to `len`. */
static inline uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (n > b->cap - b->len)
        buf_grow(b, n);
    return b->data + b->len;
}

/* Inline, because a tick is a dozen of them and the compiler then knows their sizes. */

static inline void buf_put(struct buf *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), data, n);
    b->len += n;
}

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, sizeof v);
}

static inline void buf_put_i16(struct buf *b, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    buf_put(b, &be, sizeof be);
}

static inline void buf_put_i32(struct buf *b, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    buf_put(b, &be, sizeof be);
}

static inline void buf_put_i64(struct buf *b, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    buf_put(b, &be, sizeof be);
}

static inline void buf_put_f64(struct buf *b, double v)
{
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_put_i64(b, bits);
}

#endif
