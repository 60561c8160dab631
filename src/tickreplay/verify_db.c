/* SPDX-License-Identifier: MIT */
/*
 * The database, seen in one snapshot (REPEATABLE READ, READ ONLY): what comes while it is read is
 * not in it.
 */
#include "verify_state.h"

#include "copyout.h"
#include "pgtext.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_error(PGconn *conn, const PGresult *r, struct err *e)
{
    char text[ERR_MAX];
    pgtext_flatten(text, sizeof text, r ? PQresultErrorMessage(r) : PQerrorMessage(conn));
    err_set(e, "database: %s", text);
}

PGresult *verify_query(struct verify *v, const char *sql, int count, const char *const *values,
                       struct err *e)
{
    PGresult *r = PQexecParams(v->conn, sql, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK)
        return r;
    set_error(v->conn, r, e);
    PQclear(r);
    return NULL;
}

static bool execute(struct verify *v, const char *sql, struct err *e)
{
    PGresult *r = verify_query(v, sql, 0, NULL, e);
    PQclear(r);
    return r != NULL;
}

static bool connect_to(struct verify *v, struct err *e)
{
    static const char *const keywords[] = {"dbname", "application_name", "connect_timeout", NULL};
    const char *const values[] = {v->o->database, "tickreplay verify", "10", NULL};
    v->conn = PQconnectdbParams(keywords, values, 1);
    if (PQstatus(v->conn) == CONNECTION_OK)
        return true;
    set_error(v->conn, NULL, e);
    return false;
}

static bool load_pairs(struct verify *v, struct err *e)
{
    PGresult *r = verify_query(v, "SELECT symbol, active FROM pairs", 0, NULL, e);
    if (!r)
        return false;
    int count = PQntuples(r);
    v->pair_cap = (size_t)count;
    v->pairs = err_calloc(v->pair_cap + 1, 1);
    for (int i = 0; i < count; i++) {
        uint16_t number =
            namelist_add(&v->symbols, PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0));
        if (number != NAMELIST_NONE)
            v->pairs[number] = PQgetvalue(r, i, 1)[0] == 't' ? PAIR_ACTIVE : PAIR_INACTIVE;
    }
    PQclear(r);
    return true;
}

/* Offsets and dead letters are those of one Kafka cluster. */
static bool choose_cluster(struct verify *v, struct err *e)
{
    const char *const values[] = {v->o->group, v->o->topic};
    if (v->o->cluster) {
        v->cluster = err_strdup(v->o->cluster);
        return true;
    }
    PGresult *r = verify_query(v,
                               "SELECT DISTINCT cluster_id FROM ingest_offsets"
                               " WHERE group_id = $1 AND topic = $2",
                               2, values, e);
    if (!r)
        return false;
    int count = PQntuples(r);
    if (count > 1)
        err_set(e, "group \"%s\" has read topic \"%s\" of %d clusters: --cluster says which",
                v->o->group, v->o->topic, count);
    v->cluster = err_strdup(count == 1 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return count <= 1;
}

static uint8_t find_reason(const struct copyout_field *f)
{
    for (int i = REJECT_NONE + 1; i < REJECT_COUNT; i++) {
        const char *code = reject_code((enum reject_reason)i);
        if (strlen(code) == f->len && memcmp(code, f->data, f->len) == 0)
            return (uint8_t)i;
    }
    return REJECT_NONE;
}

static struct letter read_letter(const struct copyout *c, const struct letter *before)
{
    const struct copyout_field *f = c->fields;
    struct letter l = {
        .partition = (uint16_t)copyout_int(&f[0]),
        .offset = copyout_int(&f[1]),
        .item = (int32_t)copyout_int(&f[2]),
        .reason = find_reason(&f[3]),
        .has_payload = f[4].data != NULL,
    };
    bool same = before && before->partition == l.partition && before->offset == l.offset;
    if (l.has_payload) /* the hash has the whole length in it */
        l.payload = letters_hash(f[4].data, f[4].len) ^ f[4].len ^ (uint64_t)copyout_int(&f[5]);
    else if (same)
        l.payload = before->payload;
    return l;
}

static bool load_letters(struct verify *v, struct err *e)
{
    struct copyout c;
    enum copyout_result result;
    char *group = PQescapeLiteral(v->conn, v->o->group, strlen(v->o->group));
    char *topic = PQescapeLiteral(v->conn, v->o->topic, strlen(v->o->topic));
    char *cluster = PQescapeLiteral(v->conn, v->cluster, strlen(v->cluster));
    size_t size = strlen(group) + strlen(topic) + strlen(cluster) + 512;
    char *sql = err_malloc(size);
    snprintf(sql, size,
             "SELECT kafka_partition, kafka_offset, item, reason, payload, payload_bytes"
             " FROM rejected_ticks WHERE group_id = %s AND topic = %s AND cluster_id = %s"
             " ORDER BY kafka_partition, kafka_offset, item",
             group, topic, cluster);
    bool ok = copyout_begin(&c, v->conn, sql, 6, e);
    PQfreemem(group);
    PQfreemem(topic);
    PQfreemem(cluster);
    free(sql);
    if (!ok)
        return false;
    struct letters *l = &v->letters;
    while ((result = copyout_next(&c, e)) == COPYOUT_ROW) {
        struct letter letter = read_letter(&c, l->count > 0 ? &l->list[l->count - 1] : NULL);
        letters_add(l, &letter);
    }
    v->result->letters = l->count;
    letters_sort(l);
    return result == COPYOUT_END;
}

bool verify_open(struct verify *v, struct err *e)
{
    return connect_to(v, e) && execute(v, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", e) &&
           execute(v, "SET LOCAL statement_timeout = 0", e) && load_pairs(v, e) &&
           choose_cluster(v, e) && load_letters(v, e);
}

void verify_close(struct verify *v)
{
    PQfinish(v->conn);
    v->conn = NULL;
}
