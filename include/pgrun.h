/* SPDX-License-Identifier: MIT */
/*
 * One request on a non-blocking libpq connection, in steps that never wait.
 *
 * Owns what it has collected of the answer; the connection and the rows to copy are borrowed. Knows
 * nothing of loops, states and owners.
 */
#ifndef TICKD_PGRUN_H
#define TICKD_PGRUN_H

#include "pgreply.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

struct pgrun {
    const char *copy; /* NULL: none */
    size_t copy_len;
    size_t copied;
    bool copying;             /* the server waits for rows, or for their end */
    bool copy_ended;          /* it has been told the end */
    const char *copy_refusal; /* it will be told that there are none, and why */
    PGresult *rows;
    struct pg_reply reply; /* outcome and rows are set by nobody here */
};

/* What the request needs to go on. */
enum pgrun_need {
    PGRUN_WRITE, /* room in the socket; and input must be read, or both sides may wait for ever */
    PGRUN_READ,  /* an answer */
    PGRUN_DONE,  /* nothing: the answer is complete */
    PGRUN_DEAD,  /* another connection: this one is of no use any more */
};

/* Hands `sql` to libpq; false if that will not work on this connection. `r` need not be
 * initialised. */
bool pgrun_begin(struct pgrun *r, PGconn *conn, const char *sql, const void *copy, size_t copy_len)
    __attribute__((warn_unused_result));

/* Sends what the socket takes, within bounds, and takes the answers that libpq has read. */
enum pgrun_need pgrun_step(struct pgrun *r, PGconn *conn) __attribute__((warn_unused_result));

/* Collects what the server said before the connection broke. Does not wait. */
void pgrun_bury(struct pgrun *r, PGconn *conn);

void pgrun_fini(struct pgrun *r);

#endif
