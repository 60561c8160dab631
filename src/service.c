/* SPDX-License-Identifier: MIT */
/*
 * Usual path: connected -> LISTEN -> pairs loaded -> idle, woken by timers, NOTIFY and requests.
 * LISTEN comes before a load, so that no change falls between the two.
 *
 * Possible failures: the server refuses a request -> said, tried again at the next occasion;
 * connection lost -> pg connects anew, and everything is loaded anew.
 */
#include "service.h"

#include "clock.h"
#include "copy.h"
#include "dbstats.h"
#include "err.h"
#include "lastprices.h"
#include "log.h"
#include "pg.h"
#include "session.h"
#include "skew.h"
#include <inttypes.h>
#include <stdlib.h>

#define RETRY_S 1.0

enum job {
    JOB_NONE,
    JOB_LISTEN,
    JOB_PAIRS,
    JOB_SCHEMA,
    JOB_CLOCK,
    JOB_UNBLOCK,
    JOB_PRICES,
    JOB_STATS
};

struct service {
    struct ev_loop *loop;
    struct service_callbacks callbacks;
    struct pairs *pairs;
    struct schema_options schema_options;
    struct pg *pg;
    ev_timer pairs_timer;
    ev_timer schema_timer;
    ev_timer listen_retry;
    ev_timer pairs_retry;
    char *group;
    int64_t stalled_ms;
    struct buf sql;
    enum job job;
    bool listen_wanted;
    bool pairs_wanted;
    bool schema_wanted;
    bool clock_wanted;
    bool prices_wanted;
    bool stats_wanted;
    bool hypertable;        /* for stats */
    int64_t clock_asked_us; /* wall clock */
    uint64_t connects;
    int unblock_pid; /* 0: nothing wanted */
    struct log_sampler failures;
};

static void run(struct service *s);

/* True if the request succeeded; says so if not. */
static bool check_reply(struct service *s, const char *what, const struct pg_reply *reply)
{
    uint64_t suppressed;
    s->job = JOB_NONE;
    if (reply->outcome == PG_OK)
        return true;
    if (reply->outcome == PG_ERROR && log_sample(&s->failures, clock_now().mono_us, &suppressed))
        log_warn("service_failed", "a request beside the writing session failed",
                 "request=%s sqlstate=%s error=%s suppressed=%" PRIu64, what, reply->sqlstate,
                 reply->error, suppressed);
    return false;
}

/* A timer that has fired once must be set before it is started again, or it fires at once. */
static void retry_later(struct service *s, ev_timer *w)
{
    ev_timer_stop(s->loop, w);
    ev_timer_set(w, RETRY_S, 0.);
    ev_timer_start(s->loop, w);
}

/* --- LISTEN --- */

static void on_listen_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    if (check_reply(s, "listen", reply)) {
        s->listen_wanted = false;
        s->pairs_wanted = true; /* nobody has told what has changed until now */
    } else {
        retry_later(s, &s->listen_retry);
    }
    run(s);
}

static void on_notify(void *ctx, const char *channel)
{
    (void)channel; /* the only one listened to */
    service_refresh_pairs(ctx);
}

/* --- pairs --- */

static void retry_pairs(struct service *s)
{
    s->pairs_wanted = true;
    retry_later(s, &s->pairs_retry);
}

static void on_pairs_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    struct err e;
    if (!check_reply(s, "pairs", reply)) {
        retry_pairs(s);
        return;
    }
    size_t before = pairs_count(s->pairs), active_before = pairs_active_count(s->pairs);
    bool first = !pairs_loaded(s->pairs);
    if (!pairs_load(s->pairs, reply->rows, &e)) {
        log_error("pairs_unreadable", "the pairs table could not be loaded", "error=%s", e.text);
        retry_pairs(s);
        return;
    }
    if (first || before != pairs_count(s->pairs) || active_before != pairs_active_count(s->pairs))
        log_info("pairs_loaded", "pairs are cached", "pairs=%zu active=%zu", pairs_count(s->pairs),
                 pairs_active_count(s->pairs));
    /* A load that was asked for while this one was under way is still to come. */
    if (!s->pairs_wanted)
        s->callbacks.on_pairs(s->callbacks.ctx);
    run(s);
}

void service_refresh_pairs(struct service *s)
{
    s->pairs_wanted = true;
    run(s);
}

static void on_pairs_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    service_refresh_pairs(w->data);
}

/* --- schema --- */

static void on_schema_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    struct schema_report report;
    struct err e;
    if (check_reply(s, "schema", reply)) {
        if (schema_evaluate(&s->schema_options, reply->rows, &report, &e))
            s->callbacks.on_schema(s->callbacks.ctx, &report);
        else
            log_error("schema_check_failed", "the schema could not be checked", "error=%s", e.text);
    }
    run(s);
}

static void on_schema_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    struct service *s = w->data;
    s->schema_wanted = true;
    run(s);
}

/* --- the clock --- */

static void on_clock_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    if (check_reply(s, "clock", reply) && PQntuples(reply->rows) == 1) {
        int64_t ahead_us =
            skew_us(PQgetvalue(reply->rows, 0, 0), s->clock_asked_us, clock_now().wall_us);
        if (llabs(ahead_us) > SKEW_MAX_US)
            log_warn("clock_differs", "this machine's clock and the database's are apart",
                     "database_ahead_ms=%" PRId64, ahead_us / 1000);
    }
    run(s);
}

/* --- sessions that stall --- */

/* A client that is stopped in the middle of COPY is ended by no timeout of the server, and holds
 * index entries and offset rows that its successor needs. Only sessions of our own role and group
 * are touched, and only if they have been waiting for their client for a while. */
static void request_unblock(struct service *s)
{
    buf_clear(&s->sql);
    copy_put_sql(&s->sql,
                 "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
                 " WHERE pid = ANY (pg_blocking_pids(%d)) AND usename = current_user"
                 " AND wait_event = 'ClientRead'"
                 " AND greatest(query_start, state_change) <"
                 " clock_timestamp() - interval '%" PRId64 " milliseconds'"
                 " AND application_name = ",
                 s->unblock_pid, s->stalled_ms);
    char application[SESSION_APPLICATION_MAX];
    session_application(application, s->group);
    copy_put_literal(&s->sql, application);
    s->unblock_pid = 0;
}

static void on_unblock_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    if (check_reply(s, "unblock", reply)) {
        for (int row = 0; row < PQntuples(reply->rows); row++)
            log_warn("stalled_session_ended",
                     "a stalled session of this group held what we need and was ended",
                     "pid=%s ended=%s", PQgetvalue(reply->rows, row, 0),
                     PQgetvalue(reply->rows, row, 1));
    }
    run(s);
}

void service_unblock(struct service *s, int pid)
{
    s->unblock_pid = pid;
    run(s);
}

/* --- prices and stats --- */

static void on_prices_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    if (check_reply(s, "prices", reply))
        s->callbacks.on_prices(s->callbacks.ctx, reply->rows);
    run(s);
}

void service_ask_prices(struct service *s)
{
    s->prices_wanted = true;
    run(s);
}

static void on_stats_reply(void *ctx, const struct pg_reply *reply)
{
    struct service *s = ctx;
    if (check_reply(s, "stats", reply))
        s->callbacks.on_stats(s->callbacks.ctx, reply->rows);
    run(s);
}

void service_ask_stats(struct service *s, bool hypertable)
{
    s->stats_wanted = true;
    s->hypertable = hypertable;
    run(s);
}

/* --- the connection --- */

static void send(struct service *s, enum job job, const char *sql, pg_reply_fn *fn)
{
    s->job = job;
    pg_request(s->pg, sql, NULL, 0, fn, s);
}

static void run(struct service *s)
{
    if (s->job != JOB_NONE || !pg_is_idle(s->pg))
        return;
    if (s->listen_wanted && !ev_is_active(&s->listen_retry)) {
        send(s, JOB_LISTEN, "LISTEN tickd_pairs", on_listen_reply);
    } else if (s->unblock_pid) {
        request_unblock(s);
        send(s, JOB_UNBLOCK, (const char *)s->sql.data, on_unblock_reply);
    } else if (s->pairs_wanted && !ev_is_active(&s->pairs_retry)) {
        s->pairs_wanted = false;
        send(s, JOB_PAIRS, pairs_sql, on_pairs_reply);
    } else if (s->schema_wanted) {
        s->schema_wanted = false;
        send(s, JOB_SCHEMA, schema_sql, on_schema_reply);
    } else if (s->clock_wanted) {
        s->clock_wanted = false;
        s->clock_asked_us = clock_now().wall_us;
        send(s, JOB_CLOCK, skew_sql, on_clock_reply);
    } else if (s->prices_wanted) {
        s->prices_wanted = false;
        send(s, JOB_PRICES, lastprices_sql, on_prices_reply);
    } else if (s->stats_wanted) {
        s->stats_wanted = false;
        send(s, JOB_STATS, dbstats_sql(s->hypertable), on_stats_reply);
    }
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    run(w->data);
}

static void on_up(void *ctx)
{
    struct service *s = ctx;
    s->connects++;
    s->listen_wanted = s->pairs_wanted = s->clock_wanted = true;
    ev_timer_stop(s->loop, &s->listen_retry);
    run(s);
}

static void on_down(void *ctx, const char *why)
{
    struct service *s = ctx;
    (void)why; /* pg has logged it */
    s->job = JOB_NONE;
}

static void init_timer(ev_timer *w, void (*cb)(struct ev_loop *, ev_timer *, int), double after,
                       double repeat, struct service *s)
{
    ev_timer_init(w, cb, after, repeat);
    w->data = s;
}

struct service *service_new(struct ev_loop *loop, const struct config *config, struct pairs *pairs,
                            const struct service_callbacks *callbacks)
{
    struct service *s = err_calloc(1, sizeof *s);
    struct pg_options options = session_pg_options(config, "service", "tickd");
    struct pg_callbacks on = {.on_up = on_up, .on_down = on_down, .on_notify = on_notify, .ctx = s};
    s->loop = loop;
    s->callbacks = *callbacks;
    s->pairs = pairs;
    s->schema_options = session_schema_options(config);
    s->group = err_strdup(config->group);
    s->stalled_ms = config->stalled_session_ms;
    s->pg = pg_new(loop, &options, &on);
    buf_init(&s->sql);
    double pairs_s = (double)config->pairs_refresh_ms / 1000;
    double schema_s = (double)config->schema_check_interval_ms / 1000;
    init_timer(&s->pairs_timer, on_pairs_timer, pairs_s, pairs_s, s);
    init_timer(&s->schema_timer, on_schema_timer, schema_s, schema_s, s);
    init_timer(&s->listen_retry, on_retry, RETRY_S, 0., s);
    init_timer(&s->pairs_retry, on_retry, RETRY_S, 0., s);
    return s;
}

void service_free(struct service *s)
{
    if (!s)
        return;
    ev_timer_stop(s->loop, &s->pairs_timer);
    ev_timer_stop(s->loop, &s->schema_timer);
    ev_timer_stop(s->loop, &s->listen_retry);
    ev_timer_stop(s->loop, &s->pairs_retry);
    pg_free(s->pg);
    buf_fini(&s->sql);
    free(s->group);
    free(s);
}

void service_start(struct service *s)
{
    ev_timer_start(s->loop, &s->pairs_timer);
    ev_timer_start(s->loop, &s->schema_timer);
    pg_start(s->pg);
}

uint64_t service_connects(const struct service *s)
{
    return s->connects;
}

bool service_is_connected(const struct service *s)
{
    return pg_is_up(s->pg);
}
