/* SPDX-License-Identifier: MIT */
/* links: copy.o batch.o copyrow.o offsets.o sqlstate.o buf.o record.o reject.o err.o fake_pg.o copy_reader.o commit.o */
#include "copy.h"

#include "copy_reader.h"
#include "fake_pg.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY_TICKS                                                                                 \
    "COPY ticks (time, symbol, price, volume, bid, ask, exchange) FROM STDIN (FORMAT binary)"
#define COPY_STAGING                                                                               \
    "COPY tickd_staging (seq, snapshot, event_time, time, symbol, price, volume, bid, ask,"        \
    " exchange) FROM STDIN (FORMAT binary)"
#define COPY_REJECTED                                                                              \
    "COPY rejected_ticks (group_id, cluster_id, topic, kafka_partition, kafka_offset, item,"       \
    " reason, detail, key, payload, payload_bytes, message_time) FROM STDIN (FORMAT binary)"
#define MERGE "SELECT seq, outcome, sqlstate, detail FROM ingest_merge('spread', 2.5)"

static const struct batch_limits limits = {.rows = 100, .bytes = 100000, .linger_us = 0};
static struct batch_owner owner;
static struct pg *pg;
static struct copy *copy;
static struct batch batch;
static struct offsets offsets;

/* What the callback said. */
static struct {
    unsigned calls;
    enum commit_outcome outcome;
    bool failed;
    char step[16];
    char sqlstate[6];
    enum sqlstate_class class;
    char error[ERR_MAX];
    bool start_again;
} done;

static void start(bool merge)
{
    unsigned calls = done.calls;
    copy_start(copy, &batch, &offsets, &owner, merge);
    ck_assert_msg(done.calls == calls, "called back from inside copy_start()");
}

static void on_done(void *ctx, enum commit_outcome outcome, const struct copy_failure *failure)
{
    ck_assert_ptr_eq(ctx, &done);
    done.calls++;
    done.outcome = outcome;
    done.failed = failure != NULL;
    if (failure) {
        snprintf(done.step, sizeof done.step, "%s", failure->step);
        snprintf(done.sqlstate, sizeof done.sqlstate, "%s", failure->sqlstate);
        snprintf(done.error, sizeof done.error, "%s", failure->error);
        done.class = failure->class;
    }
    if (done.start_again) {
        done.start_again = false;
        start(false);
    }
}

static void set_up(void)
{
    memset(&done, 0, sizeof done);
    owner = (struct batch_owner){"group", "cluster"};
    pg = fake_pg_new();
    copy = copy_new(pg, "spread", 2.5, on_done, &done);
    offsets_init(&offsets);
    for (int32_t id = 0; id < 3; id++) {
        offsets_add(&offsets, "ticks", id);
        offsets.items[id].expected = 100;
    }
    batch_init(&batch);
    batch_clear(&batch, offsets.count, &limits);
}

static void tear_down(void)
{
    copy_free(copy);
    pg_free(pg);
    batch_fini(&batch);
    offsets_fini(&offsets);
}

/* --- batches --- */

static void put_message(uint32_t partition, int ticks, int rejected, int ignored)
{
    struct partition *p = &offsets.items[partition];
    struct message m = {.partition = partition,
                        .offset = p->expected,
                        .timestamp_ms = MESSAGE_NO_TIME,
                        .payload = "payload",
                        .payload_len = 7};
    struct record r = {.time_us = 1, .price = 1, .bid = NAN, .ask = NAN, .symbol_len = 1};
    batch_begin_message(&batch, &m, p, 0);
    for (int i = 0; i < ticks; i++)
        batch_add_tick(&batch, &m, i, &r, 0, r.time_us, record_is_snapshot(&r));
    for (int i = 0; i < rejected; i++)
        batch_add_rejected(&batch, &m, ticks + i, &owner, p, REJECT_NO_PRICE, "price: missing");
    for (int i = 0; i < ignored; i++)
        batch_add_ignored(&batch, &m);
    batch_end_message(&batch);
    p->expected = m.offset + 1;
}

static void put_tick_of(uint32_t slot, const char *symbol)
{
    struct partition *p = &offsets.items[0];
    struct message m = {.offset = p->expected, .payload = "payload", .payload_len = 7};
    struct record r = {.time_us = 1, .price = 1, .bid = NAN, .ask = NAN};
    r.symbol_len = (uint8_t)snprintf(r.symbol, sizeof r.symbol, "%s", symbol);
    batch_begin_message(&batch, &m, p, 0);
    batch_add_tick(&batch, &m, 0, &r, slot, r.time_us, false);
    batch_end_message(&batch);
    p->expected = m.offset + 1;
}

/* --- what was asked --- */

static void assert_sql(size_t request, const char *expected)
{
    ck_assert_str_eq(fake_pg_sql(pg, request), expected);
}

static void assert_last_sql(const char *expected)
{
    assert_sql(fake_pg_count(pg) - 1, expected);
}

static void assert_rows(size_t request, size_t count)
{
    struct span data = fake_pg_data(pg, request);
    ck_assert_uint_eq(copy_reader_count(data.data, data.len), count);
}

static void assert_done(enum commit_outcome outcome)
{
    ck_assert_uint_eq(done.calls, 1);
    ck_assert_int_eq(done.outcome, outcome);
    ck_assert_int_eq(done.failed, outcome != COMMIT_DONE);
}

/* --- results of a merge --- */

static PGresult *make_result(void)
{
    static char names[][9] = {"seq", "outcome", "sqlstate", "detail"};
    PGresAttDesc columns[4];
    for (int i = 0; i < 4; i++)
        columns[i] = (PGresAttDesc){.name = names[i], .typid = 25, .typlen = -1};
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    ck_assert_int_eq(PQsetResultAttrs(rows, 4, columns), 1);
    return rows;
}

static void set_value(PGresult *rows, int row, int column, const char *value)
{
    char text[64];
    snprintf(text, sizeof text, "%s", value ? value : "");
    int len = value ? (int)strlen(text) : -1;
    ck_assert_int_eq(PQsetvalue(rows, row, column, text, len), 1);
}

static void add_verdict(PGresult *rows, const char *seq, const char *outcome, const char *sqlstate,
                        const char *detail)
{
    int row = PQntuples(rows);
    set_value(rows, row, 0, seq);
    set_value(rows, row, 1, outcome);
    set_value(rows, row, 2, sqlstate);
    set_value(rows, row, 3, detail);
}

/* --- the usual path --- */

START_TEST(rows_are_copied_and_the_fence_comes_last)
{
    put_message(0, 2, 0, 1);
    start(false);
    ck_assert_uint_eq(fake_pg_count(pg), 1);
    assert_sql(0, "BEGIN; " COPY_TICKS "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 2, 0, 1, 0); COMMIT");
    assert_rows(0, 2);
    ck_assert_uint_eq(done.calls, 0);
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
    ck_assert_uint_eq(fake_pg_count(pg), 1);
}
END_TEST

START_TEST(dead_letters_are_in_the_same_transaction)
{
    put_message(0, 1, 2, 0);
    start(false);
    assert_sql(0, "BEGIN; " COPY_TICKS);
    assert_rows(0, 1);
    fake_pg_ok(pg, "COPY 1");
    assert_sql(1, COPY_REJECTED "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                                " 100, 101, 1, 1, 2, 0, 0); COMMIT");
    assert_rows(1, 2);
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
}
END_TEST

START_TEST(without_rows_it_begins_with_the_dead_letters)
{
    put_message(0, 0, 1, 0);
    start(false);
    assert_sql(0, "BEGIN; " COPY_REJECTED "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 0, 1, 0, 0); COMMIT");
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
}
END_TEST

START_TEST(what_is_only_ignored_still_advances_the_offset)
{
    put_message(1, 0, 0, 1);
    put_message(1, 0, 0, 1);
    start(false);
    assert_sql(0, "BEGIN; SELECT ingest_advance('group', 'cluster', 'ticks', 1,"
                  " 100, 102, 2, 0, 0, 2, 0); COMMIT");
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
    ck_assert_uint_eq(fake_pg_count(pg), 1);
}
END_TEST

START_TEST(each_partition_in_it_is_fenced_and_no_other)
{
    offsets.items[2].expected = 7000000000;
    put_message(2, 1, 0, 0);
    put_message(0, 1, 0, 0);
    start(false);
    assert_last_sql("BEGIN; " COPY_TICKS "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                    " 100, 101, 1, 1, 0, 0, 0); "
                    "SELECT ingest_advance('group', 'cluster', 'ticks', 2,"
                    " 7000000000, 7000000001, 1, 1, 0, 0, 0); COMMIT");
}
END_TEST

START_TEST(names_are_quoted)
{
    owner = (struct batch_owner){"o'neil", "a\\b''"};
    put_message(0, 0, 0, 1);
    start(false);
    assert_sql(0, "BEGIN; SELECT ingest_advance('o''neil', 'a\\b''''', 'ticks', 0,"
                  " 100, 101, 1, 0, 0, 1, 0); COMMIT");
}
END_TEST

START_TEST(many_partitions_are_one_request)
{
    enum { MANY = 500 };
    char topic[OFFSETS_TOPIC_MAX + 1];
    memset(topic, 't', OFFSETS_TOPIC_MAX);
    topic[OFFSETS_TOPIC_MAX] = '\0';
    offsets_clear(&offsets);
    for (int32_t id = 0; id < MANY; id++) {
        offsets_add(&offsets, topic, id);
        offsets.items[id].expected = 100;
    }
    batch_clear(&batch, MANY, &limits);
    for (uint32_t i = 0; i < MANY; i++)
        put_message(i, 0, 0, 1);
    start(false);
    const char *sql = fake_pg_sql(pg, 0);
    size_t calls = 0;
    for (const char *at = sql; (at = strstr(at, "ingest_advance('group', 'cluster', 'ttt")); at++)
        calls++;
    ck_assert_uint_eq(calls, MANY);
    ck_assert_str_eq(sql + strlen(sql) - 8, "; COMMIT");
}
END_TEST

START_TEST(it_can_be_used_again_and_begins_again)
{
    put_message(0, 1, 0, 0);
    done.start_again = true;
    start(false);
    fake_pg_ok(pg, "COMMIT");
    ck_assert_uint_eq(fake_pg_count(pg), 2);
    ck_assert_str_eq(fake_pg_sql(pg, 1), fake_pg_sql(pg, 0));
    fake_pg_ok(pg, "COMMIT");
    ck_assert_uint_eq(done.calls, 2);
}
END_TEST

/* --- merging --- */

START_TEST(merge_stages_the_rows_and_asks_for_verdicts)
{
    put_message(0, 2, 0, 0);
    start(true);
    assert_sql(0, "BEGIN; SELECT ingest_staging(); " COPY_STAGING);
    assert_rows(0, 2);
    fake_pg_ok(pg, "COPY 2");
    assert_sql(1, MERGE);
    PGresult *rows = make_result();
    fake_pg_rows(pg, rows);
    PQclear(rows);
    assert_sql(2, "SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 2, 0, 0, 0); COMMIT");
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
}
END_TEST

START_TEST(large_merge_goes_in_slices_within_one_transaction)
{
    put_message(0, 2100, 0, 0);
    start(true);
    assert_sql(0, "BEGIN; SELECT ingest_staging(); " COPY_STAGING);
    static const size_t slices[] = {1000, 1000, 100};
    static const char *const repeats[] = {"7", "1007", "2007"};
    for (size_t i = 0; i < 3; i++) {
        if (i > 0)
            assert_sql(2 * i, "SELECT ingest_staging(); " COPY_STAGING);
        assert_rows(2 * i, slices[i]);
        fake_pg_ok(pg, "COPY");
        assert_sql(2 * i + 1, MERGE);
        PGresult *rows = make_result();
        add_verdict(rows, repeats[i], "repeat", NULL, NULL);
        fake_pg_rows(pg, rows);
        PQclear(rows);
    }
    assert_sql(6, "SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 2097, 0, 3, 0); COMMIT");
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
}
END_TEST

START_TEST(slices_begin_again_with_the_batch)
{
    put_message(0, 1001, 0, 0);
    start(true);
    fake_pg_ok(pg, "COPY 1000");
    fake_pg_error(pg, "57014");
    fake_pg_ok(pg, "ROLLBACK");
    ck_assert_int_eq(done.outcome, COMMIT_RETRY);
    size_t again = fake_pg_count(pg);
    start(true);
    assert_sql(again, "BEGIN; SELECT ingest_staging(); " COPY_STAGING);
    assert_rows(again, 1000);
}
END_TEST

START_TEST(each_verdict_is_counted_and_refusals_are_dead_letters)
{
    put_message(0, 6, 0, 0);
    put_message(1, 1, 0, 0);
    start(true);
    fake_pg_ok(pg, "COPY 7");
    PGresult *rows = make_result();
    add_verdict(rows, "0", "dropped", NULL, NULL);
    add_verdict(rows, "1", "replaced", NULL, NULL);
    add_verdict(rows, "2", "repeat", NULL, NULL);
    add_verdict(rows, "4", "rejected", "22003", "out of range");
    add_verdict(rows, "6", "rejected", "23503", "no such pair");
    fake_pg_rows(pg, rows);
    PQclear(rows);
    assert_sql(2, COPY_REJECTED "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                                " 100, 101, 1, 2, 1, 1, 2); "
                                "SELECT ingest_advance('group', 'cluster', 'ticks', 1,"
                                " 100, 101, 1, 0, 1, 0, 0); COMMIT");
    struct span data = fake_pg_data(pg, 2);
    struct copy_reader r = copy_reader_start(data.data, data.len);
    char text[64];
    ck_assert(copy_reader_next(&r));
    ck_assert_int_eq(copy_reader_int(&r, 5), 4);
    ck_assert_str_eq(copy_reader_text(&r, 6, text, sizeof text), "database");
    ck_assert_str_eq(copy_reader_text(&r, 7, text, sizeof text), "22003: out of range");
    ck_assert(copy_reader_next(&r));
    ck_assert_int_eq(copy_reader_int(&r, 3), 1);
    ck_assert_str_eq(copy_reader_text(&r, 6, text, sizeof text), "unknown_symbol");
    ck_assert(!copy_reader_next(&r));
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
}
END_TEST

START_TEST(merging_again_forgets_the_verdicts_before)
{
    put_message(0, 2, 0, 0);
    for (int attempt = 0; attempt < 3; attempt++) {
        start(true);
        fake_pg_ok(pg, "COPY 2");
        PGresult *rows = make_result();
        add_verdict(rows, attempt % 2 ? "0" : "1", "rejected", "22003", "x");
        fake_pg_rows(pg, rows);
        PQclear(rows);
        assert_last_sql(COPY_REJECTED "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                                      " 100, 101, 1, 1, 1, 0, 0); COMMIT");
        assert_rows(fake_pg_count(pg) - 1, 1);
        fake_pg_error(pg, "40001");
        fake_pg_ok(pg, "ROLLBACK");
    }
}
END_TEST

START_TEST(merge_without_rows_is_as_without_merge)
{
    put_message(0, 0, 1, 0);
    start(true);
    assert_sql(0, "BEGIN; " COPY_REJECTED "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 0, 1, 0, 0); COMMIT");
}
END_TEST

START_TEST(mode_of_ties_is_told)
{
    static const char *const modes[] = {"spread", "first", "last"};
    char expected[128];
    copy_free(copy);
    copy = copy_new(pg, modes[_i], 0.1, on_done, &done);
    put_message(0, 1, 0, 0);
    start(true);
    fake_pg_ok(pg, "COPY 1");
    snprintf(expected, sizeof expected,
             "SELECT seq, outcome, sqlstate, detail FROM ingest_merge('%s', 0.10000000000000001)",
             modes[_i]);
    assert_last_sql(expected);
}
END_TEST

/* --- failures --- */

/* Brings a merge of rows and, but for the last step, dead letters to where `step` is under way. */
static const char *const steps[] = {"rows", "merge", "letters", "fence"};
static const size_t requests_to[] = {1, 2, 3, 3};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void run_to(int step)
{
    put_message(0, 1, step < 3, 0);
    start(true);
    PGresult *rows = make_result();
    if (step > 0)
        fake_pg_ok(pg, "COPY 1");
    if (step > 1)
        fake_pg_rows(pg, rows);
    PQclear(rows);
    ck_assert_uint_eq(fake_pg_count(pg), requests_to[step]);
}

/* --- the foreign key at once --- */

#define BEGIN_AT_ONCE                                                                              \
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL session_replication_role = replica; "
#define CHECK(symbols)                                                                             \
    "SET LOCAL session_replication_role = DEFAULT; SELECT ingest_check_pairs(ARRAY[" symbols "]);" \
    " "

START_TEST(pairs_are_checked_between_the_rows_and_the_fence)
{
    copy_set_fk_rows(copy, 0);
    put_tick_of(3, "BTC");
    put_tick_of(70, "O'X");
    put_tick_of(3, "BTC");
    start(false);
    assert_sql(0, BEGIN_AT_ONCE COPY_TICKS
               "; " CHECK("'BTC', 'O''X'") "SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                                           " 100, 103, 3, 3, 0, 0, 0); COMMIT");
    assert_rows(0, 3);
    fake_pg_ok(pg, "COMMIT");
    assert_done(COMMIT_DONE);
    ck_assert_uint_eq(fake_pg_count(pg), 1);
}
END_TEST

START_TEST(pairs_are_checked_before_the_dead_letters_and_only_once)
{
    copy_set_fk_rows(copy, 1);
    put_tick_of(0, "BTC");
    put_message(0, 0, 1, 0);
    start(false);
    assert_sql(0, BEGIN_AT_ONCE COPY_TICKS);
    fake_pg_ok(pg, "COPY 1");
    assert_sql(1, CHECK("'BTC'") COPY_REJECTED
               "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
               " 100, 102, 2, 1, 1, 0, 0); COMMIT");
}
END_TEST

START_TEST(small_batches_go_row_by_row)
{
    copy_set_fk_rows(copy, 3);
    put_tick_of(0, "BTC");
    put_tick_of(0, "BTC");
    start(false);
    assert_sql(0, "BEGIN; " COPY_TICKS "; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 102, 2, 2, 0, 0, 0); COMMIT");
}
END_TEST

START_TEST(merge_always_goes_row_by_row)
{
    copy_set_fk_rows(copy, 0);
    put_tick_of(0, "BTC");
    start(true);
    assert_sql(0, "BEGIN; SELECT ingest_staging(); " COPY_STAGING);
    fake_pg_ok(pg, "COPY 1");
    assert_sql(1, MERGE);
}
END_TEST

START_TEST(without_rows_there_is_nothing_to_check)
{
    copy_set_fk_rows(copy, 0);
    put_message(0, 0, 0, 1);
    start(false);
    assert_sql(0, "BEGIN; SELECT ingest_advance('group', 'cluster', 'ticks', 0,"
                  " 100, 101, 1, 0, 0, 1, 0); COMMIT");
}
END_TEST

/* Whatever stands in the way of this one way in, the merge is another. */
static const struct {
    const char *sqlstate;
    enum sqlstate_class class;
} in_the_way[] = {
    {"23503", SQLSTATE_BAD_ROW}, /* a pair is gone */
    {"TK003", SQLSTATE_CHANGED}, /* a trigger has come */
    {"42501", SQLSTATE_CHANGED}, /* a right has gone */
    {"42883", SQLSTATE_CHANGED}, /* the function has gone */
};
enum { IN_THE_WAY = sizeof in_the_way / sizeof in_the_way[0] };

START_TEST(what_only_the_check_needs_sends_the_batch_to_the_merge)
{
    int step = _i / IN_THE_WAY, i = _i % IN_THE_WAY;
    copy_set_fk_rows(copy, 0);
    put_tick_of(0, "BTC");
    start(false);
    if (step == 1)
        fake_pg_error_behind_copy(pg, in_the_way[i].sqlstate);
    else
        fake_pg_error(pg, in_the_way[i].sqlstate);
    assert_last_sql("ROLLBACK");
    fake_pg_ok(pg, "ROLLBACK");
    assert_done(COMMIT_CLASH);
    ck_assert_str_eq(done.step, step == 1 ? "fence" : "rows");
    ck_assert_int_eq(done.class, in_the_way[i].class);
}
END_TEST

static const struct {
    const char *sqlstate;
    enum sqlstate_class class;
    enum commit_outcome outcome;
} refusals[] = {
    {"40001", SQLSTATE_RETRY, COMMIT_RETRY},
    {"55P03", SQLSTATE_RETRY, COMMIT_RETRY},
    {"53100", SQLSTATE_RESOURCE, COMMIT_HOLD},
    {"23505", SQLSTATE_CLASH, COMMIT_CLASH},
    {"23503", SQLSTATE_BAD_ROW, COMMIT_CLASH},
    {"TK001", SQLSTATE_FENCED, COMMIT_FENCED},
    {"42P01", SQLSTATE_MISCONFIG, COMMIT_HOLD},
    {"42501", SQLSTATE_MISCONFIG, COMMIT_HOLD},
    {"22P04", SQLSTATE_ENCODER, COMMIT_BROKEN},
    {"XX001", SQLSTATE_CORRUPT, COMMIT_HOLD},
    {"P0001", SQLSTATE_BAD_ROW, COMMIT_CLASH},
    {"TK003", SQLSTATE_CHANGED, COMMIT_CLASH},
    {"53200", SQLSTATE_TOO_LARGE, COMMIT_TOO_LARGE},
    {"54000", SQLSTATE_TOO_LARGE, COMMIT_TOO_LARGE},
};
enum { REFUSALS = sizeof refusals / sizeof refusals[0] };

START_TEST(refused_step_is_rolled_back_before_the_answer)
{
    int step = _i / REFUSALS, refusal = _i % REFUSALS;
    run_to(step);
    fake_pg_error(pg, refusals[refusal].sqlstate);
    ck_assert_uint_eq(done.calls, 0);
    assert_last_sql("ROLLBACK");
    fake_pg_ok(pg, "ROLLBACK");
    assert_done(refusals[refusal].outcome);
    ck_assert_str_eq(done.step, steps[step]);
    ck_assert_str_eq(done.sqlstate, refusals[refusal].sqlstate);
    ck_assert_int_eq(done.class, refusals[refusal].class);
    ck_assert_int_eq(strncmp(done.error, "the server says ", 16), 0);
    ck_assert_uint_eq(fake_pg_count(pg), requests_to[step] + 1);
    ck_assert_uint_eq(fake_pg_resets(pg), 0);
}
END_TEST

START_TEST(lost_at_any_step_is_lost_and_nothing_more_is_asked)
{
    run_to(_i);
    fake_pg_lose(pg);
    assert_done(COMMIT_LOST);
    ck_assert_str_eq(done.step, steps[_i]);
    ck_assert_int_eq(done.class, SQLSTATE_LOST);
    ck_assert_str_eq(done.sqlstate, "");
    ck_assert_uint_eq(fake_pg_count(pg), requests_to[_i]);
}
END_TEST

/* 25006: it has become a standby; the connection lives but is of no use. */
START_TEST(useless_connection_is_thrown_away)
{
    run_to(_i);
    fake_pg_error(pg, "25006");
    assert_done(COMMIT_LOST);
    ck_assert_str_eq(done.sqlstate, "25006");
    ck_assert_uint_eq(fake_pg_resets(pg), 1);
    ck_assert_uint_eq(fake_pg_count(pg), requests_to[_i]);
}
END_TEST

START_TEST(connection_lost_while_rolling_back_rolls_back_too)
{
    run_to(_i);
    fake_pg_error(pg, "40P01");
    fake_pg_lose(pg);
    assert_done(COMMIT_RETRY);
    ck_assert_str_eq(done.step, steps[_i]);
    ck_assert_str_eq(done.sqlstate, "40P01");
}
END_TEST

START_TEST(commit_answered_by_rollback_is_not_done)
{
    run_to(3);
    fake_pg_ok(pg, "ROLLBACK");
    assert_done(COMMIT_RETRY);
    ck_assert_str_eq(done.step, "commit");
    ck_assert_str_eq(done.sqlstate, "");
    ck_assert_str_eq(done.error, "COMMIT was answered by ROLLBACK");
}
END_TEST

START_TEST(error_behind_the_last_rows_is_that_of_the_fence)
{
    put_message(0, 1, _i, 0);
    start(false);
    if (_i)
        fake_pg_ok(pg, "COPY 1");
    fake_pg_error_behind_copy(pg, "TK001");
    assert_last_sql("ROLLBACK");
    fake_pg_ok(pg, "ROLLBACK");
    assert_done(COMMIT_FENCED);
    ck_assert_str_eq(done.step, "fence");
}
END_TEST

START_TEST(after_a_failure_the_next_begins_anew)
{
    run_to(_i);
    fake_pg_error(pg, "23505");
    fake_pg_ok(pg, "ROLLBACK");
    size_t again = fake_pg_count(pg);
    put_message(0, 0, 1, 0);
    start(false);
    assert_sql(again, "BEGIN; " COPY_TICKS);
    fake_pg_ok(pg, "COPY 1");
    ck_assert_int_eq(strncmp(fake_pg_sql(pg, again + 1), COPY_REJECTED "; SELECT ingest_advance(",
                             strlen(COPY_REJECTED "; SELECT ingest_advance(")),
                     0);
    fake_pg_ok(pg, "COMMIT");
    ck_assert_uint_eq(done.calls, 2);
    ck_assert_int_eq(done.outcome, COMMIT_DONE);
    ck_assert(!done.failed);
}
END_TEST

START_TEST(outcomes_have_names)
{
    for (int i = COMMIT_DONE; i <= COMMIT_BROKEN; i++) {
        ck_assert_uint_gt(strlen(commit_outcome_name((enum commit_outcome)i)), 0);
        for (int j = COMMIT_DONE; j < i; j++)
            ck_assert_str_ne(commit_outcome_name((enum commit_outcome)i),
                             commit_outcome_name((enum commit_outcome)j));
    }
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, rows_are_copied_and_the_fence_comes_last);
    tcase_add_test(t, dead_letters_are_in_the_same_transaction);
    tcase_add_test(t, without_rows_it_begins_with_the_dead_letters);
    tcase_add_test(t, what_is_only_ignored_still_advances_the_offset);
    tcase_add_test(t, each_partition_in_it_is_fenced_and_no_other);
    tcase_add_test(t, names_are_quoted);
    tcase_add_test(t, many_partitions_are_one_request);
    tcase_add_test(t, it_can_be_used_again_and_begins_again);
    tcase_add_test(t, merge_stages_the_rows_and_asks_for_verdicts);
    tcase_add_test(t, large_merge_goes_in_slices_within_one_transaction);
    tcase_add_test(t, slices_begin_again_with_the_batch);
    tcase_add_test(t, each_verdict_is_counted_and_refusals_are_dead_letters);
    tcase_add_test(t, merging_again_forgets_the_verdicts_before);
    tcase_add_test(t, merge_without_rows_is_as_without_merge);
    tcase_add_loop_test(t, mode_of_ties_is_told, 0, 3);
    tcase_add_test(t, pairs_are_checked_between_the_rows_and_the_fence);
    tcase_add_test(t, pairs_are_checked_before_the_dead_letters_and_only_once);
    tcase_add_test(t, small_batches_go_row_by_row);
    tcase_add_test(t, merge_always_goes_row_by_row);
    tcase_add_test(t, without_rows_there_is_nothing_to_check);
    tcase_add_loop_test(t, what_only_the_check_needs_sends_the_batch_to_the_merge, 0,
                        2 * IN_THE_WAY);
    tcase_add_loop_test(t, refused_step_is_rolled_back_before_the_answer, 0, STEPS * REFUSALS);
    tcase_add_loop_test(t, lost_at_any_step_is_lost_and_nothing_more_is_asked, 0, STEPS);
    tcase_add_loop_test(t, useless_connection_is_thrown_away, 0, STEPS);
    tcase_add_loop_test(t, connection_lost_while_rolling_back_rolls_back_too, 0, STEPS);
    tcase_add_test(t, commit_answered_by_rollback_is_not_done);
    tcase_add_loop_test(t, error_behind_the_last_rows_is_that_of_the_fence, 0, 2);
    tcase_add_loop_test(t, after_a_failure_the_next_begins_anew, 0, STEPS);
    tcase_add_test(t, outcomes_have_names);
}

int main(void)
{
    TCase *t = tcase_create("copy");
    tcase_add_checked_fixture(t, set_up, tear_down);
    add_tests(t);
    Suite *s = suite_create("copy");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
