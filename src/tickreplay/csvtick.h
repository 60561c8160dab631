/* SPDX-License-Identifier: MIT */
/*
 * Rows of a CSV file with a header as canonical ticks. Pure.
 */
#ifndef TICKREPLAY_CSVTICK_H
#define TICKREPLAY_CSVTICK_H

#include "buf.h"
#include "csv.h"
#include "err.h"
#include <stdbool.h>
#include <stddef.h>

enum csvtick_column {
    CSVTICK_TIME,
    CSVTICK_SYMBOL,
    CSVTICK_PRICE,
    CSVTICK_VOLUME,
    CSVTICK_BID,
    CSVTICK_ASK,
    CSVTICK_EXCHANGE,
    CSVTICK_COLUMNS,
};

/* Which cell of a row is what. */
struct csvtick {
    size_t place[CSVTICK_COLUMNS]; /* CSV_CELLS_MAX = not in the file */
    size_t count;                  /* cells of each row */
};

/* Reads the header: names of a tick's columns in any order ("timestamp" is "time"), symbol and
 * price among them. False: `e` names the column that is missing, unknown or there twice. */
bool csvtick_header(struct csvtick *t, const struct csv_row *row, struct err *e)
    __attribute__((warn_unused_result));

/*
 * Appends the row as a JSON object. Numbers keep their text; an empty cell is left out. A time as
 * PostgreSQL writes it ("2025-11-15 16:45:36.2+00") is made RFC 3339; *time_us gets it, or
 * INT64_MIN if there is none that can be read. False: the row has not as many cells as the header.
 */
bool csvtick_row(const struct csvtick *t, const struct csv_row *row, struct buf *b,
                 int64_t *time_us, struct err *e) __attribute__((warn_unused_result));

#endif
