/* SPDX-License-Identifier: MIT */
#include "fkcheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field { FIELD_KIND, FIELD_OBJECT, FIELD_ATTRIBUTE, FIELD_VALUE };

/* GRANT ... ON PARAMETER. */
#define VERSION_MIN 150000

static const char *get(const PGresult *rows, int row, enum field field)
{
    return PQgetvalue(rows, row, (int)field);
}

/* Number of the next row about `object` (NULL: any) from `row` on, or -1. */
static int find_row(const PGresult *rows, int row, const char *object, const char *attribute)
{
    for (; row < PQntuples(rows); row++)
        if (!strcmp(get(rows, row, FIELD_KIND), "fk") &&
            (!object || !strcmp(get(rows, row, FIELD_OBJECT), object)) &&
            !strcmp(get(rows, row, FIELD_ATTRIBUTE), attribute))
            return row;
    return -1;
}

static const char *find(const PGresult *rows, const char *object, const char *attribute)
{
    int row = find_row(rows, 0, object, attribute);
    return row < 0 ? "" : get(rows, row, FIELD_VALUE);
}

static bool is(const PGresult *rows, const char *object, const char *attribute, const char *value)
{
    return !strcmp(find(rows, object, attribute), value);
}

__attribute__((format(printf, 2, 3))) static bool because(struct fkcheck *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->reason, sizeof f->reason, fmt, args);
    va_end(args);
    return true;
}

/* Of each key it must be known that the check does what its triggers do: at once, by equality of
 * the symbols, and that a pair with ticks stays as it is. */
static bool has_odd_key(const PGresult *rows, struct fkcheck *f)
{
    int keys = 0;
    for (int row = 0; (row = find_row(rows, row, NULL, "key")) >= 0; row++, keys++)
        if (strcmp(get(rows, row, FIELD_VALUE), "symbol = symbol, immediate, restrict") != 0)
            return because(f, "foreign key %s is of another kind (%s)",
                           get(rows, row, FIELD_OBJECT), get(rows, row, FIELD_VALUE));
    if (keys == 0)
        return because(f, "ticks has no foreign key to pairs");
    if (!is(rows, "pairs", "plain table", "true"))
        return because(f, "pairs is not a plain table");
    return false;
}

/* Besides the enabled one of the foreign key itself. */
static bool has_other_trigger(const PGresult *rows, struct fkcheck *f)
{
    int row = find_row(rows, 0, NULL, "trigger");
    if (row >= 0)
        return because(f, "trigger %s would be switched off", get(rows, row, FIELD_OBJECT));
    if (!is(rows, "ticks", "checked", "true"))
        return because(f, "the foreign key has no trigger on ticks");
    return false;
}

static bool lacks_right(const PGresult *rows, struct fkcheck *f)
{
    const char *role = find(rows, "session", "role");
    if (!is(rows, "session", "session_replication_role", "origin"))
        return because(f, "session_replication_role is %s already",
                       find(rows, "session", "session_replication_role"));
    if (!is(rows, "session", "SET", "true"))
        return because(f, "role %s may not set session_replication_role", role);
    if (!is(rows, "pairs", "lock", "true"))
        return because(f, "role %s may not lock pairs (no UPDATE on any column)", role);
    if (!is(rows, "pairs", "row security", "false"))
        return because(f, "row security hides pairs from role %s", role);
    return false;
}

static bool lacks_function(const PGresult *rows, struct fkcheck *f)
{
    const char *may = find(rows, "ingest_check_pairs()", "EXECUTE");
    if (!*may)
        return because(f, "function ingest_check_pairs() is missing");
    if (strcmp(may, "true") != 0)
        return because(f, "role %s may not call ingest_check_pairs()",
                       find(rows, "session", "role"));
    return false;
}

static bool is_too_old(const PGresult *rows, struct fkcheck *f)
{
    long version = strtol(find(rows, "session", "version"), NULL, 10);
    if (version < VERSION_MIN)
        return because(f, "PostgreSQL %ld, and it takes %d", version / 10000, VERSION_MIN / 10000);
    return false;
}

static bool is_unsafe(const PGresult *rows, struct fkcheck *f)
{
    return is_too_old(rows, f) || has_odd_key(rows, f) || has_other_trigger(rows, f) ||
           lacks_function(rows, f) || lacks_right(rows, f);
}

void fkcheck_decide(enum config_fk_check wanted, const PGresult *rows, struct fkcheck *out)
{
    *out = (struct fkcheck){.min_rows = FKCHECK_NEVER};
    if (wanted == FK_CHECK_ROW) {
        because(out, "fk_check = row");
        return;
    }
    if (is_unsafe(rows, out)) {
        out->refused = wanted == FK_CHECK_BATCH;
        return;
    }
    out->min_rows = wanted == FK_CHECK_BATCH ? 0 : FKCHECK_ROWS_MIN;
    if (wanted == FK_CHECK_BATCH)
        because(out, "fk_check = batch");
    else
        because(out, "it is safe here; batches of fewer than %d rows go row by row",
                FKCHECK_ROWS_MIN);
}

const char *fkcheck_word(const struct fkcheck *f)
{
    return f->min_rows == FKCHECK_NEVER ? "row by row" : "once a batch";
}
