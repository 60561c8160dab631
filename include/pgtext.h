/* SPDX-License-Identifier: MIT */
/*
 * What libpq says, in one line.
 *
 * Pure.
 */
#ifndef TICKD_PGTEXT_H
#define TICKD_PGTEXT_H

#include <libpq-fe.h>
#include <stddef.h>

/* `text`, an error message of several lines, in one line without its LOCATION. Cut to fit. */
void pgtext_flatten(char *out, size_t size, const char *text);

/* Primary message and detail of an error result, cut to fit. */
void pgtext_describe(char *out, size_t size, const PGresult *error);

/* The last SQLSTATE in an error message of verbosity PQERRORS_VERBOSE, or "". libpq has no other
 * way to say why the server refused a connection. */
void pgtext_sqlstate(char out[6], const char *text);

/* What to look at when a connection failed for a reason that somebody has to mend, NULL if it was
 * for another. `sqlstate` is that of pgtext_sqlstate(). Static storage. */
const char *pgtext_hint(const char *sqlstate, const char *text);

#endif
