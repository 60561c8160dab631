/* SPDX-License-Identifier: MIT */
/*
 * The answer to a request, see pg.h.
 */
#ifndef TICKD_PGREPLY_H
#define TICKD_PGREPLY_H

#include "err.h"
#include <libpq-fe.h>
#include <stdbool.h>

enum pg_outcome {
    PG_OK,    /* every statement succeeded */
    PG_ERROR, /* the server answered with an error; the connection lives */
    PG_LOST,  /* the connection went; whether the request had an effect is not known */
};

/* Borrowed for the call. */
struct pg_reply {
    enum pg_outcome outcome;
    const PGresult *rows; /* result of the last statement that returned rows, or NULL */
    char tag[64];         /* command tag of the last statement ("COMMIT", "ROLLBACK", ...) */
    char sqlstate[6];     /* the first error's; "" if none */
    char error[ERR_MAX];  /* its primary message and detail */
    bool copy_started;    /* COPY IN was reached */
    bool copied;          /* COPY IN succeeded: an error is that of a later statement */
    bool all_sent;        /* false: its end has not gone out, so it can have had no effect */
};

#endif
