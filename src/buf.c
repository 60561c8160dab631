/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include "err.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 4096

void buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_shrink(struct buf *b, size_t keep)
{
    if (b->cap <= keep)
        return;
    b->data = err_realloc(b->data, keep);
    b->cap = keep;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (n > b->cap - b->len) {
        size_t cap = b->cap ? b->cap : BUF_FIRST;
        while (cap - b->len < n)
            cap *= 2;
        b->data = err_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_put(struct buf *b, const void *data, size_t n)
{
    if (n == 0)
        return;
    memcpy(buf_reserve(b, n), data, n);
    b->len += n;
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, sizeof v);
}

void buf_put_i16(struct buf *b, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    buf_put(b, &be, sizeof be);
}

void buf_put_i32(struct buf *b, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    buf_put(b, &be, sizeof be);
}

void buf_put_i64(struct buf *b, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    buf_put(b, &be, sizeof be);
}

void buf_put_f64(struct buf *b, double v)
{
    int64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_put_i64(b, bits);
}
