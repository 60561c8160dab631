/* SPDX-License-Identifier: MIT */
#include "lag.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

struct event {
    int64_t offset; /* of the message, or the next offset seen */
    int64_t time_us;
};

/* First in, first out. */
struct queue {
    struct event *events;
    size_t head;
    size_t end;
    size_t cap;
};

struct partition_lag {
    struct queue sent; /* not matched yet */
    struct queue seen; /* what later messages may match */
};

struct lag {
    struct hist *all;
    struct hist *interval;
    struct partition_lag *partitions;
    size_t count;
    uint64_t waiting;
};

struct lag *lag_new(struct hist *all, struct hist *interval)
{
    struct lag *l = err_calloc(1, sizeof *l);
    l->all = all;
    l->interval = interval;
    return l;
}

void lag_free(struct lag *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++) {
        free(l->partitions[i].sent.events);
        free(l->partitions[i].seen.events);
    }
    free(l->partitions);
    free(l);
}

static struct partition_lag *partition_of(struct lag *l, int32_t partition)
{
    size_t i = (size_t)partition;
    if (i >= l->count) {
        l->partitions = err_realloc(l->partitions, (i + 1) * sizeof *l->partitions);
        memset(l->partitions + l->count, 0, (i + 1 - l->count) * sizeof *l->partitions);
        l->count = i + 1;
    }
    return &l->partitions[i];
}

static void push(struct queue *q, int64_t offset, int64_t time_us)
{
    if (q->end == q->cap && q->head > q->cap / 2) {
        memmove(q->events, q->events + q->head, (q->end - q->head) * sizeof *q->events);
        q->end -= q->head;
        q->head = 0;
    } else if (q->end == q->cap) {
        q->cap = q->cap ? q->cap * 2 : 64;
        q->events = err_realloc(q->events, q->cap * sizeof *q->events);
    }
    q->events[q->end++] = (struct event){offset, time_us};
}

static void match(struct lag *l, struct partition_lag *p)
{
    struct queue *sent = &p->sent, *seen = &p->seen;
    while (sent->head < sent->end && seen->head < seen->end) {
        const struct event *message = &sent->events[sent->head];
        const struct event *sight = &seen->events[seen->head];
        if (sight->offset <= message->offset) {
            seen->head++;
            continue;
        }
        hist_add(l->all, sight->time_us - message->time_us);
        hist_add(l->interval, sight->time_us - message->time_us);
        sent->head++;
        l->waiting--;
    }
}

void lag_sent(struct lag *l, int32_t partition, int64_t offset, int64_t produced_us)
{
    struct partition_lag *p = partition_of(l, partition);
    push(&p->sent, offset, produced_us);
    l->waiting++;
    match(l, p);
}

void lag_seen(struct lag *l, int32_t partition, int64_t next, int64_t seen_us)
{
    struct partition_lag *p = partition_of(l, partition);
    struct queue *seen = &p->seen;
    /* Only steps forward tell something; after a step back the old sights still hold. */
    if (seen->end > seen->head && seen->events[seen->end - 1].offset >= next)
        return;
    push(seen, next, seen_us);
    match(l, p);
}

uint64_t lag_waiting(const struct lag *l)
{
    return l->waiting;
}
