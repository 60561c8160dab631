/* SPDX-License-Identifier: MIT */
/*
 * Connections: a client's end (struct pg, what tickd holds) and the server's (struct backend, which
 * holds the transaction). They can part: the client loses its connection and the backend still
 * executes what it has been sent; or the backend goes and the client learns it later.
 */
#include "sim.h"

#include "err.h"
#include "pg.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_TIMEOUT_US  2000000
#define LOCK_POLL_US     20000
#define STALLED_US       1000000
#define RECONNECT_MAX_US 500000

enum { BACKENDS = 64 };

struct backend {
    uint64_t id; /* 0: free */
    struct sim_tx *tx;
    struct pg *client; /* NULL: it has gone */
    char *sql;         /* the request to be executed, or NULL */
    uint8_t *data;
    size_t len;
    int64_t since_us; /* the request came */
};

struct pg {
    uint64_t id;
    struct sim_node *owner;
    struct pg_callbacks callbacks;
    struct backend *backend; /* NULL: not connected */
    pg_reply_fn *fn;         /* of the request under way */
    void *ctx;
    bool believes; /* that it is connected; without a backend it is wrong, and will learn it */
    bool lost;     /* on_down is still to be called */
    struct pg *next;
};

static struct backend backends[BACKENDS];
static uint64_t last_id;
static struct pg *clients;
static bool server_up;
static struct sim_node *next_owner;

/* --- backends --- */

static void end_backend(struct backend *b)
{
    sim_tx_free(b->tx);
    free(b->sql);
    free(b->data);
    *b = (struct backend){0};
}

static struct backend *start_backend(struct pg *client)
{
    int i = 0;
    while (i < BACKENDS && backends[i].id)
        i++;
    if (i == BACKENDS)
        sim_fail("too many backends");
    backends[i] = (struct backend){.id = ++last_id, .tx = sim_tx_new(), .client = client};
    return &backends[i];
}

static struct backend *find_backend(uint64_t id)
{
    for (int i = 0; i < BACKENDS; i++) {
        if (backends[i].id == id)
            return &backends[i];
    }
    return NULL;
}

/* --- the client's end --- */

static struct pg *find_client(uint64_t id)
{
    struct pg *pg = clients;
    while (pg && pg->id != id)
        pg = pg->next;
    return pg;
}

static void connect_later(struct pg *pg);

static void on_connected(void *ctx, uint64_t id)
{
    struct pg *pg = find_client(id);
    (void)ctx;
    if (!pg)
        return;
    if (!server_up) {
        connect_later(pg);
        return;
    }
    pg->backend = start_backend(pg);
    pg->believes = true;
    pg->callbacks.on_up(pg->callbacks.ctx);
}

static void connect_later(struct pg *pg)
{
    sim_node_tell_after(pg->owner, sim_between(1000, RECONNECT_MAX_US), on_connected, NULL, pg->id);
}

static void on_lost(void *ctx, uint64_t id)
{
    struct pg *pg = find_client(id);
    (void)ctx;
    if (!pg || !pg->lost)
        return;
    pg->lost = pg->believes = false;
    if (pg->fn) {
        struct pg_reply reply = {.outcome = PG_LOST, .error = "the connection went"};
        pg_reply_fn *fn = pg->fn;
        pg->fn = NULL;
        fn(pg->ctx, &reply);
    }
    pg->callbacks.on_down(pg->callbacks.ctx, "the connection went");
    connect_later(pg);
}

/* Parts client and backend; the client is told after a while. */
static void cut(struct pg *pg, int64_t after_us)
{
    if (pg->backend)
        pg->backend->client = NULL;
    pg->backend = NULL;
    pg->lost = true;
    sim_node_tell_after(pg->owner, after_us, on_lost, NULL, pg->id);
}

/* --- executing --- */

struct answer {
    uint64_t client;
    uint64_t backend;
    struct pg_reply reply;
    PGresult *rows;
};

/* `arg` is the client; the answer counts only if it still has the backend that gave it. */
static void on_answer(void *ctx, uint64_t arg)
{
    struct answer *a = ctx;
    struct pg *pg = find_client(arg);
    if (pg && pg->fn && pg->backend && pg->backend->id == a->backend) {
        pg_reply_fn *fn = pg->fn;
        pg->fn = NULL;
        a->reply.rows = a->rows;
        fn(pg->ctx, &a->reply);
    }
}

/* Answers are few and die with the world: they are kept in a list to be freed with it. */
static struct kept_answer {
    struct answer answer;
    struct kept_answer *next;
} * answers;

static void send_answer(struct backend *b, const struct sim_reply *r)
{
    struct kept_answer *kept = err_calloc(1, sizeof *kept);
    struct answer *a = &kept->answer;
    a->backend = b->id;
    a->rows = r->rows;
    a->reply.outcome = r->result == SIM_OK ? PG_OK : PG_ERROR;
    snprintf(a->reply.tag, sizeof a->reply.tag, "%s", r->tag);
    memcpy(a->reply.sqlstate, r->sqlstate, sizeof a->reply.sqlstate);
    snprintf(a->reply.error, sizeof a->reply.error, "refused %s", r->sqlstate);
    kept->next = answers;
    answers = kept;
    sim_node_tell_after(b->client->owner, sim_between(50, 2000), on_answer, a, b->client->id);
}

static const char *choose_error(void)
{
    static const char *const errors[] = {"40001", "40P01", "55P03", "57014", "53100", "53200",
                                         "25006", "57P01", "42P01", "XX000", "54000"};
    return errors[sim_random(sizeof errors / sizeof errors[0])];
}

static void forget_request(struct backend *b)
{
    free(b->sql);
    free(b->data);
    b->sql = NULL;
    b->data = NULL;
}

/* The server says no without having looked. 57P01 is its last word. */
static void refuse(struct backend *b)
{
    struct sim_reply r = {.result = SIM_ERROR};
    sim_count(SIM_refusals);
    snprintf(r.sqlstate, sizeof r.sqlstate, "%s", choose_error());
    if (strcmp(r.sqlstate, "57P01") == 0) {
        cut(b->client, sim_between(50, 5000));
        end_backend(b);
        return;
    }
    /* As the real one: a transaction that is open has failed from now on. */
    sim_tx_execute(b->tx, "REFUSE", NULL, 0, false);
    forget_request(b);
    send_answer(b, &r);
}

static void execute_later(struct backend *b, int64_t us);

/* tickd ends a session of its group that is stalled in a transaction and in its way (service.c). */
static void look_at_blocker(const struct backend *b, const struct sim_tx *blocker)
{
    if (!sim_plan()->unblock || sim_now_us() - b->since_us < STALLED_US)
        return;
    for (int i = 0; i < BACKENDS; i++) {
        struct backend *other = &backends[i];
        bool stalled =
            other->id && other->tx == blocker &&
            (!other->client || (!other->sql && sim_node_is_paused(other->client->owner)));
        if (stalled) {
            sim_count(SIM_blockers_ended);
            if (other->client)
                cut(other->client, 0);
            end_backend(other);
            return;
        }
    }
}

static bool is_commit(const struct backend *b)
{
    return strstr(b->sql, "COMMIT") != NULL;
}

static void wait_for_lock(struct backend *b, const struct sim_tx *blocker)
{
    struct sim_reply r = {.result = SIM_ERROR, .sqlstate = "55P03"};
    sim_count(SIM_lock_waits);
    if (sim_now_us() - b->since_us < LOCK_TIMEOUT_US) {
        look_at_blocker(b, blocker);
        execute_later(b, LOCK_POLL_US);
        return;
    }
    sim_count(SIM_lock_timeouts);
    if (!b->client) {
        end_backend(b);
        return;
    }
    sim_tx_execute(b->tx, "REFUSE", NULL, 0, false);
    forget_request(b);
    send_answer(b, &r);
}

static void finish_request(struct backend *b, struct sim_reply *r, bool commit)
{
    forget_request(b);
    if (b->client && !sim_chance(sim_plan()->cut)) {
        send_answer(b, r);
        return;
    }
    PQclear(r->rows);
    if (b->client) {
        sim_count(SIM_cuts_after);
        if (commit && r->result == SIM_OK)
            sim_count(SIM_commits_lost);
        cut(b->client, sim_between(50, 5000));
    } else if (commit && r->result == SIM_OK) {
        sim_count(SIM_late_commits);
    }
    end_backend(b);
}

static void on_execute(void *ctx, uint64_t id)
{
    struct backend *b = find_backend(id);
    (void)ctx;
    if (!b || !b->sql)
        return;
    if (b->client && strcmp(b->sql, "ROLLBACK") != 0 && sim_chance(sim_plan()->refuse)) {
        refuse(b);
        return;
    }
    bool commit = is_commit(b);
    bool rollback = commit && sim_chance(sim_plan()->refuse);
    struct sim_reply r = sim_tx_execute(b->tx, b->sql, b->data, b->len, rollback);
    sim_trace("backend %llu: %.130s... -> %s %s%s", (unsigned long long)b->id, b->sql,
              r.result == SIM_OK      ? "ok"
              : r.result == SIM_ERROR ? "error"
                                      : "blocked",
              r.tag, r.sqlstate);
    if (r.result == SIM_BLOCKED) {
        wait_for_lock(b, r.blocker);
        return;
    }
    if (rollback)
        sim_count(SIM_tags_rollback);
    finish_request(b, &r, commit);
}

static void execute_later(struct backend *b, int64_t us)
{
    sim_after(us, on_execute, NULL, b->id);
}

/* The connection goes while the request is on its way; it may still arrive. */
static void cut_request(struct pg *pg)
{
    struct backend *b = pg->backend;
    sim_count(SIM_cuts_before);
    cut(pg, sim_between(50, 5000));
    if (sim_chance(500))
        execute_later(b, sim_chance(500) ? sim_between(100, 5000) : sim_between(5000, 2000000));
    else
        end_backend(b);
}

/* --- pg.h --- */

struct pg *pg_new(struct ev_loop *loop, const struct pg_options *options,
                  const struct pg_callbacks *callbacks)
{
    struct pg *pg = err_calloc(1, sizeof *pg);
    (void)loop;
    (void)options;
    *pg =
        (struct pg){.id = ++last_id, .owner = next_owner, .callbacks = *callbacks, .next = clients};
    clients = pg;
    return pg;
}

/* The process ends. What its backend has been sent may still be executed. */
void pg_free(struct pg *pg)
{
    struct pg **at = &clients;
    if (!pg)
        return;
    while (*at != pg)
        at = &(*at)->next;
    *at = pg->next;
    if (pg->backend) {
        pg->backend->client = NULL;
        if (!pg->backend->sql || sim_chance(300))
            end_backend(pg->backend);
    }
    free(pg);
}

void pg_start(struct pg *pg)
{
    connect_later(pg);
}

bool pg_is_up(const struct pg *pg)
{
    return pg->believes;
}

bool pg_is_idle(const struct pg *pg)
{
    return pg_is_up(pg) && !pg->fn;
}

int pg_backend_pid(const struct pg *pg)
{
    return pg->backend ? (int)pg->backend->id : 0;
}

void pg_request(struct pg *pg, const char *sql, const void *copy, size_t copy_len, pg_reply_fn *fn,
                void *ctx)
{
    struct backend *b = pg->backend;
    if (!pg_is_idle(pg))
        sim_fail("a request on a connection that is not idle");
    pg->fn = fn;
    pg->ctx = ctx;
    if (!b)
        return;
    b->sql = err_strdup(sql);
    b->data = err_malloc(copy_len);
    b->len = copy_len;
    b->since_us = sim_now_us();
    if (copy_len > 0)
        memcpy(b->data, copy, copy_len);
    if (sim_chance(sim_plan()->cut))
        cut_request(pg);
    else
        execute_later(b, sim_chance(sim_plan()->slow) ? sim_between(100000, 4000000)
                                                      : sim_between(50, 3000));
}

void pg_reset(struct pg *pg, const char *why)
{
    struct backend *b = pg->backend;
    if (strstr(why, "given up"))
        sim_count(SIM_orphans);
    pg->believes = false;
    if (!b)
        return; /* it has gone already */
    cut(pg, 0);
    if (!b->sql || sim_chance(500))
        end_backend(b);
}

bool pg_quote(char *out, size_t size, const char *s)
{
    size_t len = strlen(out);
    return (size_t)snprintf(out + len, size - len, "'%s'", s) < size - len;
}

/* --- the server --- */

void sim_server_down(void)
{
    server_up = false;
    for (int i = 0; i < BACKENDS; i++) {
        struct backend *b = &backends[i];
        if (!b->id)
            continue;
        if (b->client)
            cut(b->client, sim_between(50, 100000));
        end_backend(b);
    }
}

void sim_server_up(void)
{
    server_up = true;
}

bool sim_server_is_up(void)
{
    return server_up;
}

void sim_pg_set_owner(struct sim_node *n)
{
    next_owner = n;
}

void sim_pg_reset(void)
{
    last_id = 0;
    server_up = true;
}

void sim_pg_free_all(void)
{
    for (int i = 0; i < BACKENDS; i++) {
        if (backends[i].id)
            end_backend(&backends[i]);
    }
    while (answers) {
        struct kept_answer *next = answers->next;
        PQclear(answers->answer.rows);
        free(answers);
        answers = next;
    }
}
