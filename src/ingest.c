/* SPDX-License-Identifier: MIT */
/*
 * Usual path: connected -> schema checked -> usable -> offsets read -> one commit after the other.
 *
 * Possible failures: schema incomplete -> not usable, looked at again with backoff; any request
 * that the server refuses for a reason other than its data -> the schema is checked before anything
 * else is done; connection lost -> pg connects anew and the path begins again.
 */
#include "ingest.h"

#include "backoff.h"
#include "clock.h"
#include "crashpoint.h"
#include "entropy.h"
#include "err.h"
#include "log.h"
#include "pg.h"
#include "session.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

/* What the connection is busy with. */
enum job { JOB_NONE, JOB_SCHEMA, JOB_OFFSETS, JOB_FIND_START, JOB_JUMP, JOB_COMMIT };

struct ingest {
    struct ev_loop *loop;
    struct ingest_callbacks callbacks;
    struct schema_options schema_options;
    struct pg *pg;
    struct copy *copy;
    ev_timer retry;
    struct backoff backoff;
    enum job job;
    bool usable;
    struct buf sql;
    struct batch_owner owner;

    bool schema_wanted;

    bool offsets_wanted;
    bool restart_offsets;   /* a newer request came while an older one was under way */
    struct offsets offsets; /* of the request */
    struct offsets missing;
    uint32_t epoch;

    bool jump_wanted;
    struct partition jump;
    int64_t jump_next;

    struct batch *batch; /* wanted or under way */
    const struct offsets *batch_offsets;
    bool merge;
    struct log_sampler failures;
    uint64_t connects;
};

static void run(struct ingest *s);

static void set_usable(struct ingest *s, bool usable)
{
    if (s->usable == usable)
        return;
    s->usable = usable;
    s->callbacks.on_usable(s->callbacks.ctx, usable);
}

/* Nothing is asked for a while. */
static void pause_work(struct ingest *s)
{
    uint32_t delay_ms = backoff_next_ms(&s->backoff, entropy_bits());
    ev_timer_stop(s->loop, &s->retry);
    ev_timer_set(&s->retry, delay_ms / 1000.0, 0.);
    ev_timer_start(s->loop, &s->retry);
}

/* Something about the database is not as it must be: nothing is written until the schema has been
 * looked at again. */
static void distrust(struct ingest *s)
{
    s->schema_wanted = true;
    set_usable(s, false);
    pause_work(s);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    run(w->data);
}

/* --- schema --- */

static void on_schema_reply(void *ctx, const struct pg_reply *reply)
{
    struct ingest *s = ctx;
    struct schema_report report;
    struct err e;
    s->job = JOB_NONE;
    if (reply->outcome == PG_LOST)
        return;
    if (reply->outcome == PG_ERROR) {
        log_warn("schema_check_failed", "the schema could not be checked", "sqlstate=%s error=%s",
                 reply->sqlstate, reply->error);
        distrust(s);
        return;
    }
    if (!schema_evaluate(&s->schema_options, reply->rows, &report, &e)) {
        log_error("schema_check_failed", "the schema could not be checked", "error=%s", e.text);
        distrust(s);
        return;
    }
    ingest_use_schema(s, &report);
    s->callbacks.on_schema(s->callbacks.ctx, &report);
    if (!schema_is_usable(&report)) {
        distrust(s);
        return;
    }
    s->schema_wanted = false;
    set_usable(s, true);
    run(s);
}

void ingest_use_schema(struct ingest *s, const struct schema_report *report)
{
    copy_set_fk_rows(s->copy, report->fk.min_rows);
}

/* --- offsets --- */

static void on_offsets_reply(void *ctx, const struct pg_reply *reply);

/* Makes the rows of `starts`, if there are any, and reads all. */
static void request_offsets(struct ingest *s, const struct offsets *starts)
{
    buf_clear(&s->sql);
    for (size_t i = 0; starts && i < starts->count; i++) {
        copy_put_call(&s->sql, "ingest_start", &s->owner, &starts->items[i]);
        copy_put_sql(&s->sql, ", %" PRId64 "); ", starts->items[i].expected);
    }
    copy_put_sql(&s->sql, "SELECT topic, kafka_partition, next_offset FROM ingest_offsets "
                          "WHERE group_id = ");
    copy_put_literal(&s->sql, s->owner.group_id);
    copy_put_sql(&s->sql, " AND cluster_id = ");
    copy_put_literal(&s->sql, s->owner.cluster_id);
    s->job = JOB_OFFSETS;
    pg_request(s->pg, (const char *)s->sql.data, NULL, 0, on_offsets_reply, s);
    CRASHPOINT(offsets_asked);
}

static void read_rows(struct offsets *o, const PGresult *rows)
{
    for (size_t i = 0; i < o->count; i++)
        o->items[i].durable = OFFSETS_UNKNOWN;
    for (int row = 0; row < PQntuples(rows); row++) {
        int32_t id = (int32_t)strtol(PQgetvalue(rows, row, 1), NULL, 10);
        size_t at = offsets_find(o, PQgetvalue(rows, row, 0), id);
        if (at < o->count)
            o->items[at].durable = strtoll(PQgetvalue(rows, row, 2), NULL, 10);
    }
}

static void collect_missing(struct ingest *s)
{
    offsets_clear(&s->missing);
    for (size_t i = 0; i < s->offsets.count; i++) {
        const struct partition *p = &s->offsets.items[i];
        if (p->durable == OFFSETS_UNKNOWN)
            offsets_add(&s->missing, p->topic, p->id);
    }
}

static void hand_out_offsets(struct ingest *s)
{
    int64_t *values = err_calloc(s->offsets.count, sizeof *values);
    for (size_t i = 0; i < s->offsets.count; i++)
        values[i] = s->offsets.items[i].durable;
    s->callbacks.on_offsets(s->callbacks.ctx, s->epoch, values, s->offsets.count);
    free(values);
}

static void on_offsets_reply(void *ctx, const struct pg_reply *reply)
{
    struct ingest *s = ctx;
    s->job = JOB_NONE;
    if (reply->outcome == PG_LOST)
        return;
    if (reply->outcome == PG_ERROR) {
        log_warn("offsets_unreadable", "the stored offsets could not be read",
                 "sqlstate=%s error=%s", reply->sqlstate, reply->error);
        distrust(s);
        return;
    }
    if (s->restart_offsets) { /* asked anew meanwhile: for other partitions, perhaps */
        run(s);
        return;
    }
    read_rows(&s->offsets, reply->rows);
    collect_missing(s);
    if (s->missing.count > 0) {
        s->job = JOB_FIND_START;
        s->callbacks.find_start(s->callbacks.ctx, &s->missing);
        return;
    }
    s->offsets_wanted = false;
    backoff_reset(&s->backoff);
    hand_out_offsets(s);
    run(s);
}

void ingest_on_start(struct ingest *s, const struct offsets *found, const char *error)
{
    if (s->job != JOB_FIND_START)
        return;
    s->job = JOB_NONE;
    if (error) {
        log_warn("start_unknown", "Kafka did not say where to start; asking again", "error=%s",
                 error);
        pause_work(s);
        return;
    }
    if (s->restart_offsets || !pg_is_idle(s->pg))
        run(s);
    else
        request_offsets(s, found);
}

void ingest_read_offsets(struct ingest *s, const struct batch_owner *owner, const struct offsets *o,
                         uint32_t epoch)
{
    s->owner = *owner;
    offsets_copy(&s->offsets, o);
    s->epoch = epoch;
    s->offsets_wanted = true;
    s->restart_offsets = true;
    run(s);
}

/* --- jumps over gaps --- */

static void on_jump_reply(void *ctx, const struct pg_reply *reply)
{
    struct ingest *s = ctx;
    s->job = JOB_NONE;
    if (reply->outcome == PG_LOST)
        return;
    s->jump_wanted = false;
    if (reply->outcome == PG_ERROR)
        log_warn("jump_failed", "the jump over a gap was not recorded", "sqlstate=%s error=%s",
                 reply->sqlstate, reply->error);
    s->callbacks.on_jumped(s->callbacks.ctx);
    run(s);
}

static void request_jump(struct ingest *s)
{
    buf_clear(&s->sql);
    copy_put_call(&s->sql, "ingest_jump", &s->owner, &s->jump);
    copy_put_sql(&s->sql, ", %" PRId64 ", %" PRId64 ", 'not in the log')", s->jump.durable,
                 s->jump_next);
    s->job = JOB_JUMP;
    pg_request(s->pg, (const char *)s->sql.data, NULL, 0, on_jump_reply, s);
    CRASHPOINT(jump_sent);
}

void ingest_jump(struct ingest *s, const struct batch_owner *owner, const struct partition *p,
                 int64_t next)
{
    s->owner = *owner;
    s->jump = *p;
    s->jump_next = next;
    s->jump_wanted = true;
    run(s);
}

/* --- batches --- */

static void log_failure(struct ingest *s, enum commit_outcome outcome,
                        const struct copy_failure *failure)
{
    uint64_t suppressed;
    if (outcome == COMMIT_CLASH) { /* expected now and then; the merge decides */
        log_debug("commit_clash", "merging the batch row by row", "sqlstate=%s error=%s",
                  failure->sqlstate, failure->error);
        return;
    }
    if (!log_sample(&s->failures, clock_now().mono_us, &suppressed))
        return;
    log_warn("commit_failed", "the batch is kept and will be tried again",
             "outcome=%s step=%s sqlstate=%s error=%s suppressed=%" PRIu64,
             commit_outcome_name(outcome), failure->step, failure->sqlstate, failure->error,
             suppressed);
}

static void on_copy_done(void *ctx, enum commit_outcome outcome, const struct copy_failure *failure)
{
    struct ingest *s = ctx;
    s->job = JOB_NONE;
    s->batch = NULL;
    if (failure)
        log_failure(s, outcome, failure);
    else
        log_sample_reset(&s->failures);
    s->callbacks.on_commit(s->callbacks.ctx, outcome);
    if (failure && failure->class == SQLSTATE_MISCONFIG)
        distrust(s);
    if (failure && failure->class == SQLSTATE_CHANGED)
        s->schema_wanted = true;
    run(s);
}

void ingest_commit(struct ingest *s, const struct batch_owner *owner, struct batch *b,
                   const struct offsets *o, bool merge)
{
    assert(!s->batch);
    s->owner = *owner;
    s->batch = b;
    s->batch_offsets = o;
    s->merge = merge;
    run(s);
}

/* --- the connection --- */

/* Starts the next job if the connection is free. */
static void run(struct ingest *s)
{
    if (s->job != JOB_NONE || !pg_is_idle(s->pg) || ev_is_active(&s->retry))
        return;
    if (s->schema_wanted) {
        s->job = JOB_SCHEMA;
        pg_request(s->pg, schema_sql, NULL, 0, on_schema_reply, s);
    } else if (s->batch) {
        s->job = JOB_COMMIT;
        copy_start(s->copy, s->batch, s->batch_offsets, &s->owner, s->merge);
    } else if (s->jump_wanted) {
        request_jump(s);
    } else if (s->offsets_wanted) {
        s->restart_offsets = false;
        request_offsets(s, NULL);
    }
}

static void on_up(void *ctx)
{
    struct ingest *s = ctx;
    s->connects++;
    s->schema_wanted = true;
    ev_timer_stop(s->loop, &s->retry);
    run(s);
}

static void on_down(void *ctx, const char *why)
{
    struct ingest *s = ctx;
    (void)why; /* pg has logged it */
    if (s->job != JOB_FIND_START)
        s->job = JOB_NONE;
    set_usable(s, false);
    if (s->batch) { /* handed over, but not begun */
        s->batch = NULL;
        s->callbacks.on_commit(s->callbacks.ctx, COMMIT_LOST);
    }
}

static const char *ties_word(enum config_ties ties)
{
    static const char *const words[] = {
        [TIES_SPREAD] = "spread", [TIES_FIRST] = "first", [TIES_LAST] = "last"};
    return words[ties];
}

struct ingest *ingest_new(struct ev_loop *loop, const struct config *config, const char *name,
                          const struct ingest_callbacks *callbacks)
{
    struct ingest *s = err_calloc(1, sizeof *s);
    char application[SESSION_APPLICATION_MAX];
    session_application(application, config->group);
    struct pg_options options = session_pg_options(config, name, application);
    struct pg_callbacks on = {.on_up = on_up, .on_down = on_down, .ctx = s};
    s->loop = loop;
    s->callbacks = *callbacks;
    s->schema_options = session_schema_options(config);
    s->pg = pg_new(loop, &options, &on);
    s->copy =
        copy_new(s->pg, ties_word(config->ties), config->synthetic_spread_bps, on_copy_done, s);
    ev_timer_init(&s->retry, on_retry, 0., 0.);
    s->retry.data = s;
    backoff_init(&s->backoff, (uint32_t)config->retry_min_ms, (uint32_t)config->retry_max_ms);
    buf_init(&s->sql);
    offsets_init(&s->offsets);
    offsets_init(&s->missing);
    return s;
}

void ingest_free(struct ingest *s)
{
    if (!s)
        return;
    ev_timer_stop(s->loop, &s->retry);
    pg_free(s->pg);
    copy_free(s->copy);
    buf_fini(&s->sql);
    offsets_fini(&s->offsets);
    offsets_fini(&s->missing);
    free(s);
}

void ingest_start(struct ingest *s)
{
    pg_start(s->pg);
}

bool ingest_is_connected(const struct ingest *s)
{
    return pg_is_up(s->pg);
}

uint64_t ingest_connects(const struct ingest *s)
{
    return s->connects;
}

bool ingest_is_usable(const struct ingest *s)
{
    return s->usable;
}

int ingest_backend_pid(const struct ingest *s)
{
    return pg_backend_pid(s->pg);
}

void ingest_abort(struct ingest *s, const char *why)
{
    pg_reset(s->pg, why);
}
