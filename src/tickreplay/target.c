/* SPDX-License-Identifier: MIT */
/*
 * Usual path: a prepared query every few milliseconds.
 *
 * Possible failures: the connection is lost, or the query fails (the table is not there): said by
 * the call, and the next call begins with a new connection, at most five times a second.
 */
#include "target.h"

#include "clock.h"
#include "pgtext.h"
#include <libpq-fe.h>
#include <stdlib.h>

#define RETRY_US 200000

struct target {
    PGconn *conn;
    char *group;
    char *topic;
    bool prepared;
    int64_t failed_us; /* when connecting last failed */
    const char *sizes_sql;
};

static const char look_sql[] =
    "SELECT kafka_partition, next_offset, messages, stored, rejected, ignored, dropped"
    " FROM ingest_offsets WHERE group_id = $1 AND topic = $2";

static const char audit_sql[] = "SELECT (SELECT count(*) FROM ticks),"
                                " (SELECT coalesce(sum(stored), 0)::bigint FROM ingest_offsets)";

static const char plain_sizes_sql[] =
    "SELECT pg_database_size(current_database()), pg_total_relation_size('ticks')";

static const char hypertable_sizes_sql[] =
    "SELECT pg_database_size(current_database()), coalesce(hypertable_size('ticks'), 0)";

static void set_error(const struct target *t, const PGresult *r, struct err *e)
{
    char text[ERR_MAX];
    pgtext_flatten(text, sizeof text, r ? PQresultErrorMessage(r) : PQerrorMessage(t->conn));
    err_set(e, "database: %s", text);
}

/* The rows of a query, or NULL. */
static PGresult *check(struct target *t, PGresult *r, struct err *e)
{
    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        return r;
    set_error(t, r, e);
    t->prepared = false;
    PQclear(r);
    return NULL;
}

static bool is_hypertable(struct target *t)
{
    PGresult *r = PQexec(t->conn, "SELECT to_regproc('hypertable_size') IS NOT NULL");
    bool yes = PQresultStatus(r) == PGRES_TUPLES_OK && PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return yes;
}

static bool prepare(struct target *t, struct err *e)
{
    PGresult *r = PQprepare(t->conn, "look", look_sql, 2, NULL);
    t->prepared = PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!t->prepared)
        set_error(t, r, e);
    PQclear(r);
    t->sizes_sql = is_hypertable(t) ? hypertable_sizes_sql : plain_sizes_sql;
    return t->prepared;
}

static bool make_ready(struct target *t, struct err *e)
{
    if (t->prepared && PQstatus(t->conn) == CONNECTION_OK)
        return true;
    int64_t now_us = clock_now().mono_us;
    if (t->failed_us != 0 && now_us - t->failed_us < RETRY_US) {
        err_set(e, "database: not connected");
        return false;
    }
    PQreset(t->conn);
    bool ok = PQstatus(t->conn) == CONNECTION_OK;
    if (!ok)
        set_error(t, NULL, e);
    ok = ok && prepare(t, e);
    t->failed_us = ok ? 0 : now_us;
    return ok;
}

struct target *target_open(const char *url, const char *group, const char *topic, struct err *e)
{
    static const char *const keywords[] = {"dbname", "application_name", "connect_timeout", NULL};
    const char *const values[] = {url, "tickreplay measure", "5", NULL};
    struct target *t = err_calloc(1, sizeof *t);
    t->group = err_strdup(group);
    t->topic = err_strdup(topic);
    t->conn = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(t->conn) == CONNECTION_OK && prepare(t, e))
        return t;
    if (PQstatus(t->conn) != CONNECTION_OK)
        set_error(t, NULL, e);
    target_close(t);
    return NULL;
}

void target_close(struct target *t)
{
    if (!t)
        return;
    PQfinish(t->conn);
    free(t->group);
    free(t->topic);
    free(t);
}

static int64_t number(const PGresult *r, int row, int column)
{
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

bool target_look(struct target *t, target_fn *fn, void *ctx, struct err *e)
{
    const char *const parameters[] = {t->group, t->topic};
    if (!make_ready(t, e))
        return false;
    PGresult *r = check(t, PQexecPrepared(t->conn, "look", 2, parameters, NULL, NULL, 0), e);
    if (!r)
        return false;
    for (int i = 0; i < PQntuples(r); i++) {
        const struct target_partition p = {
            .partition = (int32_t)number(r, i, 0),
            .next = number(r, i, 1),
            .messages = number(r, i, 2),
            .stored = number(r, i, 3),
            .rejected = number(r, i, 4),
            .ignored = number(r, i, 5),
            .dropped = number(r, i, 6),
        };
        fn(ctx, &p);
    }
    PQclear(r);
    return true;
}

/* The two numbers of a query of one row. */
static bool ask_two(struct target *t, const char *sql, int64_t *a, int64_t *b, struct err *e)
{
    if (!make_ready(t, e))
        return false;
    PGresult *r = check(t, PQexec(t->conn, sql), e);
    if (!r)
        return false;
    *a = number(r, 0, 0);
    *b = number(r, 0, 1);
    PQclear(r);
    return true;
}

bool target_sizes(struct target *t, struct target_sizes *s, struct err *e)
{
    return ask_two(t, t->sizes_sql, &s->database_bytes, &s->ticks_bytes, e);
}

bool target_audit(struct target *t, struct target_audit *a, struct err *e)
{
    return ask_two(t, audit_sql, &a->rows, &a->stored, e);
}
