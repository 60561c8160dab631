/* SPDX-License-Identifier: MIT */
/*
 * Stands in for pg.c in unit tests: remembers each request, and answers when and as the test says.
 */
#ifndef TICKD_FAKE_PG_H
#define TICKD_FAKE_PG_H

#include "buf.h"
#include "pg.h"

struct pg *fake_pg_new(void);

/* What pg_new() has made last, for code that makes its own; and that it connects. */
struct pg *fake_pg_made(void);
void fake_pg_up(struct pg *pg);

/* Requests so far; of each its SQL and the COPY data that came with it. */
size_t fake_pg_count(const struct pg *pg);
const char *fake_pg_sql(const struct pg *pg, size_t request);
struct span fake_pg_data(const struct pg *pg, size_t request);

/* Times that pg_reset() was called. */
size_t fake_pg_resets(const struct pg *pg);

/* Answer to the request under way; ends the test if there is none. What the request borrowed must
 * not have changed meanwhile. */
void fake_pg_ok(struct pg *pg, const char *tag);
void fake_pg_rows(struct pg *pg, const PGresult *rows);
void fake_pg_error(struct pg *pg, const char *sqlstate);
/* The same of a statement behind COPY, which has its rows. */
void fake_pg_error_behind_copy(struct pg *pg, const char *sqlstate);
void fake_pg_lose(struct pg *pg);

#endif
