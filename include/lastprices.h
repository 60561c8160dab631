/* SPDX-License-Identifier: MIT */
/*
 * The last price of each active pair as the table has it, read once after a start.
 *
 * Pure: a query, its PGresult in, quotes out. The statement has a time limit of its own.
 */
#ifndef TICKD_LASTPRICES_H
#define TICKD_LASTPRICES_H

#include "err.h"
#include "pairs.h"
#include "quotes.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

/* One look into the index for each pair. */
extern const char lastprices_sql[];

/* Takes its result; `*count` is how many prices there were. False if the result has not the shape
 * expected (`e`): nothing has changed. */
bool lastprices_take(struct quotes *q, const struct pairs *p, const PGresult *result, size_t *count,
                     struct err *e) __attribute__((warn_unused_result));

#endif
