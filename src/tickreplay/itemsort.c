/* SPDX-License-Identifier: MIT */
/*
 * Usual path: items fill memory; a full one is sorted and written as a run; at the end the runs,
 * and what is still in memory as one more, are merged by taking the smallest head.
 */
#include "itemsort.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Items of a run that are read at once. */
#define READ_ITEMS 2048

struct run {
    off_t next; /* in the file */
    off_t end;
    struct item *items;
    size_t at;
    size_t count;
};

struct itemsort {
    size_t in_memory;
    struct item *items;
    size_t count;
    size_t cap;
    int fd; /* -1 = none yet */
    off_t written;
    struct run *runs;
    size_t run_count;
    struct run *last; /* the run that itemsort_next() took its item from */
};

struct itemsort *itemsort_new(size_t in_memory)
{
    struct itemsort *s = err_calloc(1, sizeof *s);
    s->in_memory = in_memory;
    s->fd = -1;
    return s;
}

void itemsort_free(struct itemsort *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->run_count; i++)
        free(s->runs[i].items);
    free(s->runs);
    free(s->items);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static bool is_less(const struct item *a, const struct item *b)
{
    return a->time_us != b->time_us ? a->time_us < b->time_us : item_is_before(a, b);
}

static int compare(const void *a, const void *b)
{
    return is_less(b, a) - is_less(a, b);
}

static void add_run(struct itemsort *s, struct run run)
{
    s->runs = err_realloc(s->runs, (s->run_count + 1) * sizeof *s->runs);
    s->runs[s->run_count++] = run;
}

static bool open_file(struct itemsort *s, struct err *e)
{
    const char *dir = getenv("TMPDIR");
    s->fd = open(dir && *dir ? dir : "/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0)
        err_set(e, "temporary file in %s: %s", dir && *dir ? dir : "/var/tmp", strerror(errno));
    return s->fd >= 0;
}

static bool write_run(struct itemsort *s, struct err *e)
{
    if (s->fd < 0 && !open_file(s, e))
        return false;
    qsort(s->items, s->count, sizeof *s->items, compare);
    const char *data = (const char *)s->items;
    size_t left = s->count * sizeof *s->items;
    struct run run = {.next = s->written, .end = s->written + (off_t)left};
    while (left > 0) {
        ssize_t n = pwrite(s->fd, data, left, s->written);
        if (n <= 0) {
            err_set(e, "temporary file: %s", strerror(errno));
            return false;
        }
        data += n;
        left -= (size_t)n;
        s->written += n;
    }
    add_run(s, run);
    s->count = 0;
    return true;
}

bool itemsort_add(struct itemsort *s, const struct item *i, struct err *e)
{
    if (s->count == s->in_memory && !write_run(s, e))
        return false;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1024;
        if (s->cap > s->in_memory)
            s->cap = s->in_memory;
        s->items = err_realloc(s->items, s->cap * sizeof *s->items);
    }
    s->items[s->count++] = *i;
    return true;
}

bool itemsort_finish(struct itemsort *s, struct err *e)
{
    bool spilled = s->run_count > 0;
    if (spilled && s->count > 0 && !write_run(s, e))
        return false;
    if (spilled) {
        /* Merging needs little; the comparing that goes on beside it needs some. */
        free(s->items);
        s->items = NULL;
        return true;
    }
    if (s->count > 0)
        qsort(s->items, s->count, sizeof *s->items, compare);
    add_run(s, (struct run){.items = s->items, .count = s->count});
    s->items = NULL;
    return true;
}

/* Makes sure that the run has a head, unless it is at its end. */
static bool fill(struct itemsort *s, struct run *r, struct err *e)
{
    if (r->at < r->count || r->next == r->end)
        return true;
    if (!r->items)
        r->items = err_malloc(READ_ITEMS * sizeof *r->items);
    size_t wanted = READ_ITEMS * sizeof *r->items;
    if ((off_t)wanted > r->end - r->next)
        wanted = (size_t)(r->end - r->next);
    ssize_t n = pread(s->fd, r->items, wanted, r->next);
    if (n <= 0 || (size_t)n % sizeof *r->items != 0) {
        err_set(e, "temporary file: %s", n < 0 ? strerror(errno) : "shorter than it was");
        return false;
    }
    r->next += n;
    r->at = 0;
    r->count = (size_t)n / sizeof *r->items;
    return true;
}

bool itemsort_next(struct itemsort *s, const struct item **item, struct err *e)
{
    struct run *first = NULL;
    if (s->last)
        s->last->at++;
    for (size_t i = 0; i < s->run_count; i++) {
        struct run *r = &s->runs[i];
        if (!fill(s, r, e))
            return false;
        if (r->at < r->count && (!first || is_less(&r->items[r->at], &first->items[first->at])))
            first = r;
    }
    s->last = first;
    *item = first ? &first->items[first->at] : NULL;
    return true;
}
