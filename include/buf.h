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

#include <stddef.h>
#include <stdint.h>

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

/* Makes room for `n` more bytes and returns where they go; the caller then adds to `len`. */
uint8_t *buf_reserve(struct buf *b, size_t n);

void buf_put(struct buf *b, const void *data, size_t n);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_i16(struct buf *b, int16_t v);
void buf_put_i32(struct buf *b, int32_t v);
void buf_put_i64(struct buf *b, int64_t v);
void buf_put_f64(struct buf *b, double v);

#endif
