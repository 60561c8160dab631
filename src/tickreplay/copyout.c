/* SPDX-License-Identifier: MIT */
#include "copyout.h"

#include "pgtext.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2000-01-01 in Unix us: where PostgreSQL counts from. */
#define EPOCH_US INT64_C(946684800000000)

#define SIGNATURE_LEN 11
#define HEADER_LEN    (SIGNATURE_LEN + 8)

static void set_error(PGconn *conn, const PGresult *r, struct err *e)
{
    char text[ERR_MAX];
    pgtext_flatten(text, sizeof text, r ? PQresultErrorMessage(r) : PQerrorMessage(conn));
    err_set(e, "database: %s", text);
}

bool copyout_begin(struct copyout *c, PGconn *conn, const char *sql, int columns, struct err *e)
{
    size_t size = strlen(sql) + sizeof "COPY () TO STDOUT (FORMAT binary)";
    char *copy = err_malloc(size);
    snprintf(copy, size, "COPY (%s) TO STDOUT (FORMAT binary)", sql);
    PGresult *r = PQexec(conn, copy);
    free(copy);
    *c = (struct copyout){.conn = conn, .columns = columns};
    bool ok = PQresultStatus(r) == PGRES_COPY_OUT;
    if (!ok)
        set_error(conn, r, e);
    PQclear(r);
    return ok;
}

static enum copyout_result finish(struct copyout *c, struct err *e)
{
    enum copyout_result result = COPYOUT_END;
    PGresult *r;
    while ((r = PQgetResult(c->conn))) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK && result == COPYOUT_END) {
            set_error(c->conn, r, e);
            result = COPYOUT_FAILED;
        }
        PQclear(r);
    }
    return result;
}

static int64_t read_int(const char *p, uint32_t len)
{
    uint64_t v = (uint8_t)p[0] & 0x80 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < len; i++)
        v = v << 8 | (uint8_t)p[i];
    return (int64_t)v;
}

static bool read_fields(struct copyout *c, const char *p, const char *end)
{
    for (int i = 0; i < c->columns; i++) {
        if (end - p < 4)
            return false;
        int64_t len = read_int(p, 4);
        p += 4;
        if (len > end - p)
            return false;
        c->fields[i] = (struct copyout_field){len < 0 ? NULL : p, len < 0 ? 0 : (uint32_t)len};
        p += len < 0 ? 0 : len;
    }
    return p == end;
}

enum copyout_result copyout_next(struct copyout *c, struct err *e)
{
    for (;;) {
        PQfreemem(c->message);
        c->message = NULL;
        int n = PQgetCopyData(c->conn, &c->message, 0);
        if (n < 0)
            return finish(c, e);
        const char *p = c->message, *end = p + n;
        if (!c->has_header) {
            if (n < HEADER_LEN)
                break;
            p += HEADER_LEN + read_int(p + SIGNATURE_LEN + 4, 4);
            c->has_header = true;
        }
        if (end - p == 0 || (end - p == 2 && read_int(p, 2) == -1))
            continue; /* header or trailer alone */
        if (end - p < 2 || read_int(p, 2) != c->columns || !read_fields(c, p + 2, end))
            break;
        return COPYOUT_ROW;
    }
    PQfreemem(c->message);
    c->message = NULL;
    err_set(e, "database: COPY data that cannot be read");
    return COPYOUT_FAILED;
}

int64_t copyout_int(const struct copyout_field *f)
{
    return f->data && f->len > 0 ? read_int(f->data, f->len) : 0;
}

double copyout_double(const struct copyout_field *f)
{
    double v;
    if (!f->data || f->len != sizeof v)
        return NAN;
    int64_t bits = read_int(f->data, sizeof v);
    memcpy(&v, &bits, sizeof v);
    return v;
}

int64_t copyout_time(const struct copyout_field *f)
{
    int64_t since_2000 = copyout_int(f);
    if (since_2000 == INT64_MIN || since_2000 == INT64_MAX)
        return since_2000;
    return since_2000 > INT64_MAX - EPOCH_US ? INT64_MAX : since_2000 + EPOCH_US;
}
