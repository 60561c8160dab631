/* SPDX-License-Identifier: MIT */
/*
 * Usual path:
 *
 *   pg_start -> RESOLVE -> CONNECT_* -> IDLE -> on_up
 *   pg_request -> SEND -> AWAIT -> IDLE -> reply
 *
 * Possible failures, each answered in one place:
 *   not connected yet      fail_attempt(): log, PAUSE, try again
 *   connected              lose(): BROKEN; then, from the loop: reply PG_LOST, on_down, PAUSE
 *   statement refused      PG_ERROR with the first SQLSTATE; the connection stays
 *
 * Things libpq does that shape this:
 * - its socket may become another one with each PQconnectPoll(), and be gone after any call;
 * - while output is blocked, input must be read, or both sides wait;
 * - PQfinish() still sends what is buffered. The end of a request given up must not go out that
 * way, so the socket is shut down first.
 */
#include "pg.h"

#include "backoff.h"
#include "clock.h"
#include "conninfo.h"
#include "entropy.h"
#include "log.h"
#include "pgrun.h"
#include "pgtext.h"
#include "resolve.h"
#include "sqlstate.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_MARGIN_MS 5000
#define SAID_AGAIN_US     INT64_C(60000000)
/* A refused configuration is tried again more slowly than an absent server. */
#define REFUSED_FACTOR 8

enum state {
    STATE_OFF,           /* not started, or being torn down */
    STATE_PAUSE,         /* until the next attempt */
    STATE_RESOLVE,       /* host names are looked up */
    STATE_CONNECT_READ,  /* PQconnectPoll() wants to read */
    STATE_CONNECT_WRITE, /* PQconnectPoll() wants to write */
    STATE_IDLE,          /* connected; notifications and the server's end are noticed */
    STATE_SEND,          /* a part of the request has not gone out yet */
    STATE_AWAIT,         /* all sent, answers to come */
    STATE_BROKEN,        /* connection closed, owner not told yet */
};

enum deadline { DEADLINE_NONE, DEADLINE_NOW, DEADLINE_PAUSE, DEADLINE_ATTEMPT, DEADLINE_REQUEST };

static const struct {
    const char *name;
    int events;
    bool up;
    enum deadline deadline; /* starts when a state of another deadline is left */
} states[] = {
    [STATE_OFF] = {"off", 0, false, DEADLINE_NONE},
    [STATE_PAUSE] = {"waiting to connect", 0, false, DEADLINE_PAUSE},
    [STATE_RESOLVE] = {"looking up host names", 0, false, DEADLINE_ATTEMPT},
    [STATE_CONNECT_READ] = {"connecting", EV_READ, false, DEADLINE_ATTEMPT},
    [STATE_CONNECT_WRITE] = {"connecting", EV_WRITE, false, DEADLINE_ATTEMPT},
    [STATE_IDLE] = {"idle", EV_READ, true, DEADLINE_NONE},
    [STATE_SEND] = {"sending", EV_READ | EV_WRITE, true, DEADLINE_REQUEST},
    [STATE_AWAIT] = {"waiting for the answer", EV_READ, true, DEADLINE_REQUEST},
    [STATE_BROKEN] = {"broken", 0, false, DEADLINE_NOW},
};

/* What the server must have told about the session; our SQL depends on it. */
static const struct {
    const char *name;
    const char *value;
} session_facts[] = {
    {"client_encoding", "UTF8"},
    {"integer_datetimes", "on"},
    {"standard_conforming_strings", "on"},
    {"TimeZone", "UTC"},
};

struct pg {
    struct ev_loop *loop;
    struct pg_callbacks on;
    char *name;
    char *application;
    struct conninfo *info; /* NULL if the connection string is of no use */
    struct conninfo_session session;
    uint32_t connect_timeout_ms;
    uint32_t request_timeout_ms;
    uint32_t retry_max_ms;

    enum state state;
    struct ev_io io;
    struct ev_timer timer;
    int depth; /* of callbacks from the loop under way */
    bool dead; /* freed during one of them */

    struct resolve *resolve;
    size_t first_host; /* moves on when an attempt has run out of time at the first */
    PGconn *conn;
    char last_code[6];     /* SQLSTATE of what announced the end, "" if nothing did */
    struct err last_words; /* and its text */
    struct pgrun run;      /* the request under way */
    pg_reply_fn *fn;       /* NULL: none */
    void *ctx;

    struct err trouble;
    struct err lookup_trouble;
    unsigned attempts;
    struct backoff backoff;
    struct backoff refused;
    uint32_t pause_ms;
    int64_t up_since_us;
    struct log_sampler failures;
    struct log_sampler notices;
};

/* --- states */

/* Seconds, negative if there is no limit. */
static double deadline_s(const struct pg *pg, enum deadline d)
{
    switch (d) {
    case DEADLINE_NOW:
        return 0;
    case DEADLINE_PAUSE:
        return pg->pause_ms / 1e3;
    case DEADLINE_ATTEMPT:
        return pg->connect_timeout_ms ? pg->connect_timeout_ms / 1e3 : -1;
    case DEADLINE_REQUEST:
        return pg->request_timeout_ms ? pg->request_timeout_ms / 1e3 : -1;
    case DEADLINE_NONE:
        return -1;
    }
    return -1;
}

static void set_deadline(struct pg *pg, enum deadline d)
{
    double after = deadline_s(pg, d);
    ev_timer_stop(pg->loop, &pg->timer);
    if (after < 0)
        return;
    /* Timers count from the start of this wake-up, which may be a while ago. */
    ev_now_update(pg->loop);
    ev_timer_set(&pg->timer, after, 0.);
    ev_timer_start(pg->loop, &pg->timer);
}

static bool watches(const struct pg *pg, int fd, int events)
{
    return ev_is_active(&pg->io) && pg->io.fd == fd &&
           (pg->io.events & (EV_READ | EV_WRITE)) == events;
}

/* The only writer of the state and the watchers. The socket is asked for anew each time: while
 * connecting it may be another one under the same number, and afterwards gone (see check_socket()).
 */
static void set_state(struct pg *pg, enum state next)
{
    /* The steps of a request are too many to tell. */
    if (!(states[next].up && states[pg->state].up) &&
        strcmp(states[next].name, states[pg->state].name) != 0)
        log_debug("database_state", states[next].name, "name=%s was=%s", pg->name,
                  states[pg->state].name);
    if (states[next].deadline != states[pg->state].deadline)
        set_deadline(pg, states[next].deadline);
    bool stays = states[next].up && states[pg->state].up;
    pg->state = next;
    if (stays && watches(pg, PQsocket(pg->conn), states[next].events))
        return;
    ev_io_stop(pg->loop, &pg->io);
    if (!states[next].events || PQsocket(pg->conn) < 0)
        return;
    ev_io_set(&pg->io, PQsocket(pg->conn), states[next].events);
    ev_io_start(pg->loop, &pg->io);
}

/* Back to STATE_OFF with nothing open, from any state, any number of times. */
static void tear_down(struct pg *pg)
{
    bool polite = pg->state == STATE_IDLE;
    set_state(pg, STATE_OFF);
    if (pg->resolve)
        resolve_cancel(pg->resolve);
    pg->resolve = NULL;
    if (!pg->conn)
        return;
    if (!polite && PQsocket(pg->conn) >= 0)
        shutdown(PQsocket(pg->conn), SHUT_RDWR);
    PQfinish(pg->conn);
    pg->conn = NULL;
}

/* Callbacks of the owner may free the connection: it goes when the loop's call is over. */
static void destroy(struct pg *pg)
{
    conninfo_free(pg->info);
    free(pg->name);
    free(pg->application);
    free(pg);
}

static void enter(struct pg *pg)
{
    pg->depth++;
}

static void leave(struct pg *pg)
{
    if (--pg->depth == 0 && pg->dead)
        destroy(pg);
}

/* --- failures */

static void pause_for(struct pg *pg, struct backoff *b)
{
    pg->pause_ms = backoff_next_ms(b, entropy_bits());
    set_state(pg, STATE_PAUSE);
}

/* What a connection of this process said of a trouble that somebody has to mend. Several fail
 * alike, and go on doing so: one line a minute is enough for all of them. */
static struct {
    struct err trouble;
    int64_t at_us;
} said;

static bool is_said(const struct pg *pg)
{
    int64_t now_us = clock_now().mono_us;
    if (strcmp(said.trouble.text, pg->trouble.text) == 0 && now_us - said.at_us < SAID_AGAIN_US)
        return true;
    said.trouble = pg->trouble;
    said.at_us = now_us;
    return false;
}

static void log_failure(struct pg *pg, const char *code, bool refused)
{
    uint64_t suppressed;
    const char *hint = pgtext_hint(code, pg->trouble.text);
    if ((hint && is_said(pg)) || !log_sample(&pg->failures, clock_now().mono_us, &suppressed))
        return;
    refused = refused || hint;
    log_event(refused ? LOG_ERROR_LEVEL : LOG_WARN_LEVEL, "database_connect_failed",
              refused ? "the connection is refused as it is configured; trying again"
                      : "cannot connect; trying again",
              "name=%s attempt=%u sqlstate=%s error=%s hint=%s retry_ms=%u suppressed=%llu",
              pg->name, pg->attempts, code, pg->trouble.text, hint ? hint : "", pg->pause_ms,
              (unsigned long long)suppressed);
}

/* `text` may be libpq's, of several lines and any length. `refused`: no use before somebody changes
 * something. */
static void fail_attempt(struct pg *pg, const char *text, bool refused)
{
    struct err e = {.text = ""};
    char code[6];
    pgtext_sqlstate(code, text);
    pgtext_flatten(e.text, sizeof e.text, text);
    if (*pg->lookup_trouble.text)
        err_wrap(&e, "%s", pg->lookup_trouble.text);
    if (pg->info)
        conninfo_mask(pg->info, e.text);
    tear_down(pg);

    if (*code)
        refused = sqlstate_classify(code) == SQLSTATE_MISCONFIG;
    if (strcmp(e.text, pg->trouble.text) != 0)
        log_sample_reset(&pg->failures);
    pg->trouble = e;
    pause_for(pg, refused ? &pg->refused : &pg->backoff);
    log_failure(pg, code, refused);
}

/* The connection is gone or of no use. The owner is told later, from the loop. */
static void lose(struct pg *pg, const char *why)
{
    struct err e = {.text = ""};
    struct pg_reply *r = &pg->run.reply;
    pgtext_flatten(e.text, sizeof e.text, *why ? why : "the connection was closed");
    pg->trouble = e;
    if (!*r->sqlstate) {
        memcpy(r->sqlstate, pg->last_code, sizeof r->sqlstate);
        memcpy(r->error, e.text, sizeof r->error);
    }
    log_warn("database_down", "the connection is gone", "name=%s state=%s sqlstate=%s reason=%s",
             pg->name, states[pg->state].name, r->sqlstate, e.text);
    tear_down(pg);
    set_state(pg, STATE_BROKEN);
}

/* The socket is dead, or should be. Of what is known of why, the server's word comes first. */
static void bury(struct pg *pg)
{
    struct err e;
    err_set(&e, "%s", PQerrorMessage(pg->conn)); /* now: libpq will complain of the socket, too */
    pgrun_bury(&pg->run, pg->conn);
    const struct pg_reply *r = &pg->run.reply;
    if (*r->sqlstate)
        lose(pg, r->error);
    else if (*pg->last_words.text)
        lose(pg, pg->last_words.text);
    else
        lose(pg, *e.text ? e.text : r->error);
}

/* Ends the request towards the owner. The state is settled before: the callback may do anything. */
static void reply(struct pg *pg, enum pg_outcome outcome)
{
    struct pgrun done = pg->run;
    pg_reply_fn *fn = pg->fn;
    pg->run = (struct pgrun){0};
    pg->fn = NULL;
    done.reply.outcome = outcome;
    done.reply.rows = outcome == PG_LOST ? NULL : done.rows;
    if (fn)
        fn(pg->ctx, &done.reply);
    pgrun_fini(&done);
}

static void report_loss(struct pg *pg)
{
    struct err why = pg->trouble;
    /* A server that takes connections only to drop them gets no quicker retries. */
    if (clock_now().mono_us - pg->up_since_us > (int64_t)pg->retry_max_ms * 1000)
        backoff_reset(&pg->backoff);
    pause_for(pg, &pg->backoff);
    reply(pg, PG_LOST);
    if (pg->on.on_down)
        pg->on.on_down(pg->on.ctx, why.text);
}

/* --- messages of the server outside the answers */

static void on_notice(void *arg, const PGresult *notice)
{
    struct pg *pg = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *code = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    char text[ERR_MAX];
    pgtext_describe(text, sizeof text, notice);
    code = code ? code : "";
    severity = severity ? severity : "";
    /* A server that is stopped at once says so in a warning. */
    if (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC") ||
        (*code && sqlstate_classify(code) == SQLSTATE_LOST)) {
        snprintf(pg->last_code, sizeof pg->last_code, "%s", code);
        err_set(&pg->last_words, "%s", text);
        return;
    }
    uint64_t suppressed;
    if (log_sample(&pg->notices, clock_now().mono_us, &suppressed))
        log_warn("database_notice", "the server says",
                 "name=%s severity=%s sqlstate=%s text=%s suppressed=%llu", pg->name, severity,
                 code, text, (unsigned long long)suppressed);
}

/* Each callback may close the connection. */
static void deliver_notifications(struct pg *pg)
{
    PGnotify *n;
    while (states[pg->state].up && (n = PQnotifies(pg->conn))) {
        if (pg->on.on_notify)
            pg->on.on_notify(pg->on.ctx, n->relname);
        PQfreemem(n);
    }
}

/* --- connecting */

static bool check_session(struct pg *pg)
{
    for (size_t i = 0; i < sizeof session_facts / sizeof session_facts[0]; i++) {
        const char *value = PQparameterStatus(pg->conn, session_facts[i].name);
        if (value && !strcmp(value, session_facts[i].value))
            continue;
        struct err e;
        err_set(&e, "the server says %s is %s, not %s (is a pooler between that drops options?)",
                session_facts[i].name, value ? value : "unknown", session_facts[i].value);
        fail_attempt(pg, e.text, true);
        return false;
    }
    return true;
}

static void on_connected(struct pg *pg)
{
    PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(pg->conn, 1) != 0) {
        fail_attempt(pg, PQerrorMessage(pg->conn), false);
        return;
    }
    if (!check_session(pg))
        return;
    const char *host = PQhost(pg->conn);
    const char *address = PQhostaddr(pg->conn);
    log_info("database_up", "connected",
             "name=%s host=%s address=%s port=%s database=%s backend=%d version=%d attempts=%u",
             pg->name, host ? host : "", address ? address : "", PQport(pg->conn), PQdb(pg->conn),
             PQbackendPID(pg->conn), PQserverVersion(pg->conn), pg->attempts);
    pg->attempts = 0;
    pg->trouble = (struct err){0};
    pg->up_since_us = clock_now().mono_us;
    log_sample_reset(&pg->failures);
    said.trouble = (struct err){0};
    backoff_reset(&pg->refused);
    set_state(pg, STATE_IDLE);
    if (pg->on.on_up)
        pg->on.on_up(pg->on.ctx);
}

static void poll_connection(struct pg *pg)
{
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        set_state(pg, STATE_CONNECT_READ);
        return;
    case PGRES_POLLING_WRITING:
        set_state(pg, STATE_CONNECT_WRITE);
        return;
    case PGRES_POLLING_OK:
        on_connected(pg);
        return;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE: /* "unused; keep for backwards compatibility" */
        fail_attempt(pg, PQerrorMessage(pg->conn), false);
        return;
    }
}

static void connect_to(struct pg *pg, const struct hostlist *hosts)
{
    struct conninfo_params params;
    conninfo_params_init(&params, pg->info, hosts, pg->first_host, &pg->session);
    pg->conn = PQconnectStartParams((const char *const *)params.keywords,
                                    (const char *const *)params.values, 0);
    conninfo_params_fini(&params);
    if (!pg->conn)
        err_out_of_memory();
    pg->last_code[0] = '\0';
    pg->last_words = (struct err){0};
    if (PQstatus(pg->conn) == CONNECTION_BAD) {
        fail_attempt(pg, PQerrorMessage(pg->conn), false);
        return;
    }
    PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* for the SQLSTATE of a refusal */
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    set_state(pg, STATE_CONNECT_WRITE);
}

static void on_resolved(void *ctx, const struct hostlist *found, const char *error)
{
    struct pg *pg = ctx;
    enter(pg);
    pg->resolve = NULL;
    if (!found->count) {
        fail_attempt(pg, error, false);
    } else {
        err_set(&pg->lookup_trouble, "%s", error);
        connect_to(pg, found);
    }
    leave(pg);
}

static void begin_attempt(struct pg *pg)
{
    pg->attempts++;
    pg->lookup_trouble = (struct err){0};
    if (!pg->info) {
        struct err e = pg->trouble;
        fail_attempt(pg, e.text, true);
        return;
    }
    struct hostlist hosts;
    conninfo_hosts(pg->info, &hosts);
    if (hostlist_has_names(&hosts)) {
        set_state(pg, STATE_RESOLVE);
        pg->resolve = resolve_start(pg->loop, &hosts, on_resolved, pg);
    } else {
        connect_to(pg, &hosts);
    }
    hostlist_fini(&hosts);
}

/* --- connected */

/* The answer is complete. */
static void finish(struct pg *pg)
{
    const struct pg_reply *r = &pg->run.reply;
    /* An error without SQLSTATE is libpq's own: it cannot make sense of what it reads. */
    if (PQstatus(pg->conn) == CONNECTION_BAD || (*r->error && !*r->sqlstate)) {
        bury(pg);
        return;
    }
    enum pg_outcome outcome = *r->error ? PG_ERROR : PG_OK;
    if (outcome == PG_OK)
        backoff_reset(&pg->backoff);
    set_state(pg, STATE_IDLE);
    reply(pg, outcome);
}

static void advance(struct pg *pg)
{
    switch (pgrun_step(&pg->run, pg->conn)) {
    case PGRUN_WRITE:
        if (pg->state != STATE_SEND)
            set_state(pg, STATE_SEND);
        return;
    case PGRUN_READ:
        if (pg->state != STATE_AWAIT)
            set_state(pg, STATE_AWAIT);
        return;
    case PGRUN_DONE:
        finish(pg);
        return;
    case PGRUN_DEAD:
        bury(pg);
        return;
    }
}

/* libpq may have closed its socket in any call, and then no event would ever come. */
static void check_socket(struct pg *pg)
{
    if (states[pg->state].up && PQsocket(pg->conn) < 0)
        bury(pg);
}

static void serve(struct pg *pg, int revents)
{
    if ((revents & EV_READ) && !PQconsumeInput(pg->conn)) {
        bury(pg);
        return;
    }
    if (pg->state != STATE_IDLE)
        advance(pg);
}

/* --- events */

static void on_io(struct ev_loop *loop, struct ev_io *w, int revents)
{
    (void)loop;
    struct pg *pg = w->data;
    enter(pg);
    if (states[pg->state].up)
        serve(pg, revents);
    else
        poll_connection(pg);
    /* Also of what has been read: it makes no event. */
    deliver_notifications(pg);
    check_socket(pg);
    leave(pg);
}

static void on_attempt_timeout(struct pg *pg)
{
    struct err e;
    err_set(&e, "no connection within %u ms (%s)", pg->connect_timeout_ms, states[pg->state].name);
    pg->first_host++; /* or the others would never be tried */
    fail_attempt(pg, e.text, false);
}

static void on_request_timeout(struct pg *pg)
{
    struct err e;
    err_set(&e, "no answer within %u ms (%s)", pg->request_timeout_ms, states[pg->state].name);
    lose(pg, e.text);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    struct pg *pg = w->data;
    enter(pg);
    switch (states[pg->state].deadline) {
    case DEADLINE_NOW:
        report_loss(pg);
        break;
    case DEADLINE_PAUSE:
        begin_attempt(pg);
        break;
    case DEADLINE_ATTEMPT:
        on_attempt_timeout(pg);
        break;
    case DEADLINE_REQUEST:
        on_request_timeout(pg);
        break;
    case DEADLINE_NONE:
        break;
    }
    leave(pg);
}

/* --- for the owner */

static uint32_t request_timeout(uint32_t statement_timeout_ms)
{
    uint32_t margin = statement_timeout_ms / 2;
    if (margin > REQUEST_MARGIN_MS)
        margin = REQUEST_MARGIN_MS;
    return statement_timeout_ms > UINT32_MAX - margin ? UINT32_MAX : statement_timeout_ms + margin;
}

static void init_backoffs(struct pg *pg, const struct pg_options *o)
{
    uint64_t slow = (uint64_t)o->retry_min_ms * REFUSED_FACTOR;
    backoff_init(&pg->backoff, o->retry_min_ms, o->retry_max_ms);
    backoff_init(&pg->refused, slow < o->retry_max_ms ? (uint32_t)slow : o->retry_max_ms,
                 o->retry_max_ms);
}

struct pg *pg_new(struct ev_loop *loop, const struct pg_options *options,
                  const struct pg_callbacks *callbacks)
{
    struct pg *pg = err_calloc(1, sizeof *pg);
    pg->loop = loop;
    pg->on = *callbacks;
    pg->name = err_strdup(options->name);
    pg->application = err_strdup(options->application);
    pg->info = conninfo_new(options->conninfo, &pg->trouble);
    pg->session = (struct conninfo_session){
        .application = pg->application,
        .statement_timeout_ms = options->statement_timeout_ms,
        .lock_timeout_ms = options->lock_timeout_ms,
    };
    pg->connect_timeout_ms = options->connect_timeout_ms;
    pg->request_timeout_ms = request_timeout(options->statement_timeout_ms);
    pg->retry_max_ms = options->retry_max_ms;
    init_backoffs(pg, options);
    ev_init(&pg->io, on_io);
    ev_init(&pg->timer, on_timer);
    /* After a long sleep of the process, an answer that is there counts more than a deadline. */
    ev_set_priority(&pg->io, 1);
    pg->io.data = pg;
    pg->timer.data = pg;
    return pg;
}

void pg_free(struct pg *pg)
{
    if (!pg)
        return;
    tear_down(pg);
    pgrun_fini(&pg->run);
    pg->on = (struct pg_callbacks){0};
    pg->dead = true;
    if (!pg->depth)
        destroy(pg);
}

void pg_start(struct pg *pg)
{
    if (pg->state == STATE_OFF)
        begin_attempt(pg);
}

bool pg_is_idle(const struct pg *pg)
{
    return pg->state == STATE_IDLE;
}

bool pg_is_up(const struct pg *pg)
{
    return states[pg->state].up;
}

const char *pg_last_error(const struct pg *pg)
{
    return pg->trouble.text;
}

int pg_backend_pid(const struct pg *pg)
{
    return pg_is_up(pg) ? PQbackendPID(pg->conn) : 0;
}

int pg_server_version(const struct pg *pg)
{
    return pg_is_up(pg) ? PQserverVersion(pg->conn) : 0;
}

void pg_request(struct pg *pg, const char *sql, const void *copy, size_t copy_len, pg_reply_fn *fn,
                void *ctx)
{
    assert(pg_is_idle(pg) && fn);
    pg->fn = fn;
    pg->ctx = ctx;
    if (!pgrun_begin(&pg->run, pg->conn, sql, copy, copy_len)) {
        bury(pg);
        return;
    }
    /* No step yet: an answer, should it be there already, is for the loop to deliver. */
    set_state(pg, PQflush(pg->conn) == 1 ? STATE_SEND : STATE_AWAIT);
    check_socket(pg);
}

void pg_reset(struct pg *pg, const char *why)
{
    struct err e; /* `why` may be our own pg_last_error() */
    err_set(&e, "%s", why);
    if (states[pg->state].up)
        lose(pg, e.text);
    else if (states[pg->state].deadline == DEADLINE_ATTEMPT)
        fail_attempt(pg, e.text, false);
}

bool pg_quote(char *out, size_t size, const char *s)
{
    size_t begin = strlen(out);
    size_t len = begin;
    size_t needed = 2 + strlen(s);
    for (const char *c = s; *c; c++)
        needed += *c == '\'';
    if (needed >= size - begin)
        return false;
    out[len++] = '\'';
    for (; *s; s++) {
        if (*s == '\'')
            out[len++] = '\'';
        out[len++] = *s;
    }
    out[len++] = '\'';
    out[len] = '\0';
    return true;
}
