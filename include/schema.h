/* SPDX-License-Identifier: MIT */
/*
 * What tickd expects of the database, and what is wrong with the one it met.
 *
 * Pure: one query, its PGresult in, findings out. The lists in schema_list.h are the only place
 * that names objects, columns, types and privileges.
 */
#ifndef TICKD_SCHEMA_H
#define TICKD_SCHEMA_H

#include "err.h"
#include "fkcheck.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

enum schema_severity {
    SCHEMA_FATAL,   /* tickd cannot write: wait for it */
    SCHEMA_WARNING, /* another service's object, or advice */
};

struct schema_finding {
    enum schema_severity severity;
    char object[128]; /* "ticks", "pairs.symbol", "ingest_advance()" */
    char text[256];   /* "missing", "is integer, expected timestamp with time zone", ... */
};

#define SCHEMA_FINDINGS_MAX 128

struct schema_report {
    struct schema_finding findings[SCHEMA_FINDINGS_MAX];
    size_t count;
    bool hypertable;      /* ticks is one */
    char timescaledb[32]; /* extension version, "" if not installed */
    struct fkcheck fk;    /* how the foreign key is looked after */
};

struct schema_options {
    bool strict;             /* a missing sibling table is fatal too */
    bool require_hypertable; /* a plain `ticks` is fatal */
    bool merge_updates;      /* ties = last needs UPDATE on ticks */
    enum config_fk_check fk_check;
};

/* One text-format query about the current role, database and search_path. */
extern const char schema_sql[];

/* Evaluates the result of schema_sql. False if the result has not the shape expected (`e`). */
bool schema_evaluate(const struct schema_options *options, const PGresult *result,
                     struct schema_report *report, struct err *e)
    __attribute__((warn_unused_result));

/* True if nothing fatal was found. */
bool schema_is_usable(const struct schema_report *report);

/* All findings of a severity in one line: "ticks: missing; pairs.symbol: ...". Cut to fit, with the
 * number left out. Returns how many there are. */
size_t schema_describe(const struct schema_report *report, enum schema_severity severity, char *out,
                       size_t size);

#endif
