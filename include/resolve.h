/* SPDX-License-Identifier: MIT */
/*
 * Host names to addresses without holding up the event loop: getaddrinfo() in a thread.
 *
 * A struct resolve is one lookup under way. It calls back once, on the loop, never inside
 * resolve_start(), and is gone by then; or it is cancelled and never calls back. A thread that
 * nobody waits for any more ends by itself when the resolver gives up, and holds up nothing, not
 * even the end of the process; there is a limit on how many there may be.
 */
#ifndef TICKD_RESOLVE_H
#define TICKD_RESOLVE_H

#include "hostlist.h"
#include <ev.h>

struct resolve;

/* Threads in getaddrinfo() at one time, forgotten ones included. */
#define RESOLVE_THREADS_MAX 8

/* `found`: as asked for, but each name has become one entry for each of its addresses (name and
 * port stay), or none. Borrowed. `error` says which names were not found and why; "" if all were.
 */
typedef void resolve_fn(void *ctx, const struct hostlist *found, const char *error);

/* Looks up the entries that are names (see host_is_name()). `wanted` is copied. */
struct resolve *resolve_start(struct ev_loop *loop, const struct hostlist *wanted, resolve_fn *fn,
                              void *ctx);

/* Drops the answer, whether it has come or not. Returns at once. */
void resolve_cancel(struct resolve *r);

#endif
