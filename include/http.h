/* SPDX-License-Identifier: MIT */
/*
 * Serves documents over HTTP on the event loop: GET and HEAD, one request a connection.
 *
 * Owns its sockets and watchers; what the documents say is the business of those who render them.
 * Loop thread only. Whatever clients do, they get a bounded share of the loop, of memory and of
 * descriptors: connections are limited in number, headers in size, requests and answers in time,
 * and a document is rendered anew only a few times a second, however often it is asked for.
 */
#ifndef TICKD_HTTP_H
#define TICKD_HTTP_H

#include "buf.h"
#include "err.h"
#include "http_address.h"
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Different answers to one path, chosen by the request's Accept header. */
#define HTTP_VARIANTS 2

struct http_reply {
    unsigned status; /* 200, unless the renderer says otherwise */
    const char *type;
    const char *policy; /* Content-Security-Policy; NULL: nothing may be loaded */
    struct buf *body;   /* empty; to be filled */
};

struct http_route {
    const char *path;
    /* Which variant, below HTTP_VARIANTS; NULL: always 0. `accept` may be NULL. */
    unsigned (*choose)(const char *accept);
    void (*render)(void *ctx, unsigned variant, struct http_reply *reply);
};

/* Server-sent events. Each client has a position; all begin at 0. */
struct http_stream {
    const char *path; /* NULL: there is none */
    /* Appends the events after `position`, with the full picture if `beat`; returns the new
     * position. */
    uint64_t (*render)(void *ctx, uint64_t position, bool beat, struct buf *out);
};

struct http_options {
    struct http_address address;
    size_t connections;
    const struct http_route *routes;
    size_t route_count;
    struct http_stream stream;
    void *ctx;
};

struct http_stats {
    size_t clients;
    size_t streams; /* of the clients */
    uint64_t requests;
    uint64_t dropped; /* connections closed for being slow, or to make room */
};

struct http;

/* Listens. NULL: `e` says why not, `misconfigured` as in http_listen.h. `routes` is borrowed. */
struct http *http_new(struct ev_loop *loop, const struct http_options *options, bool *misconfigured,
                      struct err *e) __attribute__((warn_unused_result));
/* Closes everything at once. NULL is nothing. */
void http_free(struct http *h);

struct http_stats http_stats(const struct http *h);

#endif
