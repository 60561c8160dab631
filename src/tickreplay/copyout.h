/* SPDX-License-Identifier: MIT */
/*
 * Rows of a query through COPY ... TO STDOUT in binary format, one at a time: exact numbers, no
 * memory for more than a row. Blocks. Needs an open connection, which is busy until the end.
 */
#ifndef TICKREPLAY_COPYOUT_H
#define TICKREPLAY_COPYOUT_H

#include "err.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#define COPYOUT_COLUMNS_MAX 16

struct copyout_field {
    const char *data; /* network byte order; NULL = SQL NULL */
    uint32_t len;
};

struct copyout {
    PGconn *conn;
    char *message; /* the row, as libpq gave it */
    bool has_header;
    int columns;
    struct copyout_field fields[COPYOUT_COLUMNS_MAX];
};

enum copyout_result { COPYOUT_ROW, COPYOUT_END, COPYOUT_FAILED };

/* Starts `sql`, a SELECT of `columns` columns. False: `e` says why. */
bool copyout_begin(struct copyout *c, PGconn *conn, const char *sql, int columns, struct err *e)
    __attribute__((warn_unused_result));

/* The next row in c->fields, until the next call. After END and FAILED there is nothing to free. */
enum copyout_result copyout_next(struct copyout *c, struct err *e);

/* Fields as numbers; a NULL is 0, or NaN. */
int64_t copyout_int(const struct copyout_field *f);
double copyout_double(const struct copyout_field *f);

/* A timestamptz in Unix us; -infinity and infinity are INT64_MIN and INT64_MAX. */
int64_t copyout_time(const struct copyout_field *f);

#endif
