/* SPDX-License-Identifier: MIT */
/*
 * Usual path: each delivery is a line for the file and a mark for the pipe; both are buffered, the
 * marks only for so long that somebody who measures with them does not notice.
 *
 * Possible failures: the file or the pipe cannot be written any more. The sending goes on, nothing
 * further is written there, and journal_close() tells.
 */
#include "journal.h"

#include "clock.h"
#include "outfile.h"
#include "text.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKS        1024
#define HOLD_BACK_US 2000

struct journal {
    struct outfile *file; /* NULL = none, or given up */
    int pipe;
    struct journal_mark marks[MARKS];
    size_t count;
    int64_t written_us; /* when marks were last written */
    bool failed;
    struct err why;
};

struct journal *journal_open(const char *path, int pipe, struct err *e)
{
    struct outfile *file = path ? outfile_open(path, e) : NULL;
    if (path && !file)
        return NULL;
    struct journal *j = err_calloc(1, sizeof *j);
    j->file = file;
    j->pipe = pipe;
    return j;
}

static void give_up_pipe(struct journal *j)
{
    err_set(&j->why, "marks: %s", strerror(errno));
    j->failed = true;
    close(j->pipe);
    j->pipe = -1;
}

static void write_marks(struct journal *j)
{
    const char *data = (const char *)j->marks;
    size_t left = j->count * sizeof *j->marks;
    j->count = 0;
    while (left > 0 && j->pipe >= 0) {
        ssize_t n = write(j->pipe, data, left);
        if (n >= 0) {
            data += n;
            left -= (size_t)n;
        } else if (errno != EINTR) {
            give_up_pipe(j);
        }
    }
}

static void put_mark(struct journal *j, const struct delivery *d)
{
    j->marks[j->count++] = (struct journal_mark){
        .offset = d->offset,
        .produced_us = d->produced_us,
        .partition = d->partition,
        .bytes = (uint32_t)d->value_len,
    };
    int64_t now_us = clock_now().mono_us;
    if (j->count == MARKS || now_us - j->written_us >= HOLD_BACK_US) {
        write_marks(j);
        j->written_us = now_us;
    }
}

static void put_line(struct journal *j, const struct delivery *d)
{
    struct buf *b = outfile_buf(j->file);
    text_put_int(b, d->partition);
    buf_put_u8(b, '\t');
    text_put_int(b, d->offset);
    buf_put_u8(b, '\t');
    text_put_int(b, d->timestamp_ms);
    buf_put_u8(b, '\t');
    text_put_int(b, d->key ? (int64_t)d->key_len : -1);
    buf_put_u8(b, '\t');
    buf_put(b, d->key, d->key ? d->key_len : 0);
    buf_put(b, d->value, d->value_len);
    buf_put_u8(b, '\n');
    if (!outfile_write(j->file, &j->why)) {
        j->failed = true;
        outfile_discard(j->file);
        j->file = NULL;
    }
}

void journal_put(void *ctx, const struct delivery *d)
{
    struct journal *j = ctx;
    if (j->pipe >= 0)
        put_mark(j, d);
    if (j->file)
        put_line(j, d);
}

bool journal_close(struct journal *j, struct err *e)
{
    write_marks(j);
    if (j->pipe >= 0)
        close(j->pipe);
    if (j->file && !outfile_close(j->file, &j->why))
        j->failed = true;
    bool ok = !j->failed;
    if (!ok)
        *e = j->why;
    free(j);
    return ok;
}

/* An integer and the tab behind it. */
static bool take_int(const char **p, const char *end, int64_t *value)
{
    char text[24];
    const char *tab = memchr(*p, '\t', (size_t)(end - *p));
    if (!tab || tab == *p || (size_t)(tab - *p) >= sizeof text)
        return false;
    memcpy(text, *p, (size_t)(tab - *p));
    text[tab - *p] = '\0';
    char *rest;
    errno = 0;
    *value = strtoll(text, &rest, 10);
    *p = tab + 1;
    return errno == 0 && *rest == '\0';
}

bool journal_parse(struct delivery *d, const char *line, size_t len, struct err *e)
{
    const char *p = line, *end = line + len;
    int64_t partition, offset, timestamp_ms, key_len;
    if (!take_int(&p, end, &partition) || partition < 0 || partition > INT_MAX ||
        !take_int(&p, end, &offset) || offset < 0 || !take_int(&p, end, &timestamp_ms) ||
        !take_int(&p, end, &key_len) || key_len < -1 || key_len > end - p) {
        err_set(e, "not a line of a journal: expected partition, offset, time, length, message");
        return false;
    }
    size_t key = key_len < 0 ? 0 : (size_t)key_len;
    *d = (struct delivery){
        .partition = (int32_t)partition,
        .offset = offset,
        .timestamp_ms = timestamp_ms,
        .key = key_len < 0 ? NULL : p,
        .key_len = key,
        .value = p + key,
        .value_len = (size_t)(end - p) - key,
    };
    return true;
}
