/* SPDX-License-Identifier: MIT */
/*
 * Usual path: pgrun_begin, then steps: flush the statements, take results; at COPY IN send the rows
 * in slices, end them, flush, take results; the last one is NULL.
 *
 * Possible failures: an error among the results (the first one counts; the others follow from it);
 * the server leaves (PGRUN_DEAD, or whoever reads the socket notices).
 *
 * Things libpq does that shape this:
 * - PQputCopyData() takes any amount into memory: only what PQflush() has seen off may be followed
 * by more;
 * - errors of the server during COPY cannot be seen before PQputCopyEnd(), and until then
 * PQgetResult() says COPY IN for ever;
 * - what cannot be written is dropped, and PQflush() says 0: the error comes with the results. So
 *   all_sent means "may have gone out".
 */
#include "pgrun.h"

#include "crashpoint.h"
#include "pgtext.h"
#include <stdio.h>
#include <string.h>

#define SLICE_BYTES (64 * 1024)
/* 2 MiB a step, so that a fast server does not keep the loop from everything else. */
#define SLICES_A_STEP 32

bool pgrun_begin(struct pgrun *r, PGconn *conn, const char *sql, const void *copy, size_t copy_len)
{
    *r = (struct pgrun){.copy = copy, .copy_len = copy_len};
    r->reply.all_sent = !copy;
    return PQsendQuery(conn, sql) == 1;
}

void pgrun_fini(struct pgrun *r)
{
    PQclear(r->rows);
    *r = (struct pgrun){0};
}

static void keep_tag(struct pgrun *r, PGresult *result)
{
    snprintf(r->reply.tag, sizeof r->reply.tag, "%s", PQcmdStatus(result));
}

static void keep_first_error(struct pgrun *r, const PGresult *result)
{
    struct pg_reply *reply = &r->reply;
    if (*reply->error)
        return;
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(reply->sqlstate, sizeof reply->sqlstate, "%s", code ? code : "");
    pgtext_describe(reply->error, sizeof reply->error, result);
    if (!*reply->error)
        snprintf(reply->error, sizeof reply->error, "error without a message");
}

/* Takes a result that is not about COPY. */
static void take_result(struct pgrun *r, PGresult *result)
{
    switch (
        (int)PQresultStatus(result)) { /* int: there may be more of them than in the header here */
    case PGRES_TUPLES_OK:
        keep_tag(r, result);
        PQclear(r->rows);
        r->rows = result;
        return;
    case PGRES_COMMAND_OK:
        keep_tag(r, result);
        r->reply.copied |= r->copy_ended; /* the first of them is that of COPY */
        break;
    case PGRES_EMPTY_QUERY:
        break;
    default:
        keep_first_error(r, result);
        break;
    }
    PQclear(result);
}

static bool is_copy_in(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COPY_IN;
}

static bool is_copy_out(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COPY_OUT || PQresultStatus(result) == PGRES_COPY_BOTH;
}

static void begin_copy(struct pgrun *r)
{
    r->copying = true;
    r->reply.copy_started = true;
    if (!r->copy)
        r->copy_refusal = "this request has no rows";
    else if (r->copy_ended)
        r->copy_refusal = "this request has rows for one COPY only";
}

static enum pgrun_need end_copy(struct pgrun *r, PGconn *conn)
{
    /* From here on the server may have got everything, whatever libpq says: it also flushes while
     * it reads, and drops what it could not write without a word. */
    r->reply.all_sent = true;
    int rc = PQputCopyEnd(conn, r->copy_refusal);
    if (rc < 0)
        return PGRUN_DEAD;
    if (rc == 0)
        return PGRUN_WRITE;
    r->copying = false;
    r->copy_ended = true;
    CRASHPOINT_IF(PQflush(conn) == 0, copy_ended);
    return PGRUN_READ;
}

/* At most one slice is in libpq's buffer; the rest waits in the caller's. */
static enum pgrun_need send_rows(struct pgrun *r, PGconn *conn)
{
    for (int i = 0; i < SLICES_A_STEP && r->copied < r->copy_len && !r->copy_refusal; i++) {
        if (PQflush(conn) == 1)
            return PGRUN_WRITE;
        CRASHPOINT_IF(r->copied > 0, mid_copy);
        size_t left = r->copy_len - r->copied;
        int len = left < SLICE_BYTES ? (int)left : SLICE_BYTES;
        int rc = PQputCopyData(conn, r->copy + r->copied, len);
        if (rc < 0)
            return PGRUN_DEAD;
        if (rc == 0)
            return PGRUN_WRITE;
        r->copied += (size_t)len;
    }
    if (r->copied < r->copy_len && !r->copy_refusal)
        return PGRUN_WRITE;
    return end_copy(r, conn);
}

/* Takes the results that are there, up to one that asks for rows. */
static enum pgrun_need read_results(struct pgrun *r, PGconn *conn)
{
    while (!r->copying && !PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);
        if (!result)
            return PGRUN_DONE;
        if (is_copy_out(result)) {
            snprintf(r->reply.error, sizeof r->reply.error, "the request asks for COPY TO STDOUT");
            PQclear(result);
            return PGRUN_DEAD;
        }
        if (is_copy_in(result)) {
            PQclear(result);
            begin_copy(r);
        } else {
            take_result(r, result);
        }
    }
    return PGRUN_READ;
}

enum pgrun_need pgrun_step(struct pgrun *r, PGconn *conn)
{
    enum pgrun_need need;
    do {
        need = r->copying ? send_rows(r, conn) : PGRUN_READ;
        if (need != PGRUN_READ)
            return need;
        bool blocked = PQflush(conn) == 1;
        need = read_results(r, conn);
        if (need == PGRUN_READ && blocked)
            need = PGRUN_WRITE;
    } while (r->copying);
    return need;
}

void pgrun_bury(struct pgrun *r, PGconn *conn)
{
    /* Without a socket PQgetResult() does not wait. */
    while (!PQisBusy(conn) || PQsocket(conn) < 0) {
        PGresult *result = PQgetResult(conn);
        if (!result)
            return;
        if (is_copy_in(result) || is_copy_out(result)) { /* it would say so for ever */
            PQclear(result);
            return;
        }
        take_result(r, result);
    }
}
