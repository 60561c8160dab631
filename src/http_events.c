/* SPDX-License-Identifier: MIT */
/*
 * Usual path: open -> a frame with everything -> read to its end -> suspended -> beat -> a frame
 * with what is new -> resumed -> ... -> the client goes, its response is freed.
 */
#include "http_events.h"

#include "err.h"
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096

/* A beat with state and rates is one of so many. */
#define STATE_BEATS 2

struct frame {
    unsigned users;
    uint64_t from, to; /* positions */
    struct buf events;
};

struct client {
    struct client *next, **link;
    struct http_events *owner;
    struct MHD_Connection *connection;
    uint64_t position;
    struct frame *frame; /* being read; NULL: none */
    size_t sent;         /* of it */
    bool suspended;
};

struct http_events {
    struct http_stream stream;
    void *ctx;
    size_t count, max;
    struct client *clients;
    struct frame *newest; /* of this beat */
    unsigned beats;
    bool stopped;
};

static void unref(struct frame *f)
{
    if (!f || --f->users > 0)
        return;
    buf_fini(&f->events);
    free(f);
}

static struct frame *render(struct http_events *s, uint64_t position, bool beat)
{
    struct frame *f = err_calloc(1, sizeof *f);
    f->users = 1;
    f->from = position;
    buf_init(&f->events);
    f->to = s->stream.render(s->ctx, position, beat, &f->events);
    return f;
}

/* Gives the client what is new to it; true if there is anything. */
static bool feed(struct http_events *s, struct client *c, bool beat)
{
    if (!s->newest || s->newest->from != c->position) {
        unref(s->newest);
        s->newest = render(s, c->position, beat);
    }
    if (s->newest->events.len == 0)
        return false;
    c->frame = s->newest;
    c->frame->users++;
    c->position = c->frame->to;
    c->sent = 0;
    return true;
}

static void finish_frame(struct client *c)
{
    unref(c->frame);
    c->frame = NULL;
}

/* Called by libmicrohttpd when the socket takes more. */
static ssize_t on_read(void *ctx, uint64_t pos, char *to, size_t max)
{
    struct client *c = ctx;
    (void)pos;
    if (c->owner->stopped)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!c->frame) {
        if (!c->suspended)
            MHD_suspend_connection(c->connection);
        c->suspended = true;
        return 0;
    }
    size_t left = c->frame->events.len - c->sent;
    size_t n = left < max ? left : max;
    memcpy(to, c->frame->events.data + c->sent, n);
    c->sent += n;
    if (c->sent == c->frame->events.len)
        finish_frame(c);
    return (ssize_t)n;
}

static void on_gone(void *ctx)
{
    struct client *c = ctx;
    finish_frame(c);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->owner->count--;
    free(c);
}

struct http_events *http_events_new(const struct http_stream *stream, void *ctx, size_t max)
{
    struct http_events *s = err_calloc(1, sizeof *s);
    s->stream = *stream;
    s->ctx = ctx;
    s->max = max;
    return s;
}

void http_events_free(struct http_events *s)
{
    if (!s)
        return;
    unref(s->newest);
    free(s);
}

struct MHD_Response *http_events_open(struct http_events *s, struct MHD_Connection *connection)
{
    if (s->count == s->max)
        return NULL;
    struct client *c = err_calloc(1, sizeof *c);
    c->owner = s;
    c->connection = connection;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, on_read, c, on_gone);
    if (!response)
        err_out_of_memory();
    c->next = s->clients;
    c->link = &s->clients;
    if (c->next)
        c->next->link = &c->next;
    s->clients = c;
    s->count++;
    c->frame = render(s, 0, true);
    c->position = c->frame->to;
    return response;
}

static void wake(struct client *c)
{
    if (c->suspended)
        MHD_resume_connection(c->connection);
    c->suspended = false;
}

void http_events_beat(struct http_events *s)
{
    bool state = s->beats++ % STATE_BEATS == 0;
    unref(s->newest);
    s->newest = NULL;
    for (struct client *c = s->clients; c; c = c->next) {
        if (c->suspended && !c->frame && feed(s, c, state))
            wake(c);
    }
}

void http_events_stop(struct http_events *s)
{
    s->stopped = true;
    for (struct client *c = s->clients; c; c = c->next)
        wake(c);
}

size_t http_events_count(const struct http_events *s)
{
    return s->count;
}
