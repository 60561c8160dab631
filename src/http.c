/* SPDX-License-Identifier: MIT */
/*
 * Usual path: accept -> libmicrohttpd reads the request -> on_request -> a response, rendered or
 * kept from a moment ago -> sent -> closed. For the stream: http_events.c.
 *
 *     listening socket --> on_accept() --> MHD_add_connection()
 *     MHD's epoll fd, its timeout --> run() --> MHD_run(): one step of each connection that is
 * ready
 *
 * Possible failures, none of which is the loop's:
 *
 * - A client that is slow, or says nothing: its socket is shut down REQUEST_LIMIT_US after it came,
 *   whether it dribbles or not. libmicrohttpd's own timeout begins anew with every byte.
 * - Too many connections: the oldest that has asked for nothing makes room, but not in its first
 *   second; if there is none, the others wait in the kernel's queue.
 * - Too much to do: after each run() as much as nine times its duration belongs to others.
 */
#include "http.h"

#include "clock.h"
#include "http_events.h"
#include "http_listen.h"
#include "log.h"
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_LIMIT     (12 * 1024)
#define REQUEST_LIMIT_US INT64_C(10000000)
#define GRACE_US         INT64_C(1000000) /* before a silent client makes room */
#define KEEP_US          INT64_C(250000)  /* how long a rendered document serves */
#define ACCEPTS          16               /* in one turn */
#define SHARE            9
#define REST_MIN_US      500 /* shorter rests are not worth a timer */
#define BEAT_S           .5
#define RETRY_S          .1

static const char no_sources[] = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/* A connection, from accept to close. In a list by age, the oldest last. */
struct client {
    struct client *newer, *older;
    int fd;
    int64_t since_us;
    bool asked; /* its request has come */
    bool streams;
    bool dropped; /* its socket has been shut down */
};

struct page {
    struct MHD_Response *response;
    unsigned status;
    int64_t since_us;
};

struct http {
    struct ev_loop *loop;
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct http_events *events;
    int fd;
    struct page *pages; /* HTTP_VARIANTS for each route */
    struct buf body;
    struct client *newest, *oldest;
    struct http_stats stats;
    ev_io accept;
    ev_io ready; /* MHD's epoll */
    ev_timer due;
    ev_timer beat;
    ev_timer rest; /* neither accepts nor runs until then */
};

/* --- clients --- */

static void add_client(struct http *h, struct client *c)
{
    c->older = h->newest;
    if (h->newest)
        h->newest->newer = c;
    else
        h->oldest = c;
    h->newest = c;
    h->stats.clients++;
}

static void remove_client(struct http *h, struct client *c)
{
    if (c->older)
        c->older->newer = c->newer;
    else
        h->oldest = c->newer;
    if (c->newer)
        c->newer->older = c->older;
    else
        h->newest = c->older;
    h->stats.clients--;
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = ctx;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        remove_client(h, *socket_context);
        free(*socket_context);
        return;
    }
    struct client *c = err_calloc(1, sizeof *c);
    c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->since_us = clock_now().mono_us;
    *socket_context = c;
    add_client(h, c);
}

/* libmicrohttpd closes it when it finds that nothing more can be read or written. */
static void drop(struct http *h, struct client *c)
{
    if (c->dropped)
        return;
    c->dropped = true;
    h->stats.dropped++;
    shutdown(c->fd, SHUT_RDWR);
}

/* Those who have not got their answer in time. */
static void drop_slow(struct http *h, int64_t now_us)
{
    for (struct client *c = h->oldest; c && now_us - c->since_us > REQUEST_LIMIT_US; c = c->newer) {
        if (!c->streams)
            drop(h, c);
    }
}

/* Makes room for some more, if anybody has been silent for long enough. */
static void make_room(struct http *h, int64_t now_us)
{
    int left = ACCEPTS;
    for (struct client *c = h->oldest; c && left > 0 && now_us - c->since_us > GRACE_US;
         c = c->newer) {
        if (c->asked || c->dropped)
            continue;
        drop(h, c);
        left--;
    }
    if (left < ACCEPTS)
        MHD_run(h->daemon);
}

/* --- answers --- */

static void add_header(struct MHD_Response *r, const char *name, const char *value)
{
    if (MHD_add_response_header(r, name, value) != MHD_YES)
        err_out_of_memory();
}

static void add_headers(struct MHD_Response *r, const char *type, const char *policy)
{
    add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    add_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    add_header(r, "Content-Security-Policy", policy ? policy : no_sources);
    add_header(r, "X-Content-Type-Options", "nosniff");
    add_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    add_header(r, "Referrer-Policy", "no-referrer");
}

static struct MHD_Response *make_response(const void *body, size_t len)
{
    struct MHD_Response *r =
        MHD_create_response_from_buffer(len, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (!r)
        err_out_of_memory();
    return r;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *json)
{
    struct MHD_Response *r = make_response(json, strlen(json));
    add_headers(r, "application/json", NULL);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        add_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    enum MHD_Result result = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return result;
}

static void render(struct http *h, const struct http_route *route, unsigned variant,
                   struct page *page)
{
    struct http_reply reply = {.status = MHD_HTTP_OK, .type = "application/json", .body = &h->body};
    buf_clear(&h->body);
    route->render(h->options.ctx, variant, &reply);
    if (page->response)
        MHD_destroy_response(page->response);
    page->response = make_response(h->body.data, h->body.len);
    page->status = reply.status;
    page->since_us = clock_now().mono_us;
    add_headers(page->response, reply.type, reply.policy);
}

static enum MHD_Result serve(struct http *h, struct MHD_Connection *connection, size_t i)
{
    const struct http_route *route = &h->options.routes[i];
    const char *accept =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    unsigned variant = route->choose ? route->choose(accept) : 0;
    struct page *page = &h->pages[i * HTTP_VARIANTS + variant];
    if (!page->response || clock_now().mono_us - page->since_us >= KEEP_US)
        render(h, route, variant, page);
    return MHD_queue_response(connection, page->status, page->response);
}

static enum MHD_Result serve_stream(struct http *h, struct MHD_Connection *connection,
                                    struct client *c, bool head)
{
    if (head) {
        struct MHD_Response *r = make_response("", 0);
        add_headers(r, "text/event-stream", NULL);
        enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, r);
        MHD_destroy_response(r);
        return result;
    }
    struct MHD_Response *r = http_events_open(h->events, connection);
    if (!r)
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "{\"error\":\"too many clients of the stream\"}\n");
    c->streams = true;
    add_headers(r, "text/event-stream", NULL);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return result;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request)
{
    (void)version, (void)upload, (void)upload_len, (void)request;
    struct http *h = ctx;
    struct client *c =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    c->asked = true;
    h->stats.requests++;
    if (!head && strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                      "{\"error\":\"only GET and HEAD\"}\n");
    if (!http_address_allows(
            &h->options.address,
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
        return refuse(connection, MHD_HTTP_FORBIDDEN,
                      "{\"error\":\"this name is not served here\"}\n");
    if (h->options.stream.path && strcmp(url, h->options.stream.path) == 0)
        return serve_stream(h, connection, c, head);
    for (size_t i = 0; i < h->options.route_count; i++) {
        if (strcmp(url, h->options.routes[i].path) == 0)
            return serve(h, connection, i);
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, "{\"error\":\"not found\"}\n");
}

/* --- the loop --- */

/* When libmicrohttpd wants to be run again by itself. */
static void arm_due(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG ms;
    ev_timer_stop(h->loop, &h->due);
    if (MHD_get_timeout(h->daemon, &ms) != MHD_YES)
        return;
    ev_timer_set(&h->due, (double)ms / 1000, 0.);
    ev_timer_start(h->loop, &h->due);
}

static void start_watchers(struct http *h)
{
    ev_io_start(h->loop, &h->accept);
    ev_io_start(h->loop, &h->ready);
    arm_due(h);
}

static void take_rest(struct http *h, double seconds)
{
    ev_io_stop(h->loop, &h->accept);
    ev_io_stop(h->loop, &h->ready);
    ev_timer_stop(h->loop, &h->due);
    ev_timer_stop(h->loop, &h->rest); /* behind a closed door it runs already */
    ev_timer_set(&h->rest, seconds, 0.);
    ev_timer_start(h->loop, &h->rest);
}

static void on_rest_over(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    start_watchers(w->data);
}

/* After work that began at `began_us`: the others' turn. */
static void yield_turn(struct http *h, int64_t began_us)
{
    int64_t rest_us = (clock_now().mono_us - began_us) * SHARE;
    if (rest_us >= REST_MIN_US)
        take_rest(h, (double)rest_us / 1e6);
    else
        arm_due(h);
}

static void run(struct http *h)
{
    int64_t began_us = clock_now().mono_us;
    MHD_run(h->daemon);
    yield_turn(h, began_us);
}

static void on_ready(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)revents;
    run(w->data);
}

static void on_due(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    run(w->data);
}

enum accepted { ACCEPTED, NOBODY, NO_ROOM };

static enum accepted accept_one(struct http *h)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (h->stats.clients >= h->options.connections)
        return NO_ROOM;
    int fd = accept4(h->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
        return NOBODY;
    if (fd < 0) /* out of descriptors or memory: whoever waits goes on waiting */
        return NO_ROOM;
    MHD_add_connection(h->daemon, fd, (struct sockaddr *)&address, len); /* or has closed it */
    return ACCEPTED;
}

/* Nobody is accepted for a while; those who are there go on. */
static void close_door(struct http *h)
{
    take_rest(h, RETRY_S);
    ev_io_start(h->loop, &h->ready);
    arm_due(h);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop, (void)revents;
    struct http *h = w->data;
    int64_t began_us = clock_now().mono_us;
    enum accepted last = ACCEPTED;
    if (h->stats.clients >= h->options.connections)
        make_room(h, began_us);
    for (int i = 0; i < ACCEPTS && last == ACCEPTED; i++)
        last = accept_one(h);
    MHD_run(h->daemon);
    if (last == NO_ROOM)
        close_door(h);
    else
        yield_turn(h, began_us);
}

static void on_beat(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop, (void)revents;
    struct http *h = w->data;
    int64_t began_us = clock_now().mono_us;
    drop_slow(h, began_us);
    http_events_beat(h->events);
    if (h->stats.clients == 0 || ev_is_active(&h->rest))
        return;
    MHD_run(h->daemon);
    yield_turn(h, began_us);
}

/* --- life --- */

static struct MHD_Daemon *start_daemon(struct http *h)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        on_request, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)h->options.connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_LIMIT,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(REQUEST_LIMIT_US / 1000000), MHD_OPTION_END);
}

static void init_watchers(struct http *h)
{
    int fd = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    ev_io_init(&h->accept, on_accept, h->fd, EV_READ);
    ev_io_init(&h->ready, on_ready, fd, EV_READ);
    ev_timer_init(&h->due, on_due, 0., 0.);
    ev_timer_init(&h->rest, on_rest_over, 0., 0.);
    ev_timer_init(&h->beat, on_beat, BEAT_S, BEAT_S);
    h->accept.data = h->ready.data = h->due.data = h->rest.data = h->beat.data = h;
    /* What brings ticks comes first. */
    ev_set_priority(&h->accept, EV_MINPRI);
    ev_set_priority(&h->ready, EV_MINPRI);
    ev_timer_start(h->loop, &h->beat);
    start_watchers(h);
}

struct http *http_new(struct ev_loop *loop, const struct http_options *options, bool *misconfigured,
                      struct err *e)
{
    int fd = http_listen_open(&options->address, misconfigured, e);
    if (fd < 0)
        return NULL;
    struct http *h = err_calloc(1, sizeof *h);
    h->loop = loop;
    h->options = *options;
    h->fd = fd;
    h->pages = err_calloc(options->route_count * HTTP_VARIANTS, sizeof *h->pages);
    buf_init(&h->body);
    h->events = http_events_new(&options->stream, options->ctx, options->connections / 4);
    h->daemon = start_daemon(h);
    if (!h->daemon) {
        err_set(e, "libmicrohttpd cannot start: %s", strerror(errno));
        *misconfigured = false;
        http_free(h);
        return NULL;
    }
    init_watchers(h);
    return h;
}

static void stop_daemon(struct http *h)
{
    ev_io_stop(h->loop, &h->accept);
    ev_io_stop(h->loop, &h->ready);
    ev_timer_stop(h->loop, &h->due);
    ev_timer_stop(h->loop, &h->rest);
    ev_timer_stop(h->loop, &h->beat);
    /* It must not be stopped while connections are suspended. */
    http_events_stop(h->events);
    MHD_run(h->daemon);
    MHD_stop_daemon(h->daemon);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    if (h->daemon)
        stop_daemon(h);
    for (size_t i = 0; i < h->options.route_count * HTTP_VARIANTS; i++) {
        if (h->pages[i].response)
            MHD_destroy_response(h->pages[i].response);
    }
    http_events_free(h->events);
    http_listen_close(&h->options.address, h->fd);
    buf_fini(&h->body);
    free(h->pages);
    free(h);
}

struct http_stats http_stats(const struct http *h)
{
    struct http_stats stats = h->stats;
    stats.streams = http_events_count(h->events);
    return stats;
}
