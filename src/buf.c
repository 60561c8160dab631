/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include "err.h"
#include <stdlib.h>

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

void buf_grow(struct buf *b, size_t n)
{
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap - b->len < n)
        cap *= 2;
    b->data = err_realloc(b->data, cap);
    b->cap = cap;
}
