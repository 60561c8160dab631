/* SPDX-License-Identifier: MIT */
#include "dbstats.h"

#include <stdlib.h>

enum {
    COLUMN_DATABASE,
    COLUMN_TICKS,
    COLUMN_CHUNKS,
    COLUMN_ARCHIVING,
    COLUMN_ARCHIVED,
    COLUMN_FAILED,
    COLUMN_LAST_ARCHIVED,
    COLUMN_LAST_FAILED,
    COLUMN_COUNT
};

/* Files of a table are looked at one by one: with thousands of chunks that takes its time. */
#define LIMIT "SET LOCAL statement_timeout = '5s'; "

/* The extension may live in a schema that tickd's search_path does not name. For this transaction
 * only, and last. */
#define SEE_EXTENSION                                                                              \
    "SELECT set_config('search_path', concat_ws(', ', current_setting('search_path'),"             \
    " (SELECT extnamespace::regnamespace::text FROM pg_extension"                                  \
    " WHERE extname = 'timescaledb')), true); "

#define MICROSECONDS(column) "coalesce((extract(epoch FROM " column ") * 1000000)::bigint, 0)"

/* Chunks, and partitions, inherit from the table; what is compressed is in tables beside them,
 * which hypertable_size() knows. */
#define QUERY(size)                                                                                \
    "SELECT pg_database_size(current_database()), " size                                           \
    ", (SELECT count(*) FROM pg_inherits WHERE inhparent = 'ticks'::regclass)"                     \
    ", current_setting('archive_mode') <> 'off', archived_count, failed_count"                     \
    ", " MICROSECONDS("last_archived_time") ", " MICROSECONDS(                                     \
        "last_failed_time") " FROM pg_stat_archiver"

const char *dbstats_sql(bool hypertable)
{
    if (hypertable)
        return LIMIT SEE_EXTENSION QUERY("hypertable_size('ticks')");
    return LIMIT QUERY(
        "pg_total_relation_size('ticks') + (SELECT"
        " coalesce(sum(pg_total_relation_size(inhrelid)), 0)::bigint FROM pg_inherits"
        " WHERE inhparent = 'ticks'::regclass)");
}

static int64_t number(const PGresult *result, int column)
{
    return strtoll(PQgetvalue(result, 0, column), NULL, 10);
}

bool dbstats_take(struct dbstats *d, const PGresult *result, int64_t now_us, struct err *e)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != COLUMN_COUNT ||
        PQntuples(result) != 1) {
        err_set(e, "not one row of %d columns", COLUMN_COUNT);
        return false;
    }
    d->looked_us = now_us;
    d->database_bytes = number(result, COLUMN_DATABASE);
    d->ticks_bytes = number(result, COLUMN_TICKS);
    d->chunks = number(result, COLUMN_CHUNKS);
    d->archiving = PQgetvalue(result, 0, COLUMN_ARCHIVING)[0] == 't';
    d->archived = number(result, COLUMN_ARCHIVED);
    d->archive_failures = number(result, COLUMN_FAILED);
    d->last_archived_us = number(result, COLUMN_LAST_ARCHIVED);
    d->last_failed_us = number(result, COLUMN_LAST_FAILED);
    d->sizes[d->size_next] = (struct dbstats_size){now_us, d->ticks_bytes};
    d->size_next = (d->size_next + 1) % DBSTATS_SIZES;
    if (d->size_count < DBSTATS_SIZES)
        d->size_count++;
    return true;
}

double dbstats_growth(const struct dbstats *d)
{
    if (d->size_count < 2)
        return 0;
    const struct dbstats_size *first =
        &d->sizes[(d->size_next + DBSTATS_SIZES - d->size_count) % DBSTATS_SIZES];
    const struct dbstats_size *last = &d->sizes[(d->size_next + DBSTATS_SIZES - 1) % DBSTATS_SIZES];
    if (last->time_us <= first->time_us)
        return 0;
    return (double)(last->bytes - first->bytes) * 1e6 / (double)(last->time_us - first->time_us);
}

bool dbstats_archive_fails(const struct dbstats *d)
{
    return d->archiving && d->last_failed_us > d->last_archived_us;
}
