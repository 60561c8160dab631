/* SPDX-License-Identifier: MIT */
#include "lastprices.h"

#include <math.h>
#include <stdlib.h>

const char lastprices_sql[] =
    "SET LOCAL statement_timeout = '5s'; "
    "SELECT p.symbol, (extract(epoch FROM t.time) * 1000000)::bigint, t.price, t.bid, t.ask"
    " FROM pairs p CROSS JOIN LATERAL (SELECT time, price, bid, ask FROM ticks"
    " WHERE symbol = p.symbol ORDER BY time DESC LIMIT 1) t WHERE p.active";

enum { COLUMN_SYMBOL, COLUMN_TIME, COLUMN_PRICE, COLUMN_BID, COLUMN_ASK, COLUMN_COUNT };

static double number(const PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return NAN;
    return strtod(PQgetvalue(result, row, column), NULL);
}

bool lastprices_take(struct quotes *q, const struct pairs *p, const PGresult *result, size_t *count,
                     struct err *e)
{
    *count = 0;
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != COLUMN_COUNT) {
        err_set(e, "not rows of %d columns", COLUMN_COUNT);
        return false;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        const struct pair *pair = pairs_find(p, PQgetvalue(result, row, COLUMN_SYMBOL),
                                             (size_t)PQgetlength(result, row, COLUMN_SYMBOL));
        if (!pair)
            continue;
        quotes_restore(q, pair->slot, strtoll(PQgetvalue(result, row, COLUMN_TIME), NULL, 10),
                       number(result, row, COLUMN_PRICE), number(result, row, COLUMN_BID),
                       number(result, row, COLUMN_ASK));
        ++*count;
    }
    return true;
}
