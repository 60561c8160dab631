/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include "buf.h"
#include "source.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 65536

struct lines {
    struct source *source;
    uint64_t number;
    size_t begin;  /* of the next line in `text` */
    size_t looked; /* no newline before this */
    bool skipping; /* the rest of a line that is too long */
    bool ended;
    struct buf text;
};

struct lines *lines_open(const char *path, struct err *e)
{
    struct source *source = source_open(path, e);
    if (!source)
        return NULL;
    struct lines *l = err_calloc(1, sizeof *l);
    l->source = source;
    buf_init(&l->text);
    return l;
}

void lines_close(struct lines *l)
{
    if (!l)
        return;
    source_close(l->source);
    buf_fini(&l->text);
    free(l);
}

/* Reads more text behind what there is, after moving that to the front. */
static enum source_result read_more(struct lines *l, struct err *e)
{
    size_t got = 0;
    struct buf *b = &l->text;
    if (l->begin > 0) {
        memmove(b->data, b->data + l->begin, b->len - l->begin);
        b->len -= l->begin;
        l->looked -= l->begin;
        l->begin = 0;
    }
    enum source_result result = source_read(l->source, buf_reserve(b, PIECE), PIECE, &got, e);
    if (result == SOURCE_BYTES)
        b->len += got;
    return result;
}

/* Takes the text up to `end` as a line, and what is behind it from `next`. */
static enum line_result take(struct lines *l, size_t end, size_t next, char **line, size_t *len)
{
    bool skipped = l->skipping;
    *line = (char *)l->text.data + l->begin;
    *len = end - l->begin;
    l->begin = l->looked = next;
    l->skipping = false;
    l->number++;
    return skipped ? LINE_TOO_LONG : LINE_READ;
}

static void skip_if_too_long(struct lines *l)
{
    if (l->text.len - l->begin <= LINE_MAX_BYTES && !l->skipping)
        return;
    l->skipping = true;
    l->begin = l->looked = l->text.len;
}

enum line_result lines_next(struct lines *l, char **line, size_t *len, struct err *e)
{
    while (!l->ended) {
        struct buf *b = &l->text;
        const uint8_t *newline =
            b->len > l->looked ? memchr(b->data + l->looked, '\n', b->len - l->looked) : NULL;
        if (newline) {
            size_t end = (size_t)(newline - b->data);
            return take(l, end, end + 1, line, len);
        }
        l->looked = b->len;
        skip_if_too_long(l);
        switch (read_more(l, e)) {
        case SOURCE_BYTES:
            break;
        case SOURCE_WAITING:
            return LINE_WAITING;
        case SOURCE_FAILED:
            l->ended = true;
            l->number++;
            return LINE_FAILED;
        case SOURCE_END:
            l->ended = true;
            if (b->len > l->begin || l->skipping)
                return take(l, b->len, b->len, line, len);
            break;
        }
    }
    return LINE_END;
}

uint64_t lines_number(const struct lines *l)
{
    return l->number;
}

uint64_t lines_position(const struct lines *l)
{
    return source_position(l->source);
}

uint64_t lines_size(const struct lines *l)
{
    return source_size(l->source);
}
