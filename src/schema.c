/* SPDX-License-Identifier: MIT */
#include "schema.h"

#include "schema_list.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- What is expected */

enum owner { OURS, SIBLING };

static const struct relation {
    const char *name;
    enum owner owner;
} relations[] = {
#define X(name, owner) {#name, owner},
    RELATIONS(X)
#undef X
};

static const struct column {
    const char *relation;
    const char *name; /* "ticks.price" */
    const char *types;
    int characters;
    const char *privileges;
} columns[] = {
#define X(relation, column, types, characters, privileges)                                         \
    {#relation, #relation "." #column, types, characters, #privileges},
    COLUMNS(X)
#undef X
};

static const struct key {
    const char *relation;
    const char *columns;
    const char *text;
} keys[] = {
#define X(relation, columns, text) {#relation, columns, text},
    KEYS(X)
#undef X
};

static const struct function {
    const char *name;
    const char *arguments;
} functions[] = {
#define X(name, arguments) {#name, arguments},
    FUNCTIONS(X)
#undef X
};

static const struct privilege {
    char letter;
    const char *name;
} privileges[] = {{'S', "SELECT"}, {'I', "INSERT"}, {'U', "UPDATE"}, {'L', "UPDATE"}};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- Judging the answer */

struct judge {
    const struct schema_options *options;
    const PGresult *result;
    struct schema_report *report;
};

enum field { FIELD_KIND, FIELD_OBJECT, FIELD_ATTRIBUTE, FIELD_VALUE, FIELD_COUNT };

static const char *get(const PGresult *result, int row, enum field field)
{
    return PQgetvalue(result, row, (int)field);
}

/* Number of the next row with this key from `row` on, or -1. */
static int find_row(const struct judge *j, int row, const char *kind, const char *object,
                    const char *attribute)
{
    for (; row < PQntuples(j->result); row++)
        if (!strcmp(get(j->result, row, FIELD_OBJECT), object) &&
            !strcmp(get(j->result, row, FIELD_ATTRIBUTE), attribute) &&
            !strcmp(get(j->result, row, FIELD_KIND), kind))
            return row;
    return -1;
}

/* Value of the first row with this key, or NULL. */
static const char *find(const struct judge *j, const char *kind, const char *object,
                        const char *attribute)
{
    int row = find_row(j, 0, kind, object, attribute);
    return row < 0 ? NULL : get(j->result, row, FIELD_VALUE);
}

/* True if a row about the relation has this value. */
static bool has(const struct judge *j, const char *relation, const char *attribute,
                const char *value)
{
    for (int row = 0; (row = find_row(j, row, "relation", relation, attribute)) >= 0; row++)
        if (!strcmp(get(j->result, row, FIELD_VALUE), value))
            return true;
    return false;
}

static const char *find_session(const struct judge *j, const char *object)
{
    const char *value = find(j, "session", object, "");
    return value ? value : "";
}

static bool is_true(const char *value)
{
    return value && !strcmp(value, "true");
}

__attribute__((format(printf, 4, 5))) static void
add(const struct judge *j, enum schema_severity severity, const char *object, const char *fmt, ...)
{
    struct schema_report *report = j->report;
    if (report->count == SCHEMA_FINDINGS_MAX)
        return;
    struct schema_finding *f = &report->findings[report->count++];
    va_list args;
    f->severity = severity;
    snprintf(f->object, sizeof f->object, "%s", object);
    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
}

static const char *find_kind(const struct judge *j, const char *relation)
{
    return find(j, "relation", relation, "kind");
}

/* True if one of ours is missing. */
static bool judge_relations(const struct judge *j)
{
    bool missing = false;
    for (size_t i = 0; i < LENGTH(relations); i++) {
        const struct relation *r = &relations[i];
        const char *kind = find_kind(j, r->name);
        bool ours = r->owner == OURS;
        if (!kind)
            add(j, ours || j->options->strict ? SCHEMA_FATAL : SCHEMA_WARNING, r->name, "missing");
        else if (ours && !strchr("rp", *kind))
            add(j, SCHEMA_FATAL, r->name, "is not a table");
        missing |= ours && !kind;
    }
    return missing;
}

/* Why something that is there may have been missed. */
static void judge_search_path(const struct judge *j)
{
    const char *role = find_session(j, "role");
    for (int row = 0; row < PQntuples(j->result); row++)
        if (!strcmp(get(j->result, row, FIELD_KIND), "schema") &&
            !is_true(get(j->result, row, FIELD_VALUE)))
            add(j, SCHEMA_FATAL, get(j->result, row, FIELD_OBJECT),
                "role %s may not use this schema (no USAGE)", role);
    add(j, SCHEMA_WARNING, "search_path", "is %s for role %s in database %s",
        find_session(j, "search_path"), role, find_session(j, "database"));
}

/* True if `type` is one of a list separated by '|'. */
static bool is_one_of(const char *type, const char *types)
{
    size_t len = strlen(type);
    for (;; types++) {
        size_t n = strcspn(types, "|");
        if (n == len && !memcmp(type, types, n))
            return true;
        types += n;
        if (!*types)
            return false;
    }
}

static void judge_column(const struct judge *j, const struct column *c)
{
    const char *type = find(j, "column", c->name, "type");
    const char *characters = find(j, "column", c->name, "characters");
    if (!type)
        add(j, SCHEMA_FATAL, c->name, "missing");
    else if (!is_one_of(type, c->types))
        add(j, SCHEMA_FATAL, c->name, "is %s, expected %.*s", type, (int)strcspn(c->types, "|"),
            c->types);
    else if (characters && atoi(characters) < c->characters)
        add(j, SCHEMA_WARNING, c->name, "holds %s characters, expected %d", characters,
            c->characters);
}

static bool is_wanted(const struct judge *j, const struct column *c, const struct privilege *p)
{
    return strchr(c->privileges, p->letter) && (p->letter != 'L' || j->options->merge_updates);
}

static bool is_denied(const struct judge *j, const struct column *c, const struct privilege *p)
{
    const char *granted = find(j, "column", c->name, p->name);
    return granted && !is_true(granted);
}

/* One finding if a privilege is missing on all columns where it is wanted, else one for each. */
static void judge_privilege(const struct judge *j, const char *relation, const struct privilege *p)
{
    size_t wanted = 0;
    size_t denied = 0;
    for (const struct column *c = columns; c < columns + LENGTH(columns); c++) {
        if (strcmp(c->relation, relation) != 0 || !is_wanted(j, c, p))
            continue;
        wanted += find(j, "column", c->name, p->name) != NULL;
        denied += is_denied(j, c, p);
    }
    const char *role = find_session(j, "role");
    if (denied && denied == wanted) {
        add(j, SCHEMA_FATAL, relation, "role %s has no %s privilege", role, p->name);
        return;
    }
    for (const struct column *c = columns; denied && c < columns + LENGTH(columns); c++)
        if (!strcmp(c->relation, relation) && is_wanted(j, c, p) && is_denied(j, c, p))
            add(j, SCHEMA_FATAL, c->name, "role %s has no %s privilege", role, p->name);
}

/* True if tickd gives the column a value, or never adds a row to its table. */
static bool is_filled(const char *name)
{
    size_t relation = strcspn(name, ".");
    bool inserts = false;
    for (const struct column *c = columns; c < columns + LENGTH(columns); c++) {
        if (strncmp(c->name, name, relation + 1) != 0)
            continue;
        inserts |= strchr(c->privileges, 'I') != NULL;
        if (!strcmp(c->name, name) && strchr(c->privileges, 'I'))
            return true;
    }
    return !inserts;
}

static void judge_columns(const struct judge *j)
{
    for (size_t i = 0; i < LENGTH(columns); i++)
        if (find_kind(j, columns[i].relation))
            judge_column(j, &columns[i]);
    for (int row = 0; row < PQntuples(j->result); row++)
        if (!strcmp(get(j->result, row, FIELD_ATTRIBUTE), "must be filled") &&
            !is_filled(get(j->result, row, FIELD_OBJECT)))
            add(j, SCHEMA_FATAL, get(j->result, row, FIELD_OBJECT),
                "is NOT NULL without a default, and tickd does not fill it");
    for (size_t i = 0; i < LENGTH(relations); i++)
        for (size_t p = 0; p < LENGTH(privileges); p++)
            judge_privilege(j, relations[i].name, &privileges[p]);
}

static void judge_keys(const struct judge *j)
{
    for (const struct key *k = keys; k < keys + LENGTH(keys); k++)
        if (find_kind(j, k->relation) && !has(j, k->relation, "unique", k->columns))
            add(j, SCHEMA_FATAL, k->relation, "has no primary key %s", k->text);
}

static void judge_functions(const struct judge *j)
{
    for (size_t i = 0; i < LENGTH(functions); i++) {
        const struct function *f = &functions[i];
        char signature[128];
        char name[64];
        snprintf(signature, sizeof signature, "%s(%s)", f->name, f->arguments);
        snprintf(name, sizeof name, "%s()", f->name);
        const char *granted = find(j, "function", signature, "EXECUTE");
        if (!granted && find(j, "function", signature, "namesake"))
            add(j, SCHEMA_FATAL, name, "takes other arguments, expected (%s)", f->arguments);
        else if (!granted)
            add(j, SCHEMA_FATAL, name, "missing");
        else if (!is_true(granted))
            add(j, SCHEMA_FATAL, name, "role %s has no EXECUTE privilege", find_session(j, "role"));
    }
}

static void judge_ticks(const struct judge *j)
{
    struct schema_report *report = j->report;
    const char *version = find(j, "extension", "timescaledb", "version");
    snprintf(report->timescaledb, sizeof report->timescaledb, "%s", version ? version : "");
    report->hypertable = is_true(find(j, "relation", "ticks", "hypertable"));
    if (!find_kind(j, "ticks"))
        return;
    if (!report->hypertable && j->options->require_hypertable)
        add(j, SCHEMA_FATAL, "ticks", "is a plain table, expected a hypertable%s",
            version ? "" : " (TimescaleDB is not installed in this database)");
    else if (!report->hypertable && version)
        add(j, SCHEMA_WARNING, "ticks", "is a plain table although TimescaleDB is installed");
    if (find_kind(j, "pairs") && !has(j, "ticks", "references", "pairs"))
        add(j, SCHEMA_WARNING, "ticks", "has no foreign key to pairs");
}

static void judge_fk(const struct judge *j)
{
    struct fkcheck *fk = &j->report->fk;
    fkcheck_decide(j->options->fk_check, j->result, fk);
    if (fk->refused)
        add(j, SCHEMA_FATAL, "fk_check", "is batch, which is not possible here: %s", fk->reason);
}

static bool check_shape(const PGresult *result, struct err *e)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != FIELD_COUNT) {
        err_set(e, "the schema query has no answer of %d columns", FIELD_COUNT);
        return false;
    }
    for (int row = 0; row < PQntuples(result); row++)
        for (int field = 0; field < FIELD_COUNT; field++)
            if (PQgetisnull(result, row, field)) {
                err_set(e, "the answer to the schema query has a null in row %d", row);
                return false;
            }
    return true;
}

bool schema_evaluate(const struct schema_options *options, const PGresult *result,
                     struct schema_report *report, struct err *e)
{
    const struct judge j = {.options = options, .result = result, .report = report};
    *report = (struct schema_report){0};
    if (!check_shape(result, e))
        return false;
    if (judge_relations(&j))
        judge_search_path(&j);
    judge_ticks(&j);
    judge_columns(&j);
    judge_keys(&j);
    judge_functions(&j);
    judge_fk(&j);
    if (!is_true(find_session(&j, "TEMP")))
        add(&j, SCHEMA_FATAL, find_session(&j, "database"),
            "role %s may not make temporary tables in this database (no TEMP)",
            find_session(&j, "role"));
    return true;
}

bool schema_is_usable(const struct schema_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->findings[i].severity == SCHEMA_FATAL)
            return false;
    return true;
}

/* Room kept for "; and 123 more". */
#define REST_MAX 16

size_t schema_describe(const struct schema_report *report, enum schema_severity severity, char *out,
                       size_t size)
{
    size_t count = 0;
    size_t said = 0;
    size_t len = 0;
    if (size)
        out[0] = '\0';
    for (size_t i = 0; i < report->count; i++) {
        const struct schema_finding *f = &report->findings[i];
        if (f->severity != severity)
            continue;
        size_t needed = 2 + strlen(f->object) + 2 + strlen(f->text);
        if (said == count++ && len + needed + REST_MAX < size) {
            len += (size_t)snprintf(out + len, size - len, "%s%s: %s", said ? "; " : "", f->object,
                                    f->text);
            said++;
        }
    }
    if (said < count && size > len)
        snprintf(out + len, size - len, "%s%zu more", said ? "; and " : "", count - said);
    return count;
}
