/* SPDX-License-Identifier: MIT */
/*
 * Usual path: resolve_start -> thread: look_up -> hand_over -> loop: on_done -> callback.
 *
 * Possible failures: no thread to be had, or too many that hang: an answer with an error, on the
 * loop as ever. Cancelled: the thread finds `cancelled` set and leaves the loop alone.
 *
 *        loop                    thread
 *     wanted -----------------> reads
 *                               found, error: writes
 *     reads   <-- ev_async ----
 *
 * Both hold the struct; whoever lets go last frees it. The lock orders the hand-over and keeps
 * ev_async_send() away from a loop that has stopped listening.
 */
#include "resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* For getaddrinfo() and whatever name service modules the machine has. */
#define STACK_BYTES (512 * 1024)

struct resolve {
    struct ev_loop *loop;
    struct ev_async done;
    resolve_fn *fn;
    void *ctx;

    struct hostlist wanted;
    struct hostlist found;
    struct err error;

    pthread_mutex_t lock;
    bool cancelled;
    int holders;
};

static atomic_int threads;

/* Adds to a list of reasons; what does not fit is left out. */
static void add_error(struct err *e, const char *name, const char *why)
{
    size_t len = strlen(e->text);
    snprintf(e->text + len, sizeof e->text - len, "%scannot look up host \"%s\": %s",
             len ? "; " : "", name, why);
}

static void add_addresses(struct resolve *r, const struct host *h, const struct addrinfo *list)
{
    char text[NI_MAXHOST];
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        int rc = getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        if (rc)
            add_error(&r->error, h->name, gai_strerror(rc));
        else if (!hostlist_add(&r->found, h->name, text, h->port))
            return; /* more than enough to try */
    }
}

static void look_up(struct resolve *r, const struct host *h)
{
    if (!host_is_name(h)) {
        hostlist_add(&r->found, h->name, h->addr, h->port);
        return;
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(h->name, NULL, &hints, &list);
    if (rc) {
        add_error(&r->error, h->name, gai_strerror(rc));
        return;
    }
    add_addresses(r, h, list);
    freeaddrinfo(list);
}

/* One of the two sides lets go. `from_thread`: and tells the other, if it still listens. */
static void let_go(struct resolve *r, bool from_thread)
{
    pthread_mutex_lock(&r->lock);
    if (from_thread && !r->cancelled)
        ev_async_send(r->loop, &r->done);
    if (!from_thread)
        r->cancelled = true;
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&r->lock);
    hostlist_fini(&r->wanted);
    hostlist_fini(&r->found);
    free(r);
}

static void *run(void *arg)
{
    struct resolve *r = arg;
    for (size_t i = 0; i < r->wanted.count; i++)
        look_up(r, &r->wanted.items[i]);
    atomic_fetch_sub(&threads, 1); /* first: who gets the answer may ask again */
    let_go(r, true);
    return NULL;
}

/* Signals are the loop's business, so the thread starts with all of them blocked. */
static int start_thread(struct resolve *r)
{
    pthread_attr_t attr;
    pthread_t id;
    sigset_t all;
    sigset_t saved;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    int rc = pthread_create(&id, &attr, run, r);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

/* Answers in the thread's stead. */
static void refuse(struct resolve *r, const char *why)
{
    err_set(&r->error, "cannot look up hosts: %s", why);
    let_go(r, true);
}

static void on_done(struct ev_loop *loop, struct ev_async *w, int revents)
{
    (void)loop;
    (void)revents;
    struct resolve *r = w->data;
    resolve_fn *fn = r->fn;
    void *ctx = r->ctx;
    struct err error;
    pthread_mutex_lock(&r->lock);
    struct hostlist found = r->found;
    hostlist_init(&r->found);
    error = r->error;
    pthread_mutex_unlock(&r->lock);
    resolve_cancel(r);
    fn(ctx, &found, error.text);
    hostlist_fini(&found);
}

struct resolve *resolve_start(struct ev_loop *loop, const struct hostlist *wanted, resolve_fn *fn,
                              void *ctx)
{
    struct resolve *r = err_calloc(1, sizeof *r);
    r->loop = loop;
    r->fn = fn;
    r->ctx = ctx;
    r->holders = 2;
    hostlist_copy(&r->wanted, wanted);
    pthread_mutex_init(&r->lock, NULL);
    ev_async_init(&r->done, on_done);
    r->done.data = r;
    ev_async_start(loop, &r->done);

    if (atomic_fetch_add(&threads, 1) >= RESOLVE_THREADS_MAX) {
        atomic_fetch_sub(&threads, 1);
        refuse(r, "too many earlier lookups are still unanswered");
        return r;
    }
    int rc = start_thread(r);
    if (rc) {
        atomic_fetch_sub(&threads, 1);
        refuse(r, strerror(rc));
    }
    return r;
}

void resolve_cancel(struct resolve *r)
{
    ev_async_stop(r->loop, &r->done);
    let_go(r, false);
}
