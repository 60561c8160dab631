/* SPDX-License-Identifier: MIT */
/* links: pg.o pgrun.o pgtext.o conninfo.o hostlist.o resolve.o backoff.o sqlstate.o clock.o entropy.o err.o fakelog.o fakepg.o fakedns.o */
#include "pg.h"

#include "fakedns.h"
#include "fakelog.h"
#include "fakepg.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than the sockets of both sides hold. */
#define BIG ((size_t)32 << 20)

/* Only ever reached by a failing test. */
#define GUARD_S 120.

static struct ev_loop *loop;
static struct fakepg *server;
static struct pg *pg;
static char dsn[512];
static struct pg_options options;

/* What the owner was told. */
static int ups, downs, notifications, replies;
static struct pg_reply last;
static char value[16];
static char why[ERR_MAX];
static char order[64]; /* r: reply, d: down, u: up, n: notification */

static void note(char what)
{
    size_t len = strlen(order);
    ck_assert_uint_lt(len, sizeof order - 1);
    order[len] = what;
    order[len + 1] = '\0';
}

static void on_up(void *ctx)
{
    ck_assert_ptr_eq(ctx, order);
    ck_assert(pg_is_up(pg) && pg_is_idle(pg));
    note('u');
    ups++;
}

static void on_down(void *ctx, const char *reason)
{
    ck_assert_ptr_eq(ctx, order);
    ck_assert(!pg_is_up(pg));
    strcpy(why, reason);
    note('d');
    downs++;
}

static void on_notify(void *ctx, const char *channel)
{
    ck_assert_ptr_eq(ctx, order);
    ck_assert_str_eq(channel, "tickd_pairs");
    note('n');
    notifications++;
}

static struct pg_callbacks callbacks;

static void on_reply(void *ctx, const struct pg_reply *reply)
{
    ck_assert_ptr_eq(ctx, &replies);
    last = *reply;
    value[0] = '\0';
    if (reply->rows)
        strcpy(value, PQgetvalue(reply->rows, 0, 0));
    last.rows = NULL;
    note('r');
    replies++;
}

static void on_guard(struct ev_loop *l, struct ev_timer *w, int revents)
{
    (void)l;
    (void)w;
    (void)revents;
    ck_abort_msg("nothing happened; order \"%s\", log:\n%s", order, fakelog_text());
}

static struct ev_timer guard;

#define RUN_UNTIL(condition)                                                                       \
    do {                                                                                           \
        while (!(condition))                                                                       \
            ev_run(loop, EVRUN_ONCE);                                                              \
    } while (0)

static void setup(void)
{
    loop = ev_loop_new(EVFLAG_AUTO);
    ev_timer_init(&guard, on_guard, GUARD_S, 0.);
    ev_timer_start(loop, &guard);
    server = fakepg_new(loop);
    fakelog_clear();
    fakedns_reset();
    ups = downs = notifications = replies = 0;
    order[0] = why[0] = '\0';
    callbacks = (struct pg_callbacks){on_up, on_down, on_notify, order};
    snprintf(dsn, sizeof dsn, "postgresql://tester:hunter22@127.0.0.1:%d/db?sslmode=disable",
             fakepg_port(server));
    options = (struct pg_options){
        .name = "test",
        .conninfo = dsn,
        .application = "tickd:test",
        .connect_timeout_ms = 20000,
        .statement_timeout_ms = 60000, /* valgrind takes long for BIG */
        .lock_timeout_ms = 5000,
        .retry_min_ms = 1,
        .retry_max_ms = 20,
    };
}

static void teardown(void)
{
    pg_free(pg);
    pg = NULL;
    if (server)
        fakepg_free(server);
    server = NULL;
    ev_timer_stop(loop, &guard);
    ev_run(loop, 0); /* returns at once: nothing was left behind */
    fakedns_end_threads();
    ck_assert_ptr_null(strstr(fakelog_text(), "hunter22"));
    ev_loop_destroy(loop);
}

static void start(void)
{
    pg = pg_new(loop, &options, &callbacks);
    pg_start(pg);
}

static void start_and_wait(const char *script)
{
    fakepg_script(server, script);
    start();
    RUN_UNTIL(ups);
}

static void request(const char *sql, const void *copy, size_t len)
{
    int before = replies;
    pg_request(pg, sql, copy, len, on_reply, &replies);
    ck_assert_int_eq(replies, before);
    ck_assert(!pg_is_idle(pg));
}

/* --- connecting */

START_TEST(connecting_sets_the_session_up)
{
    fakepg_script(server, "sAZ");
    pg = pg_new(loop, &options, &callbacks);
    ck_assert_int_eq(pg_backend_pid(pg), 0);
    pg_start(pg);
    ck_assert_int_eq(ups, 0);
    RUN_UNTIL(ups);
    ck_assert_int_eq(pg_backend_pid(pg), FAKEPG_BACKEND);
    ck_assert_int_eq(pg_server_version(pg), 150004);
    ck_assert_str_eq(pg_last_error(pg), "");
    ck_assert_ptr_nonnull(strstr(fakepg_startup(server), "application_name=tickd:test "));
    ck_assert_ptr_nonnull(strstr(fakepg_startup(server), "client_encoding=UTF8 "));
    ck_assert_ptr_nonnull(strstr(fakepg_startup(server), "-c statement_timeout=60000 "));
    ck_assert_uint_eq(fakelog_count("database_up"), 1);
}
END_TEST

/* Each script fails an attempt in its own way; the next one succeeds. */
static const struct {
    const char *script;
    const char *said;
} failing[] = {
    {"x", "server closed the connection"},
    {"sx", "server closed the connection"},
    {"sAx", "server closed the connection"},
    {"sr", "failed"},
    {"sAr", "server closed the connection"},
    {"s?", "expected authentication request"},
    {"sUx", "sqlstate=57P03 error=connection to server at \"127.0.0.1\""},
    {"sPx", "sqlstate=28P01"},
    {"sDx", "sqlstate=3D000"},
    {"sBZ", "standard_conforming_strings is off, not on"},
};

START_TEST(failed_attempt_is_said_and_followed_by_another)
{
    fakepg_script(server, failing[_i].script);
    start_and_wait("sAZ");
    ck_assert_str_eq(order, "u");
    ck_assert_int_eq(fakepg_accepted(server), 2);
    ck_assert_uint_eq(fakelog_count("database_connect_failed"), 1);
    ck_assert_msg(strstr(fakelog_text(), failing[_i].said) != NULL, "%s", fakelog_text());
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "attempts=2"));
}
END_TEST

static const char *const stalling[] = {".", "s.", "sA."};

START_TEST(stalled_attempt_is_given_up)
{
    options.connect_timeout_ms = 200;
    fakepg_script(server, stalling[_i]);
    start_and_wait("sAZ");
    ck_assert_str_eq(order, "u");
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "no connection within 200 ms (connecting)"));
}
END_TEST

START_TEST(refused_configuration_is_an_error_and_absence_a_warning)
{
    fakepg_script(server, "sUx");
    fakepg_script(server, "sPx");
    start_and_wait("sAZ");
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "warn database_connect_failed"));
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "error database_connect_failed"));
}
END_TEST

START_TEST(refused_configuration_is_tried_again_more_slowly)
{
    options.retry_min_ms = 50;
    options.retry_max_ms = 400; /* 8 times the minimum, so it is exactly this */
    fakepg_script(server, "sPx");
    start_and_wait("sAZ");
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "retry_ms=400"));
}
END_TEST

START_TEST(same_failure_is_said_once_and_a_new_one_at_once)
{
    static const char *const scripts[] = {"sUx", "sUx", "sUx", "sPx", "sPx"};
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        fakepg_script(server, scripts[i]);
    start_and_wait("sAZ");
    ck_assert_int_eq(fakepg_accepted(server), 6);
    ck_assert_uint_eq(fakelog_count("database_connect_failed"), 2);
}
END_TEST

START_TEST(server_may_come_later_than_we)
{
    char port[16];
    snprintf(port, sizeof port, ":%d/", fakepg_port(server));
    fakepg_free(server);
    server = NULL;
    start();
    RUN_UNTIL(fakelog_count("database_connect_failed"));
    ck_assert_ptr_nonnull(strstr(pg_last_error(pg), "Connection refused"));
    for (int i = 0; i < 20; i++)
        ev_run(loop, EVRUN_ONCE); /* several attempts */
    ck_assert_int_eq(ups + downs, 0);
}
END_TEST

START_TEST(second_host_is_reached_although_the_first_stalls)
{
    struct fakepg *other = fakepg_new(loop);
    fakepg_script(server, ".");
    snprintf(dsn, sizeof dsn, "host=127.0.0.1,127.0.0.1 port=%d,%d sslmode=disable",
             fakepg_port(server), fakepg_port(other));
    options.connect_timeout_ms = 200;
    start();
    RUN_UNTIL(ups);
    ck_assert_int_ge(fakepg_accepted(server), 1);
    ck_assert_int_ge(fakepg_accepted(other), 1);
    fakepg_free(other);
}
END_TEST

START_TEST(second_host_is_tried_at_once_when_the_first_refuses)
{
    struct fakepg *other = fakepg_new(loop);
    int dead = fakepg_port(other);
    fakepg_free(other);
    snprintf(dsn, sizeof dsn, "host=127.0.0.1,127.0.0.1 port=%d,%d sslmode=disable", dead,
             fakepg_port(server));
    start();
    RUN_UNTIL(ups);
    ck_assert_uint_eq(fakelog_count("database_connect_failed"), 0);
}
END_TEST

START_TEST(useless_connection_string_is_said_and_not_quoted)
{
    options.conninfo = "postgresql://tester:hunter22";
    start();
    RUN_UNTIL(fakelog_count("database_connect_failed"));
    ck_assert_ptr_nonnull(strstr(pg_last_error(pg), "connection string"));
}
END_TEST

/* --- names */

static void use_name(const char *name)
{
    snprintf(dsn, sizeof dsn, "postgresql://tester:hunter22@%s:%d/db?sslmode=disable", name,
             fakepg_port(server));
}

START_TEST(names_are_looked_up_for_each_attempt)
{
    use_name("one.test");
    fakepg_script(server, "sx");
    start_and_wait("sAZ");
    ck_assert_int_eq(fakedns_lookups(), 2);
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "host=one.test address=127.0.0.1"));
}
END_TEST

START_TEST(addresses_are_not_looked_up)
{
    start_and_wait("sAZ");
    ck_assert_int_eq(fakedns_lookups(), 0);
}
END_TEST

START_TEST(unknown_name_is_a_failed_attempt)
{
    use_name("no.test");
    options.retry_max_ms = 2;
    start();
    RUN_UNTIL(fakedns_lookups() > 2);
    ck_assert_ptr_nonnull(strstr(pg_last_error(pg), "cannot look up host \"no.test\""));
    ck_assert_uint_eq(fakelog_count("database_connect_failed"), 1);
    ck_assert_int_eq(fakepg_accepted(server), 0);
}
END_TEST

START_TEST(unknown_name_among_known_ones_is_said_when_those_fail)
{
    snprintf(dsn, sizeof dsn, "host=no.test,one.test port=%d sslmode=disable", fakepg_port(server));
    fakepg_script(server, "sx");
    start_and_wait("sAZ");
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "cannot look up host \"no.test\""));
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "server closed the connection"));
}
END_TEST

START_TEST(hanging_resolver_is_given_up_and_asked_again)
{
    use_name("slow.test");
    options.connect_timeout_ms = 200;
    start();
    RUN_UNTIL(fakelog_count("database_connect_failed"));
    ck_assert_ptr_nonnull(strstr(pg_last_error(pg), "within 200 ms (looking up host names)"));
    fakedns_release();
    RUN_UNTIL(ups);
}
END_TEST

/* --- idle */

START_TEST(server_closing_an_idle_connection_is_noticed)
{
    /* The second connection stays. */
    fakepg_script(server, _i ? "sAZr" : "sAZx");
    start_and_wait("sAZ");
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "udu");
    ck_assert_str_ne(why, "");
    ck_assert_uint_eq(fakelog_count("database_down"), 1);
    ck_assert_uint_eq(fakelog_count("database_up"), 2);
}
END_TEST

START_TEST(last_words_on_an_idle_connection_are_the_reason)
{
    fakepg_script(server, "sAZFx");
    start_and_wait("sAZ");
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "udu");
    ck_assert_str_eq(why, "terminating connection");
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "sqlstate=57P01 reason=terminating connection"));
}
END_TEST

START_TEST(nonsense_on_an_idle_connection_ends_it)
{
    fakepg_script(server, "sAZ");
    start_and_wait("sAZ");
    fakepg_say(server, "?");
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "udu");
}
END_TEST

START_TEST(notification_comes_when_idle)
{
    start_and_wait("sAZ");
    ck_assert(pg_is_idle(pg));
    fakepg_say(server, "n");
    RUN_UNTIL(notifications);
    ck_assert(pg_is_idle(pg));
}
END_TEST

START_TEST(what_comes_together_with_the_welcome_is_not_left_lying)
{
    start_and_wait("sAZn");
    RUN_UNTIL(notifications);
    ck_assert_str_eq(order, "un");
}
END_TEST

START_TEST(notification_right_behind_an_answer_is_not_left_lying)
{
    start_and_wait("sAZqCZnn");
    request("COMMIT", NULL, 0);
    RUN_UNTIL(notifications == 2);
    ck_assert_str_eq(order, "urnn");
}
END_TEST

START_TEST(warnings_are_logged_and_sampled)
{
    start_and_wait("sAWZqWWCZ");
    request("COMMIT", NULL, 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_uint_eq(fakelog_count("database_notice"), 1);
    ck_assert_ptr_nonnull(strstr(fakelog_text(), "severity=WARNING sqlstate=01000 text=look out"));
}
END_TEST

/* --- requests */

START_TEST(answer_has_rows_and_tag)
{
    start_and_wait("sAZqTCZ");
    request("SELECT 42; COMMIT", NULL, 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_str_eq(value, "42");
    ck_assert_str_eq(last.tag, "COMMIT");
    ck_assert_str_eq(last.sqlstate, "");
    ck_assert_str_eq(last.error, "");
    ck_assert(last.all_sent && !last.copy_started);
    ck_assert(pg_is_idle(pg));
}
END_TEST

START_TEST(rows_are_those_of_the_last_statement_that_has_any)
{
    start_and_wait("sAZqTTCZ");
    request("SELECT 42; SELECT 42; COMMIT", NULL, 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_str_eq(value, "42");
    ck_assert_str_eq(last.tag, "COMMIT");
}
END_TEST

START_TEST(error_leaves_the_connection_usable)
{
    start_and_wait("sAZqTEZqCZ");
    request("SELECT 42; INSERT", NULL, 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert_str_eq(last.sqlstate, "23505");
    ck_assert_str_eq(last.error, "duplicate key: Key (a) exists.");
    ck_assert_str_eq(value, "42");
    ck_assert(pg_is_idle(pg));
    request("COMMIT", NULL, 0);
    RUN_UNTIL(replies == 2);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_str_eq(order, "urr");
}
END_TEST

static void on_reply_ask_again(void *ctx, const struct pg_reply *reply)
{
    (void)ctx;
    ck_assert_int_eq(reply->outcome, PG_OK);
    ck_assert(pg_is_idle(pg));
    if (++replies < 3)
        pg_request(pg, "COMMIT", NULL, 0, on_reply_ask_again, NULL);
}

START_TEST(next_request_may_come_from_inside_the_reply)
{
    start_and_wait("sAZqCZqCZqCZ");
    pg_request(pg, "COMMIT", NULL, 0, on_reply_ask_again, NULL);
    RUN_UNTIL(replies == 3);
    ck_assert_int_eq(fakepg_queries(server), 3);
    ck_assert(pg_is_idle(pg));
}
END_TEST

/* Each loses a request that waits for its answer. */
static const struct {
    const char *script;
    const char *sqlstate;
    const char *error;
} losing[] = {
    {"sAZqx", "", "server closed the connection"},
    {"sAZqr", "", "server closed the connection"},
    {"sAZqFx", "57P01", "terminating connection"},
    {"sAZqEx", "23505", "duplicate key"},
    {"sAZqEFx", "23505", "duplicate key"}, /* the first counts */
    {"sAZqTx", "", "server closed the connection"},
    {"sAZqKx", "57P02", "terminating connection after a crash"},
    {"sAZqWx", "", "server closed the connection"},
    {"sAZq?", "", "synchronization"},
    {"sAZqH", "", "COPY TO STDOUT"},
};

START_TEST(request_is_lost_with_the_connection)
{
    fakepg_script(server, losing[_i].script);
    start_and_wait("sAZ");
    request("COMMIT", NULL, 0);
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "urdu");
    ck_assert_int_eq(last.outcome, PG_LOST);
    ck_assert_str_eq(last.sqlstate, losing[_i].sqlstate);
    ck_assert_msg(strstr(last.error, losing[_i].error) != NULL, "%s", last.error);
    ck_assert_str_eq(why, last.error);
    ck_assert(last.all_sent);
    ck_assert_str_eq(value, "");
}
END_TEST

START_TEST(request_without_an_answer_is_given_up)
{
    options.statement_timeout_ms = 200;
    fakepg_script(server, _i ? "sAZqT." : "sAZq.");
    start_and_wait("sAZ");
    request("COMMIT", NULL, 0);
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "urdu");
    ck_assert_int_eq(last.outcome, PG_LOST);
    ck_assert_str_eq(last.error, "no answer within 300 ms (waiting for the answer)");
    ck_assert(last.all_sent);
}
END_TEST

static char *make_big(char fill)
{
    char *big = malloc(BIG + 1);
    ck_assert_ptr_nonnull(big);
    memset(big, fill, BIG);
    big[BIG] = '\0';
    return big;
}

START_TEST(request_that_cannot_be_sent_is_given_up)
{
    char *sql = make_big(' ');
    options.statement_timeout_ms = 200;
    fakepg_script(server, "sAZ.");
    start_and_wait("sAZ");
    request(sql, NULL, 0);
    free(sql); /* it was taken over */
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, "urdu");
    ck_assert_int_eq(last.outcome, PG_LOST);
    ck_assert_str_eq(last.error, "no answer within 300 ms (sending)");
}
END_TEST

START_TEST(connection_lost_while_sending)
{
    char *sql = make_big(' ');
    start_and_wait("sAZ.");
    request(sql, NULL, 0);
    free(sql);
    fakepg_free(server); /* with much unread: a reset */
    server = NULL;
    RUN_UNTIL(downs);
    ck_assert_str_eq(order, "urd");
    ck_assert_int_eq(last.outcome, PG_LOST);
}
END_TEST

/* --- COPY */

START_TEST(all_rows_of_a_copy_arrive)
{
    char *rows = make_big('r');
    start_and_wait("sAZqGdCZ");
    request("COPY ticks FROM STDIN; COMMIT", rows, BIG);
    RUN_UNTIL(replies);
    free(rows);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_uint_eq(fakepg_copied(server), BIG);
    ck_assert(last.copy_started && last.all_sent && last.copied);
    ck_assert_int_eq(fakepg_refused(server), 0);
}
END_TEST

START_TEST(copy_without_rows_is_a_copy)
{
    start_and_wait("sAZqGdCZ");
    request("COPY ticks FROM STDIN; COMMIT", "", 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_OK);
    ck_assert_uint_eq(fakepg_copied(server), 0);
    ck_assert_int_eq(fakepg_refused(server), 0);
    ck_assert(last.copy_started && last.all_sent);
}
END_TEST

START_TEST(error_in_a_copy_is_an_answer)
{
    char *rows = make_big('r');
    start_and_wait("sAZqGbEdZqCZ");
    request("COPY ticks FROM STDIN", rows, BIG);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert_str_eq(last.sqlstate, "23505");
    ck_assert(last.copy_started && last.all_sent && !last.copied);
    request("COMMIT", NULL, 0);
    RUN_UNTIL(replies == 2);
    free(rows);
    ck_assert_int_eq(last.outcome, PG_OK);
}
END_TEST

START_TEST(error_behind_a_copy_is_told_from_one_of_it)
{
    start_and_wait("sAZqGdCEZ");
    request("COPY ticks FROM STDIN; COMMIT", "rows", 4);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert_str_eq(last.sqlstate, "23505");
    ck_assert(last.copied);
}
END_TEST

START_TEST(copy_that_never_began_has_sent_nothing_that_counts)
{
    start_and_wait("sAZqEZ");
    request("COPY ticks FROM STDIN; COMMIT", "rows", 4);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert(!last.copy_started && !last.all_sent);
}
END_TEST

static const struct {
    const char *script;
    const char *sqlstate;
} losing_copy[] = {
    {"sAZqGbx", ""},
    {"sAZqGbr", ""},
    {"sAZqGx", ""},
    {"sAZqFx", "57P01"},
};

START_TEST(connection_lost_in_a_copy)
{
    char *rows = make_big('r');
    fakepg_script(server, losing_copy[_i].script);
    start_and_wait("sAZ");
    request("COPY ticks FROM STDIN; COMMIT", rows, BIG);
    RUN_UNTIL(ups == 2);
    free(rows);
    ck_assert_str_eq(order, "urdu");
    ck_assert_int_eq(last.outcome, PG_LOST);
    ck_assert_str_eq(last.sqlstate, losing_copy[_i].sqlstate);
    ck_assert(!last.all_sent);
    ck_assert_int_eq(fakepg_refused(server), 0);
}
END_TEST

START_TEST(connection_lost_after_a_copy_leaves_the_outcome_open)
{
    fakepg_script(server, _i ? "sAZqGdFx" : "sAZqGdx");
    start_and_wait("sAZ");
    request("COPY ticks FROM STDIN; COMMIT", "rows", 4);
    RUN_UNTIL(ups == 2);
    ck_assert_int_eq(last.outcome, PG_LOST);
    ck_assert_str_eq(last.sqlstate, _i ? "57P01" : "");
    ck_assert(last.all_sent);
}
END_TEST

/* The most this process ever held. */
static size_t peak_bytes(void)
{
    char line[256];
    unsigned long peak_kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(file);
    while (!peak_kib && fgets(line, sizeof line, file))
        (void)!sscanf(line, "VmHWM: %lu", &peak_kib);
    fclose(file);
    ck_assert_uint_gt(peak_kib, 0);
    return peak_kib * 1024;
}

START_TEST(stalled_copy_is_given_up_and_takes_no_memory)
{
    char *rows = make_big('r');
    options.statement_timeout_ms = 1000;
    /* Each sip makes room in the socket, which is no reason to buffer more than a slice. */
    fakepg_script(server, "sAZqGbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.");
    start_and_wait("sAZ");
    size_t before = peak_bytes();
    request("COPY ticks FROM STDIN; COMMIT", rows, BIG);
    RUN_UNTIL(ups == 2);
    ck_assert_uint_lt(peak_bytes(), before + ((size_t)2 << 20));
    free(rows);
    ck_assert_str_eq(order, "urdu");
    ck_assert_str_eq(last.error, "no answer within 1500 ms (sending)");
    ck_assert(last.copy_started && !last.all_sent);
}
END_TEST

START_TEST(copy_that_was_not_meant_is_refused)
{
    start_and_wait("sAZqGdEZqCZ");
    request("COPY ticks FROM STDIN", NULL, 0);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert_int_eq(fakepg_refused(server), 1);
    request("COMMIT", NULL, 0);
    RUN_UNTIL(replies == 2);
    ck_assert_int_eq(last.outcome, PG_OK);
}
END_TEST

START_TEST(second_copy_of_a_request_is_refused)
{
    start_and_wait("sAZqGdGdEZ");
    request("COPY a FROM STDIN; COPY b FROM STDIN", "rows", 4);
    RUN_UNTIL(replies);
    ck_assert_int_eq(last.outcome, PG_ERROR);
    ck_assert_uint_eq(fakepg_copied(server), 4);
    ck_assert_int_eq(fakepg_refused(server), 1);
}
END_TEST

/* --- reset and free, in each state */

enum reached { OFF, PAUSE, RESOLVE, CONNECT, IDLE, SEND, AWAIT, COPY, BROKEN, REACHED_COUNT };

static char *big_data;

static void reach(enum reached state)
{
    static const char *const scripts[REACHED_COUNT] = {
        [OFF] = "sAZ",   [PAUSE] = "sx",    [RESOLVE] = "sAZ",  [CONNECT] = "s.",   [IDLE] = "sAZt",
        [SEND] = "sAZ.", [AWAIT] = "sAZq.", [COPY] = "sAZqGb.", [BROKEN] = "sAZq.",
    };
    big_data = make_big(' ');
    fakepg_script(server, scripts[state]);
    fakepg_script(server, "sAZ");
    if (state == RESOLVE)
        use_name("slow.test");
    if (state == PAUSE)
        options.retry_min_ms = options.retry_max_ms = 200;
    pg = pg_new(loop, &options, &callbacks);
    if (state == OFF)
        return;
    pg_start(pg);
    if (state == PAUSE)
        RUN_UNTIL(fakelog_count("database_connect_failed"));
    if (state == RESOLVE)
        while (!fakedns_waiting())
            usleep(1000);
    if (state == CONNECT)
        RUN_UNTIL(*fakepg_startup(server));
    if (state < IDLE)
        return;
    RUN_UNTIL(ups);
    if (state == SEND)
        request(big_data, NULL, 0);
    if (state == AWAIT || state == BROKEN)
        request("COMMIT", NULL, 0);
    if (state == COPY)
        request("COPY ticks FROM STDIN", big_data, BIG);
    if (state == AWAIT || state == COPY || state == BROKEN)
        RUN_UNTIL(fakepg_queries(server));
    if (state == COPY)
        RUN_UNTIL(fakepg_copied(server));
    if (state == BROKEN)
        pg_reset(pg, "first");
}

/* In how many ways the owner hears of it. */
static const char *const after_reset[REACHED_COUNT] = {
    [OFF] = "u",     [PAUSE] = "u",    [RESOLVE] = "u", [CONNECT] = "u",   [IDLE] = "udu",
    [SEND] = "urdu", [AWAIT] = "urdu", [COPY] = "urdu", [BROKEN] = "urdu",
};

START_TEST(reset_connects_anew_in_any_state)
{
    reach((enum reached)_i);
    char before[sizeof order];
    strcpy(before, order);
    pg_reset(pg, "because");
    ck_assert_str_eq(order, before); /* no callback from inside */
    ck_assert(!pg_is_up(pg));
    if (_i == OFF)
        pg_start(pg);
    fakedns_release();
    RUN_UNTIL(ups == (_i >= IDLE ? 2 : 1));
    ck_assert_str_eq(order, after_reset[_i]);
    if (_i >= SEND)
        ck_assert_int_eq(last.outcome, PG_LOST);
    if (_i >= IDLE)
        ck_assert_str_eq(why, _i == BROKEN ? "first" : "because");
    free(big_data);
}
END_TEST

START_TEST(free_calls_nobody_back_in_any_state)
{
    reach((enum reached)_i);
    char before[sizeof order];
    strcpy(before, order);
    pg_free(pg);
    pg = NULL;
    fakedns_release();
    while (fakedns_waiting())
        usleep(1000);
    fakepg_free(server);
    server = NULL;
    ev_timer_stop(loop, &guard);
    ev_run(loop, 0);
    ck_assert_str_eq(order, before);
    free(big_data);
}
END_TEST

/* Connections that the fake server has seen end. */
static void wait_for_end(void)
{
    while (fakepg_open(server))
        ev_run(loop, EVRUN_ONCE);
}

START_TEST(idle_connection_is_closed_politely)
{
    start_and_wait("sAZt");
    pg_free(pg);
    pg = NULL;
    wait_for_end();
    ck_assert_int_eq(fakepg_goodbyes(server), 1);
}
END_TEST

START_TEST(nothing_goes_out_any_more_on_a_request_given_up)
{
    fakepg_script(server, "sAZqt");
    start_and_wait("sAZqt");
    request("COMMIT", NULL, 0);
    RUN_UNTIL(fakepg_queries(server));
    pg_free(pg);
    pg = NULL;
    wait_for_end();
    ck_assert_int_eq(fakepg_goodbyes(server), 0);
}
END_TEST

/* --- owners that free or reset from inside a callback */

static void (*inside)(void);
static char inside_where;

static void free_inside(void)
{
    pg_free(pg);
    pg = NULL;
}

static void reset_inside(void)
{
    pg_reset(pg, "inside");
    inside = NULL;
}

static void act(char where)
{
    note(where);
    if (inside && where == inside_where)
        inside();
}

static void act_on_up(void *ctx)
{
    (void)ctx;
    ups++;
    act('u');
}

static void act_on_down(void *ctx, const char *reason)
{
    (void)ctx;
    (void)reason;
    act('d');
}

static void act_on_notify(void *ctx, const char *channel)
{
    (void)ctx;
    (void)channel;
    act('n');
}

static void act_on_reply(void *ctx, const struct pg_reply *reply)
{
    (void)ctx;
    last = *reply;
    act('r');
}

/* Where it acts, and what is heard when it frees and when it resets. */
static const struct {
    char where;
    const char *script;
    const char *freed;
    const char *reset;
} acting[] = {
    {'u', "sAZ", "u", "udu"},          {'r', "sAZqCZnn", "ur", "urdu"},
    {'r', "sAZqx", "ur", "urdu"},      {'n', "sAZqnCZn", "urn", "urndu"},
    {'n', "sAZqCZnn", "urn", "urndu"}, {'d', "sAZqx", "urd", "urdu"},
};

static void act_from_inside(int i, void (*action)(void))
{
    callbacks = (struct pg_callbacks){act_on_up, act_on_down, act_on_notify, NULL};
    inside = action;
    inside_where = acting[i].where;
    fakepg_script(server, acting[i].script);
    fakepg_script(server, "sAZ");
    start();
    RUN_UNTIL(ups);
    if (pg && pg_is_idle(pg))
        pg_request(pg, "COMMIT", NULL, 0, act_on_reply, NULL);
}

START_TEST(owner_may_free_from_inside_a_callback)
{
    act_from_inside(_i, free_inside);
    RUN_UNTIL(!pg);
    fakepg_free(server);
    server = NULL;
    ev_timer_stop(loop, &guard);
    ev_run(loop, 0);
    ck_assert_str_eq(order, acting[_i].freed);
}
END_TEST

START_TEST(owner_may_reset_from_inside_a_callback)
{
    act_from_inside(_i, reset_inside);
    RUN_UNTIL(ups == 2);
    ck_assert_str_eq(order, acting[_i].reset);
}
END_TEST

/* --- literals */

START_TEST(literal_is_quoted_and_appended)
{
    char out[32] = "SELECT ";
    ck_assert(pg_quote(out, sizeof out, "it's \\ 'x'"));
    ck_assert_str_eq(out, "SELECT 'it''s \\ ''x'''");
    ck_assert(pg_quote(out, sizeof out, ""));
    ck_assert_str_eq(out, "SELECT 'it''s \\ ''x'''''");
}
END_TEST

START_TEST(literal_that_does_not_fit_changes_nothing)
{
    char out[8] = "ab";
    ck_assert(!pg_quote(out, sizeof out, "cdef"));
    ck_assert(!pg_quote(out, sizeof out, "c'd"));
    ck_assert_str_eq(out, "ab");
    ck_assert(pg_quote(out, sizeof out, "cde"));
    ck_assert_str_eq(out, "ab'cde'");
    ck_assert(!pg_quote(out, sizeof out, ""));
}
END_TEST

#define LOOP_TEST(t, test, table)                                                                  \
    tcase_add_loop_test(t, test, 0, (int)(sizeof table / sizeof table[0]))

static TCase *make_case(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 2 * GUARD_S);
    suite_add_tcase(s, t);
    return t;
}

static void add_connecting(Suite *s)
{
    TCase *t = make_case(s, "connecting");
    tcase_add_test(t, connecting_sets_the_session_up);
    LOOP_TEST(t, failed_attempt_is_said_and_followed_by_another, failing);
    LOOP_TEST(t, stalled_attempt_is_given_up, stalling);
    tcase_add_test(t, refused_configuration_is_an_error_and_absence_a_warning);
    tcase_add_test(t, refused_configuration_is_tried_again_more_slowly);
    tcase_add_test(t, same_failure_is_said_once_and_a_new_one_at_once);
    tcase_add_test(t, server_may_come_later_than_we);
    tcase_add_test(t, second_host_is_reached_although_the_first_stalls);
    tcase_add_test(t, second_host_is_tried_at_once_when_the_first_refuses);
    tcase_add_test(t, useless_connection_string_is_said_and_not_quoted);
    tcase_add_test(t, names_are_looked_up_for_each_attempt);
    tcase_add_test(t, addresses_are_not_looked_up);
    tcase_add_test(t, unknown_name_is_a_failed_attempt);
    tcase_add_test(t, unknown_name_among_known_ones_is_said_when_those_fail);
    tcase_add_test(t, hanging_resolver_is_given_up_and_asked_again);
}

static void add_idle(Suite *s)
{
    TCase *t = make_case(s, "idle");
    tcase_add_loop_test(t, server_closing_an_idle_connection_is_noticed, 0, 2);
    tcase_add_test(t, last_words_on_an_idle_connection_are_the_reason);
    tcase_add_test(t, nonsense_on_an_idle_connection_ends_it);
    tcase_add_test(t, notification_comes_when_idle);
    tcase_add_test(t, what_comes_together_with_the_welcome_is_not_left_lying);
    tcase_add_test(t, notification_right_behind_an_answer_is_not_left_lying);
    tcase_add_test(t, warnings_are_logged_and_sampled);
}

static void add_requests(Suite *s)
{
    TCase *t = make_case(s, "requests");
    tcase_add_test(t, answer_has_rows_and_tag);
    tcase_add_test(t, rows_are_those_of_the_last_statement_that_has_any);
    tcase_add_test(t, error_leaves_the_connection_usable);
    tcase_add_test(t, next_request_may_come_from_inside_the_reply);
    LOOP_TEST(t, request_is_lost_with_the_connection, losing);
    tcase_add_loop_test(t, request_without_an_answer_is_given_up, 0, 2);
    tcase_add_test(t, request_that_cannot_be_sent_is_given_up);
    tcase_add_test(t, connection_lost_while_sending);
    tcase_add_test(t, all_rows_of_a_copy_arrive);
    tcase_add_test(t, copy_without_rows_is_a_copy);
    tcase_add_test(t, error_in_a_copy_is_an_answer);
    tcase_add_test(t, error_behind_a_copy_is_told_from_one_of_it);
    tcase_add_test(t, copy_that_never_began_has_sent_nothing_that_counts);
    LOOP_TEST(t, connection_lost_in_a_copy, losing_copy);
    tcase_add_loop_test(t, connection_lost_after_a_copy_leaves_the_outcome_open, 0, 2);
    tcase_add_test(t, stalled_copy_is_given_up_and_takes_no_memory);
    tcase_add_test(t, copy_that_was_not_meant_is_refused);
    tcase_add_test(t, second_copy_of_a_request_is_refused);
    tcase_add_test(t, literal_is_quoted_and_appended);
    tcase_add_test(t, literal_that_does_not_fit_changes_nothing);
}

static void add_ends(Suite *s)
{
    TCase *t = make_case(s, "ends");
    tcase_add_loop_test(t, reset_connects_anew_in_any_state, 0, REACHED_COUNT);
    tcase_add_loop_test(t, free_calls_nobody_back_in_any_state, 0, REACHED_COUNT);
    tcase_add_test(t, idle_connection_is_closed_politely);
    tcase_add_test(t, nothing_goes_out_any_more_on_a_request_given_up);
    LOOP_TEST(t, owner_may_free_from_inside_a_callback, acting);
    LOOP_TEST(t, owner_may_reset_from_inside_a_callback, acting);
}

int main(void)
{
    Suite *s = suite_create("pg");
    add_connecting(s);
    add_idle(s);
    add_requests(s);
    add_ends(s);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
