/* SPDX-License-Identifier: MIT */
#include "fakepg.h"

#include "err.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCRIPTS_MAX 16
#define IN_MAX      (1 << 18)
#define OUT_MAX     (1 << 14)
#define COPY_STEP   (64 * 1024)

struct client {
    struct fakepg *server;
    struct client *next;
    struct ev_io io;
    const char *step;
    size_t copied; /* since the step began */
    size_t in_len;
    size_t out_len;
    bool eof;
    char in[IN_MAX];
    char out[OUT_MAX];
};

struct fakepg {
    struct ev_loop *loop;
    struct ev_io io;
    int port;
    const char *scripts[SCRIPTS_MAX];
    int script_count;
    struct client *clients;
    int accepted;
    int queries;
    int refused;
    int goodbyes;
    size_t copied;
    char startup[2048];
};

/* --- saying */

static void put(struct client *c, const void *data, size_t len)
{
    assert(c->out_len + len <= sizeof c->out);
    memcpy(c->out + c->out_len, data, len);
    c->out_len += len;
}

static void put_int(struct client *c, uint32_t value)
{
    value = htonl(value);
    put(c, &value, sizeof value);
}

static void put_message(struct client *c, char type, const void *body, size_t len)
{
    put(c, &type, 1);
    put_int(c, (uint32_t)len + 4);
    put(c, body, len);
}

/* The body is a string literal with its own NULs, the last of which is not part of it. */
#define PUT_LITERAL(c, type, text) put_message(c, type, "" text, sizeof(text) - 1)

static void put_welcome(struct client *c, bool conforming)
{
    PUT_LITERAL(c, 'R', "\0\0\0\0");
    PUT_LITERAL(c, 'S', "server_version\00015.4\0");
    PUT_LITERAL(c, 'S', "client_encoding\0UTF8\0");
    PUT_LITERAL(c, 'S', "integer_datetimes\0on\0");
    PUT_LITERAL(c, 'S', "TimeZone\0UTC\0");
    PUT_LITERAL(c, 'S', "default_transaction_read_only\0off\0");
    PUT_LITERAL(c, 'S', "in_hot_standby\0off\0");
    if (conforming)
        PUT_LITERAL(c, 'S', "standard_conforming_strings\0on\0");
    else
        PUT_LITERAL(c, 'S', "standard_conforming_strings\0off\0");
    put(c, "K", 1);
    put_int(c, 12);
    put_int(c, FAKEPG_BACKEND);
    put_int(c, 1);
}

#define FIELDS(severity, code, text) "S" severity "\0V" severity "\0C" code "\0M" text "\0"

static void say(struct client *c, char step)
{
    switch (step) {
    case 'A':
    case 'B':
        put_welcome(c, step == 'A');
        break;
    case 'Z':
        PUT_LITERAL(c, 'Z', "I");
        break;
    case 'C':
        PUT_LITERAL(c, 'C', "COMMIT\0");
        break;
    case 'T':
        PUT_LITERAL(c, 'T', "\0\1n\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0");
        PUT_LITERAL(c, 'D', "\0\1\0\0\0\00242");
        PUT_LITERAL(c, 'C', "SELECT 1\0");
        break;
    case 'G':
        PUT_LITERAL(c, 'G', "\1\0\0");
        break;
    case 'H':
        PUT_LITERAL(c, 'H', "\1\0\0");
        break;
    case 'W':
        PUT_LITERAL(c, 'N', FIELDS("WARNING", "01000", "look out") "\0");
        break;
    case 'K':
        PUT_LITERAL(c, 'N',
                    FIELDS("WARNING", "57P02", "terminating connection after a crash") "\0");
        break;
    case 'n':
        PUT_LITERAL(c, 'A', "\0\0\0\1tickd_pairs\0\0");
        break;
    case 'E':
        PUT_LITERAL(c, 'E', FIELDS("ERROR", "23505", "duplicate key") "DKey (a) exists.\0\0");
        break;
    case 'F':
        PUT_LITERAL(c, 'E', FIELDS("FATAL", "57P01", "terminating connection") "\0");
        break;
    case 'P':
        PUT_LITERAL(c, 'E', FIELDS("FATAL", "28P01", "password authentication failed") "\0");
        break;
    case 'D':
        PUT_LITERAL(c, 'E', FIELDS("FATAL", "3D000", "database does not exist") "\0");
        break;
    case 'U':
        PUT_LITERAL(c, 'E', FIELDS("FATAL", "57P03", "the database system is starting up") "\0");
        break;
    case '?':
        put(c, "!\177\377\377\377", 5);
        break;
    default:
        abort(); /* no such step */
    }
}

static void send_out(struct client *c)
{
    /* Small, so the socket's buffer takes it. */
    if (c->out_len)
        (void)!send(c->io.fd, c->out, c->out_len, MSG_NOSIGNAL);
    c->out_len = 0;
}

/* --- listening */

static void drop(struct client *c, size_t len)
{
    c->in_len -= len;
    memmove(c->in, c->in + len, c->in_len);
}

static uint32_t get_length(const char *at)
{
    uint32_t length;
    memcpy(&length, at, sizeof length);
    return ntohl(length);
}

static bool take_startup(struct client *c)
{
    if (c->in_len < 8 || c->in_len < get_length(c->in))
        return false;
    size_t len = get_length(c->in);
    char *out = c->server->startup;
    size_t used = 0;
    bool name = true;
    for (const char *at = c->in + 8; at < c->in + len && *at; at += strlen(at) + 1, name = !name)
        used += (size_t)snprintf(out + used, sizeof c->server->startup - used, "%s%c", at,
                                 name ? '=' : ' ');
    drop(c, len);
    return true;
}

/* Takes one message if there is one whole; its type, or 0. */
static char take_message(struct client *c)
{
    if (c->in_len < 5)
        return 0;
    size_t len = 1 + (size_t)get_length(c->in + 1);
    assert(len <= sizeof c->in);
    if (c->in_len < len)
        return 0;
    char type = c->in[0];
    if (type == 'd') {
        c->copied += len - 5;
        c->server->copied += len - 5;
    }
    c->server->queries += type == 'Q';
    c->server->refused += type == 'f';
    c->server->goodbyes += type == 'X';
    drop(c, len);
    return type;
}

/* Long queries are swallowed as they come. */
static bool is_answer(char type, char step)
{
    switch (step) {
    case 'q':
        return type == 'Q';
    case 'd':
        return type == 'c' || type == 'f';
    case 't':
        return type == 'X';
    default:
        return false;
    }
}

/* True if what step `step` waits for has come. */
static bool has_come(struct client *c, char step)
{
    if (step == 's')
        return take_startup(c);
    char type;
    while ((type = take_message(c))) {
        if (is_answer(type, step) || (step == 'b' && c->copied >= COPY_STEP))
            return true;
    }
    return step == 't' && c->eof;
}

/* --- life of a client */

static void close_client(struct client *c)
{
    struct client **link = &c->server->clients;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    ev_io_stop(c->server->loop, &c->io);
    close(c->io.fd);
    free(c);
}

static void reset_on_close(int fd)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

/* Goes through the script as far as it can. May free `c`. */
static void play(struct client *c)
{
    for (; *c->step; c->step++, c->copied = 0) {
        if (strchr("sqdbt", *c->step)) {
            send_out(c);
            if (!has_come(c, *c->step))
                return;
        } else if (strchr("xr.", *c->step)) {
            send_out(c);
            if (*c->step == 'r')
                reset_on_close(c->io.fd);
            if (*c->step == '.')
                ev_io_stop(c->server->loop, &c->io);
            else
                close_client(c);
            return;
        } else {
            say(c, *c->step);
        }
    }
    send_out(c);
    c->in_len = 0;
}

static void on_client(struct ev_loop *loop, struct ev_io *w, int revents)
{
    (void)loop;
    (void)revents;
    struct client *c = w->data;
    ssize_t n = recv(w->fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n > 0)
        c->in_len += (size_t)n;
    else
        c->eof = true;
    bool over = c->eof && *c->step != 't';
    if (over)
        close_client(c);
    else
        play(c);
}

static const char *next_script(const struct fakepg *f)
{
    if (!f->script_count)
        return "sAZ";
    return f->scripts[f->accepted < f->script_count ? f->accepted : f->script_count - 1];
}

static void on_accept(struct ev_loop *loop, struct ev_io *w, int revents)
{
    (void)revents;
    struct fakepg *f = w->data;
    int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct client *c = err_calloc(1, sizeof *c);
    c->server = f;
    c->step = next_script(f);
    c->next = f->clients;
    f->clients = c;
    f->accepted++;
    ev_io_init(&c->io, on_client, fd, EV_READ);
    c->io.data = c;
    ev_io_start(loop, &c->io);
    play(c);
}

/* --- for the test */

struct fakepg *fakepg_new(struct ev_loop *loop)
{
    struct fakepg *f = err_calloc(1, sizeof *f);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int small = 4096;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, 16) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        abort();
    f->loop = loop;
    f->port = ntohs(address.sin_port);
    ev_io_init(&f->io, on_accept, fd, EV_READ);
    f->io.data = f;
    ev_io_start(loop, &f->io);
    return f;
}

void fakepg_free(struct fakepg *f)
{
    while (f->clients)
        close_client(f->clients);
    ev_io_stop(f->loop, &f->io);
    close(f->io.fd);
    free(f);
}

int fakepg_port(const struct fakepg *f)
{
    return f->port;
}

void fakepg_script(struct fakepg *f, const char *script)
{
    assert(f->script_count < SCRIPTS_MAX);
    f->scripts[f->script_count++] = script;
}

int fakepg_accepted(const struct fakepg *f)
{
    return f->accepted;
}

int fakepg_open(const struct fakepg *f)
{
    int count = 0;
    for (const struct client *c = f->clients; c; c = c->next)
        count++;
    return count;
}

int fakepg_queries(const struct fakepg *f)
{
    return f->queries;
}

size_t fakepg_copied(const struct fakepg *f)
{
    return f->copied;
}

int fakepg_refused(const struct fakepg *f)
{
    return f->refused;
}

int fakepg_goodbyes(const struct fakepg *f)
{
    return f->goodbyes;
}

void fakepg_say(struct fakepg *f, const char *steps)
{
    for (; *steps; steps++)
        say(f->clients, *steps);
    send_out(f->clients);
}

const char *fakepg_startup(const struct fakepg *f)
{
    return f->startup;
}
