/* SPDX-License-Identifier: MIT */
/*
 * One line of CSV (RFC 4180, without line breaks inside quotes) as cells that point into the line.
 * Pure.
 */
#ifndef TICKREPLAY_CSV_H
#define TICKREPLAY_CSV_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

#define CSV_CELLS_MAX 64

struct csv_cell {
    const char *text; /* not NUL-terminated */
    size_t len;
    bool quoted;
};

struct csv_row {
    struct csv_cell cells[CSV_CELLS_MAX];
    size_t count;
};

/* Splits `line` (without its newline; a carriage return at its end is dropped). Doubled quotes are
 * undone in place. False: `e` says what is wrong. */
bool csv_split(struct csv_row *row, char *line, size_t len, struct err *e)
    __attribute__((warn_unused_result));

/* The index of the cell that is `name`, or CSV_CELLS_MAX. */
size_t csv_find(const struct csv_row *row, const char *name);

#endif
