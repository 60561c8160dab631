/* SPDX-License-Identifier: MIT */
/*
 * The clients of the stream of server-sent events: what each has been sent, and what comes next.
 *
 *     http_events_beat()  ->  a frame of what is new  ->  read by libmicrohttpd, piece by piece
 *
 * A client that is still busy with a frame gets no other; when it is done, the next one has all
 * that came meanwhile: nothing piles up for a slow client. Clients at the same position share a
 * frame. Loop thread only.
 */
#ifndef TICKD_HTTP_EVENTS_H
#define TICKD_HTTP_EVENTS_H

#include "http.h"
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct http_events;

struct http_events *http_events_new(const struct http_stream *stream, void *ctx, size_t max);
/* All connections have been closed. */
void http_events_free(struct http_events *s);

/* A response for the client, or NULL if there are too many already. The caller queues it, and gives
 * its reference up. */
struct MHD_Response *http_events_open(struct http_events *s, struct MHD_Connection *connection)
    __attribute__((warn_unused_result));

/* Every half second: wakes those for whom there is something new. */
void http_events_beat(struct http_events *s);

/* Wakes all, for the last time: they end. */
void http_events_stop(struct http_events *s);

size_t http_events_count(const struct http_events *s);

#endif
