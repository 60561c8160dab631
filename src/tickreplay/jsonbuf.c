/* SPDX-License-Identifier: MIT */
#include "jsonbuf.h"

#include "err.h"

/* Enough for every figure reported, and no 0.30000000000000004. */
#define DIGITS 9

static int put(const char *text, size_t len, void *ctx)
{
    buf_put(ctx, text, len);
    return 0;
}

void jsonbuf_put_new(struct buf *out, json_t *value, size_t indent)
{
    if (json_dump_callback(value, put, out, JSON_INDENT(indent) | JSON_REAL_PRECISION(DIGITS)) != 0)
        err_out_of_memory(); /* nothing else can go wrong: put() does not fail */
    buf_put_u8(out, '\n');
    json_decref(value);
}
