/* SPDX-License-Identifier: MIT */
/*
 * Usual path: step_rows -> [step_merge] -> [step_letters] -> [step_fence] -> COMMIT_DONE. Each step
 * is one request; its reply starts the next. The fence and COMMIT go along with the last rows that
 * are copied, or, if there are none, alone: so a batch is mostly one request, and however tickd is
 * held up, it does not leave rows in the server that wait for its COMMIT. A merge takes the first
 * two in turns, MERGE_ROWS at a time: how long a statement takes then does not depend on the size
 * of the batch, which no statement_timeout can make impossible to write.
 *
 * Possible failures: the server refuses a step -> ROLLBACK, then the outcome that its SQLSTATE
 * means; the connection goes at any step -> COMMIT_LOST, because after the last step nobody can
 * know, and before it reading the offsets gives the same answer.
 */
#include "copy.h"

#include "crashpoint.h"
#include "err.h"
#include "fkcheck.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MERGE_ROWS = 1000 };

enum step { STEP_NONE, STEP_ROWS, STEP_MERGE, STEP_LETTERS, STEP_FENCE, STEP_ROLLBACK };

struct copy {
    struct pg *pg;
    const char *ties;
    double spread_bps;
    copy_done_fn *done;
    void *ctx;

    enum step step;
    bool begun; /* BEGIN has been sent */
    bool ends;  /* COMMIT is a part of this request */
    bool merge;
    size_t merged; /* rows of the batch that have been staged */
    size_t fk_rows;
    bool fk_at_once; /* COPY goes without the foreign key's trigger... */
    bool fk_due;     /* ... and what it would do is still to be done */
    struct batch *batch;
    const struct offsets *offsets;
    struct batch_owner owner;
    struct buf sql;
    struct buf staged;

    /* Kept while rolling back. */
    enum commit_outcome outcome;
    enum sqlstate_class class;
    const char *failed_step;
    char sqlstate[6];
    char error[ERR_MAX];
};

static void on_reply(void *ctx, const struct pg_reply *reply);

struct copy *copy_new(struct pg *pg, const char *ties, double spread_bps, copy_done_fn *done,
                      void *ctx)
{
    struct copy *c = err_calloc(1, sizeof *c);
    c->pg = pg;
    c->ties = ties;
    c->spread_bps = spread_bps;
    c->done = done;
    c->ctx = ctx;
    c->fk_rows = FKCHECK_NEVER;
    buf_init(&c->sql);
    buf_init(&c->staged);
    return c;
}

void copy_free(struct copy *c)
{
    if (!c)
        return;
    buf_fini(&c->sql);
    buf_fini(&c->staged);
    free(c);
}

/* The calls of a fence are mostly shorter, and then formatted once. */
#define USUAL_SQL 256

void copy_put_sql(struct buf *sql, const char *fmt, ...)
{
    va_list ap;
    char *at = (char *)buf_reserve(sql, USUAL_SQL);
    va_start(ap, fmt);
    int needed = vsnprintf(at, USUAL_SQL, fmt, ap);
    va_end(ap);
    assert(needed >= 0);
    if (needed >= USUAL_SQL) {
        at = (char *)buf_reserve(sql, (size_t)needed + 1);
        va_start(ap, fmt);
        vsnprintf(at, (size_t)needed + 1, fmt, ap);
        va_end(ap);
    }
    sql->len += (size_t)needed;
}

/* Appends a constant that something else comes behind: no NUL ends it. */
static void put_text(struct buf *sql, const char *text)
{
    buf_put(sql, text, strlen(text));
}

void copy_put_literal(struct buf *sql, const char *text)
{
    size_t most = 2 * strlen(text) + 3;
    char *at = (char *)buf_reserve(sql, most);
    at[0] = '\0';
    bool fits = pg_quote(at, most, text);
    assert(fits);
    (void)fits;
    sql->len += strlen(at);
}

void copy_put_call(struct buf *sql, const char *function, const struct batch_owner *owner,
                   const struct partition *p)
{
    put_text(sql, "SELECT ");
    put_text(sql, function);
    put_text(sql, "(");
    copy_put_literal(sql, owner->group_id);
    put_text(sql, ", ");
    copy_put_literal(sql, owner->cluster_id);
    put_text(sql, ", ");
    copy_put_literal(sql, p->topic);
    copy_put_sql(sql, ", %" PRId32, p->id);
}

/* The rows are in, unchecked. Nothing else is written before this, so that no trigger but those of
 * ticks is switched off. */
static void put_check(struct copy *c)
{
    if (!c->fk_due)
        return;
    copy_put_sql(&c->sql, "SET LOCAL session_replication_role = DEFAULT; "
                          "SELECT ingest_check_pairs(ARRAY[");
    for (size_t i = 0; i < c->batch->symbol_count; i++) {
        copy_put_sql(&c->sql, "%s", i > 0 ? ", " : "");
        copy_put_literal(&c->sql, c->batch->symbol[i].text);
    }
    copy_put_sql(&c->sql, "]); ");
    c->fk_due = false;
}

/* Begins the text of a request, and with it the transaction if that has not been done. */
static void begin_sql(struct copy *c)
{
    buf_clear(&c->sql);
    if (!c->begun)
        copy_put_sql(&c->sql, c->fk_at_once ? "BEGIN ISOLATION LEVEL READ COMMITTED; " : "BEGIN; ");
    c->begun = true;
    put_check(c);
}

/* The fence is the last statement before COMMIT: whoever holds the row of an offset holds it for
 * the shortest time. */
static void put_fence(struct copy *c)
{
    for (size_t i = 0; i < c->batch->span_count; i++) {
        const struct batch_span *span = &c->batch->span[i];
        if (span->from == OFFSETS_UNKNOWN)
            continue;
        struct batch_count n = batch_span_count(span);
        copy_put_call(&c->sql, "ingest_advance", &c->owner, &c->offsets->items[i]);
        copy_put_sql(&c->sql,
                     ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64
                     ", %" PRId64 "); ",
                     span->from, span->next, n.messages, n.stored, n.rejected, n.ignored,
                     n.dropped);
    }
    copy_put_sql(&c->sql, "COMMIT");
    c->ends = true;
}

static void send(struct copy *c, enum step step, struct span data)
{
    c->step = step;
    pg_request(c->pg, (const char *)c->sql.data, data.data, data.len, on_reply, c);
}

/* --- the steps --- */

static void step_stage(struct copy *c)
{
    begin_sql(c);
    if (c->merged == 0)
        batch_merge_begin(c->batch);
    c->merged = batch_stage(c->batch, c->merged, MERGE_ROWS, &c->staged);
    copy_put_sql(&c->sql, "SELECT ingest_staging(); COPY %s", copyrow_staging_target);
    send(c, STEP_ROWS, (struct span){c->staged.data, c->staged.len});
}

static void step_merge(struct copy *c)
{
    begin_sql(c);
    copy_put_sql(&c->sql, "SELECT seq, outcome, sqlstate, detail FROM ingest_merge('%s', %.17g)",
                 c->ties, c->spread_bps);
    CRASHPOINT(merge_unsent);
    send(c, STEP_MERGE, (struct span){0});
    CRASHPOINT(merge_sent);
}

static void step_rows(struct copy *c)
{
    begin_sql(c);
    if (c->fk_at_once)
        copy_put_sql(&c->sql, "SET LOCAL session_replication_role = replica; ");
    copy_put_sql(&c->sql, "COPY %s", copyrow_ticks_target);
    c->fk_due = c->fk_at_once;
    if (c->batch->letters == 0) {
        copy_put_sql(&c->sql, "; ");
        put_check(c);
        put_fence(c);
    }
    send(c, STEP_ROWS, batch_rows(c->batch));
}

static void step_letters(struct copy *c)
{
    begin_sql(c);
    copy_put_sql(&c->sql, "COPY %s; ", copyrow_rejected_target);
    put_fence(c);
    CRASHPOINT_IF(c->step != STEP_NONE, letters_unsent);
    send(c, STEP_LETTERS, batch_letters(c->batch));
}

static void step_fence(struct copy *c)
{
    begin_sql(c);
    put_fence(c);
    CRASHPOINT(commit_unsent);
    send(c, STEP_FENCE, (struct span){0});
    CRASHPOINT(commit_sent);
}

static void next_step(struct copy *c)
{
    if (c->step == STEP_NONE && !c->merge && c->batch->row_count > 0)
        step_rows(c);
    else if (c->step == STEP_ROWS && c->merge)
        step_merge(c);
    else if (c->merge && c->merged < c->batch->row_count)
        step_stage(c);
    else if (c->step < STEP_LETTERS && c->batch->letters > 0)
        step_letters(c);
    else
        step_fence(c);
}

/* --- how they end --- */

static void finish(struct copy *c, enum commit_outcome outcome)
{
    struct copy_failure failure = {
        .step = c->failed_step, .sqlstate = c->sqlstate, .class = c->class, .error = c->error};
    c->step = STEP_NONE;
    c->done(c->ctx, outcome, outcome == COMMIT_DONE ? NULL : &failure);
}

static enum commit_outcome outcome_of(enum sqlstate_class class)
{
    switch (class) {
    case SQLSTATE_LOST:
        return COMMIT_LOST;
    case SQLSTATE_RETRY:
        return COMMIT_RETRY;
    case SQLSTATE_CLASH:
    case SQLSTATE_BAD_ROW:
    case SQLSTATE_CHANGED:
        return COMMIT_CLASH;
    case SQLSTATE_FENCED:
        return COMMIT_FENCED;
    case SQLSTATE_ENCODER:
        return COMMIT_BROKEN;
    case SQLSTATE_TOO_LARGE:
        return COMMIT_TOO_LARGE;
    case SQLSTATE_RESOURCE:
    case SQLSTATE_MISCONFIG:
    case SQLSTATE_CORRUPT:
        return COMMIT_HOLD;
    }
    return COMMIT_HOLD;
}

static void note_failure(struct copy *c, const struct pg_reply *reply)
{
    static const char *const names[] = {
        [STEP_ROWS] = "rows",   [STEP_MERGE] = "merge",       [STEP_LETTERS] = "letters",
        [STEP_FENCE] = "fence", [STEP_ROLLBACK] = "rollback",
    };
    c->failed_step = names[c->ends && reply->copied ? STEP_FENCE : c->step];
    c->class = sqlstate_classify(reply->sqlstate);
    /* A right or a function that only this way needs may have gone. */
    if (c->fk_at_once && c->class == SQLSTATE_MISCONFIG)
        c->class = SQLSTATE_CHANGED;
    memcpy(c->sqlstate, reply->sqlstate, sizeof c->sqlstate);
    snprintf(c->error, sizeof c->error, "%s", reply->error);
}

static void roll_back(struct copy *c, enum commit_outcome outcome)
{
    c->outcome = outcome;
    c->ends = false;
    buf_clear(&c->sql);
    copy_put_sql(&c->sql, "ROLLBACK");
    send(c, STEP_ROLLBACK, (struct span){0});
    CRASHPOINT(rollback_sent);
}

/* An error that means "this session is of no use" on a connection that still lives (read-only after
 * a failover): the connection is thrown away. */
static void on_error(struct copy *c, const struct pg_reply *reply)
{
    note_failure(c, reply);
    enum commit_outcome outcome = outcome_of(c->class);
    if (outcome == COMMIT_LOST) {
        pg_reset(c->pg, c->error);
        finish(c, COMMIT_LOST);
        return;
    }
    roll_back(c, outcome);
}

static enum batch_verdict verdict_of(const char *outcome)
{
    if (strcmp(outcome, "rejected") == 0)
        return VERDICT_REJECTED;
    if (strcmp(outcome, "repeat") == 0)
        return VERDICT_REPEAT;
    return VERDICT_DROPPED; /* "dropped" and "replaced": one row less in the table than ticks taken
                             */
}

#define FOREIGN_KEY_VIOLATION "23503"

static void apply_merge(struct copy *c, const PGresult *rows)
{
    for (int i = 0; i < PQntuples(rows); i++) {
        size_t row = (size_t)strtoul(PQgetvalue(rows, i, 0), NULL, 10);
        const char *sqlstate = PQgetvalue(rows, i, 2);
        bool pair_gone = strcmp(sqlstate, FOREIGN_KEY_VIOLATION) == 0;
        struct batch_refusal why = {
            .reason = pair_gone ? REJECT_UNKNOWN_SYMBOL : REJECT_DATABASE,
            .sqlstate = sqlstate,
            .message = PQgetvalue(rows, i, 3),
        };
        batch_merge_row(c->batch, row, verdict_of(PQgetvalue(rows, i, 1)), &c->owner, c->offsets,
                        &why);
    }
}

/* COMMIT of a transaction that has failed answers "ROLLBACK", and no error. */
static void on_end(struct copy *c, const struct pg_reply *reply)
{
    if (strcmp(reply->tag, "COMMIT") == 0) {
        CRASHPOINT(commit_answered);
        finish(c, COMMIT_DONE);
        return;
    }
    c->failed_step = "commit";
    c->class = SQLSTATE_RETRY;
    c->sqlstate[0] = '\0';
    snprintf(c->error, sizeof c->error, "COMMIT was answered by %s", reply->tag);
    finish(c, COMMIT_RETRY);
}

static void on_reply(void *ctx, const struct pg_reply *reply)
{
    struct copy *c = ctx;
    if (c->step == STEP_ROLLBACK) {
        finish(c, c->outcome);
        return;
    }
    if (reply->outcome == PG_LOST) {
        note_failure(c, reply);
        finish(c, COMMIT_LOST);
        return;
    }
    if (reply->outcome == PG_ERROR) {
        on_error(c, reply);
        return;
    }
    if (c->ends) {
        on_end(c, reply);
        return;
    }
    CRASHPOINT_IF(c->step == STEP_MERGE, merge_answered);
    if (c->step == STEP_MERGE)
        apply_merge(c, reply->rows);
    next_step(c);
}

void copy_set_fk_rows(struct copy *c, size_t min_rows)
{
    c->fk_rows = min_rows;
}

void copy_start(struct copy *c, struct batch *b, const struct offsets *o,
                const struct batch_owner *owner, bool merge)
{
    assert(c->step == STEP_NONE);
    c->batch = b;
    c->offsets = o;
    c->owner = *owner;
    c->merge = merge;
    c->merged = 0;
    c->begun = c->ends = c->fk_due = false;
    c->fk_at_once = !merge && b->row_count > 0 && b->row_count >= c->fk_rows;
    CRASHPOINT(before_begin);
    next_step(c);
}
