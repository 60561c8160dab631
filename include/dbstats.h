/* SPDX-License-Identifier: MIT */
/*
 * What the database says about itself now and then: sizes, chunks, the archiving of its log.
 *
 * Pure: a query, its PGresult in, numbers out. The statement has a time limit of its own.
 */
#ifndef TICKD_DBSTATS_H
#define TICKD_DBSTATS_H

#include "err.h"
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One size a look; growth is measured over these. */
#define DBSTATS_SIZES 60

struct dbstats_size {
    int64_t time_us;
    int64_t bytes;
};

/* Zero it before use. */
struct dbstats {
    int64_t looked_us; /* wall clock of the last answer; 0: none yet */
    int64_t database_bytes;
    int64_t ticks_bytes; /* with indexes and chunks */
    int64_t chunks;
    bool archiving; /* archive_mode is on */
    int64_t archived;
    int64_t archive_failures;
    int64_t last_archived_us; /* 0: never */
    int64_t last_failed_us;   /* 0: never */
    struct dbstats_size sizes[DBSTATS_SIZES];
    size_t size_next;
    size_t size_count;
};

/* The query; another one where `ticks` is a hypertable. */
const char *dbstats_sql(bool hypertable);

/* Takes its result. False if the result has not the shape expected (`e`): nothing has changed. */
bool dbstats_take(struct dbstats *d, const PGresult *result, int64_t now_us, struct err *e)
    __attribute__((warn_unused_result));

/* Growth of `ticks` in bytes per second over the time for which sizes are known; 0 if it is not. */
double dbstats_growth(const struct dbstats *d);

/* True if the newest attempt to archive has failed. */
bool dbstats_archive_fails(const struct dbstats *d);

#endif
