/* SPDX-License-Identifier: MIT */
#include "fake_pg.h"

#include "err.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_REQUESTS = 64 };

struct request {
    char *sql;
    struct buf data;
    const void *borrowed;
};

struct pg {
    struct pg_callbacks callbacks;
    bool down;
    struct request requests[MAX_REQUESTS];
    size_t count;
    size_t resets;
    pg_reply_fn *fn; /* of the request under way, or NULL */
    void *ctx;
};

static struct pg *made;

struct pg *fake_pg_new(void)
{
    return err_calloc(1, sizeof(struct pg));
}

void pg_free(struct pg *pg)
{
    for (size_t i = 0; pg && i < pg->count; i++) {
        free(pg->requests[i].sql);
        buf_fini(&pg->requests[i].data);
    }
    free(pg);
}

/* --- what the code under test calls --- */

struct pg *pg_new(struct ev_loop *loop, const struct pg_options *options,
                  const struct pg_callbacks *callbacks)
{
    (void)loop, (void)options;
    made = fake_pg_new();
    made->callbacks = *callbacks;
    made->down = true;
    return made;
}

void pg_start(struct pg *pg)
{
    (void)pg; /* fake_pg_up() connects */
}

bool pg_is_up(const struct pg *pg)
{
    return !pg->down;
}

bool pg_is_idle(const struct pg *pg)
{
    return pg_is_up(pg) && !pg->fn;
}

void pg_request(struct pg *pg, const char *sql, const void *copy, size_t copy_len, pg_reply_fn *fn,
                void *ctx)
{
    ck_assert_msg(pg_is_idle(pg), "a request while another is under way");
    ck_assert_uint_lt(pg->count, MAX_REQUESTS);
    struct request *r = &pg->requests[pg->count++];
    *r = (struct request){.sql = err_strdup(sql), .borrowed = copy};
    buf_put(&r->data, copy, copy_len);
    pg->fn = fn;
    pg->ctx = ctx;
}

void pg_reset(struct pg *pg, const char *why)
{
    ck_assert_ptr_nonnull(why);
    pg->resets++;
}

/* As pg.h says: appends. */
bool pg_quote(char *out, size_t size, const char *s)
{
    size_t len = strlen(out);
    for (int i = -1; i <= (int)strlen(s); i++) {
        bool quote = i < 0 || s[i] == '\0' || s[i] == '\'';
        if (len + 3 > size)
            return false;
        if (quote)
            out[len++] = '\'';
        if (i >= 0 && s[i] != '\0')
            out[len++] = s[i];
    }
    out[len] = '\0';
    return true;
}

/* --- what the test calls --- */

struct pg *fake_pg_made(void)
{
    return made;
}

void fake_pg_up(struct pg *pg)
{
    pg->down = false;
    pg->callbacks.on_up(pg->callbacks.ctx);
}

size_t fake_pg_count(const struct pg *pg)
{
    return pg->count;
}

const char *fake_pg_sql(const struct pg *pg, size_t request)
{
    ck_assert_uint_lt(request, pg->count);
    return pg->requests[request].sql;
}

struct span fake_pg_data(const struct pg *pg, size_t request)
{
    ck_assert_uint_lt(request, pg->count);
    return (struct span){pg->requests[request].data.data, pg->requests[request].data.len};
}

size_t fake_pg_resets(const struct pg *pg)
{
    return pg->resets;
}

static void answer(struct pg *pg, const struct pg_reply *reply)
{
    ck_assert_msg(pg->fn != NULL, "nothing has been requested");
    const struct request *r = &pg->requests[pg->count - 1];
    if (r->data.len > 0)
        ck_assert_msg(memcmp(r->borrowed, r->data.data, r->data.len) == 0,
                      "the data of a request changed while it was under way");
    pg_reply_fn *fn = pg->fn;
    pg->fn = NULL;
    fn(pg->ctx, reply);
}

void fake_pg_ok(struct pg *pg, const char *tag)
{
    struct pg_reply reply = {.outcome = PG_OK};
    snprintf(reply.tag, sizeof reply.tag, "%s", tag);
    answer(pg, &reply);
}

void fake_pg_rows(struct pg *pg, const PGresult *rows)
{
    struct pg_reply reply = {.outcome = PG_OK, .rows = rows, .tag = "SELECT"};
    answer(pg, &reply);
}

static void refuse(struct pg *pg, const char *sqlstate, bool copied)
{
    struct pg_reply reply = {.outcome = PG_ERROR, .copied = copied};
    snprintf(reply.sqlstate, sizeof reply.sqlstate, "%s", sqlstate);
    snprintf(reply.error, sizeof reply.error, "the server says %s", sqlstate);
    answer(pg, &reply);
}

void fake_pg_error(struct pg *pg, const char *sqlstate)
{
    refuse(pg, sqlstate, false);
}

void fake_pg_error_behind_copy(struct pg *pg, const char *sqlstate)
{
    refuse(pg, sqlstate, true);
}

void fake_pg_lose(struct pg *pg)
{
    struct pg_reply reply = {.outcome = PG_LOST, .error = "the connection went"};
    answer(pg, &reply);
}
