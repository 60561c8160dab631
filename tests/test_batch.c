/* SPDX-License-Identifier: MIT */
/* links: batch.o copyrow.o offsets.o buf.o record.o reject.o err.o copy_reader.o */
#include "batch.h"

#include "copy_reader.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fields of the targets, in the order of their columns. */
enum { TICK_TIME, TICK_SYMBOL, TICK_PRICE };
enum { STAGED_SEQ, STAGED_SNAPSHOT, STAGED_EVENT_TIME, STAGED_TICK };

/* How far the ties of these tests have moved every tick. */
#define MOVED_US 3
enum {
    DEAD_GROUP,
    DEAD_CLUSTER,
    DEAD_TOPIC,
    DEAD_PARTITION,
    DEAD_OFFSET,
    DEAD_ITEM,
    DEAD_REASON,
    DEAD_DETAIL,
    DEAD_KEY,
    DEAD_PAYLOAD,
    DEAD_PAYLOAD_BYTES,
    DEAD_TIME
};

static const struct batch_owner owner = {"group", "cluster"};
static const struct batch_limits limits = {.rows = 10, .bytes = 100000, .linger_us = 500};
static struct batch b;
static struct offsets o;
static struct message current;
static char text[4096];

static void set_up(void)
{
    offsets_init(&o);
    for (int32_t id = 0; id < 3; id++) {
        offsets_add(&o, "ticks", id * 10);
        o.items[id].durable = o.items[id].expected = 100;
    }
    batch_init(&b);
    batch_clear(&b, o.count, &limits);
}

static void tear_down(void)
{
    batch_fini(&b);
    offsets_fini(&o);
}

/* --- putting in --- */

static void begin_with(uint32_t partition, int64_t offset, const char *key, const char *payload,
                       size_t payload_len)
{
    current = (struct message){.partition = partition,
                               .offset = offset,
                               .timestamp_ms = 946684800000,
                               .key = key,
                               .key_len = key ? strlen(key) : 0,
                               .payload = payload,
                               .payload_len = payload_len};
    batch_begin_message(&b, &current, &o.items[partition], 1000 + offset);
}

static void begin(uint32_t partition, int64_t offset)
{
    begin_with(partition, offset, "key", "payload", 7);
}

static void add_tick_of(enum record_source source, int32_t item, double price)
{
    struct record r = {.time_us = COPYROW_EPOCH_US + 10 * item + MOVED_US,
                       .price = price,
                       .bid = NAN,
                       .ask = NAN,
                       .source = source,
                       .symbol = "BTC",
                       .symbol_len = 3,
                       .exchange = "pacifica",
                       .exchange_len = 8};
    batch_add_tick(&b, &current, item, &r, 0, r.time_us - MOVED_US, record_is_snapshot(&r));
}

static void add_tick(int32_t item, double price)
{
    add_tick_of(SOURCE_TRADES, item, price);
}

static void add_rejected(int32_t item)
{
    batch_add_rejected(&b, &current, item, &owner, &o.items[current.partition], REJECT_NO_PRICE,
                       "price: missing");
}

static void end(void)
{
    batch_end_message(&b);
    o.items[current.partition].expected = current.offset + 1;
}

static void put_ticks(uint32_t partition, int64_t offset, int count)
{
    begin(partition, offset);
    for (int i = 0; i < count; i++)
        add_tick(i, (double)offset + i);
    end();
}

/* --- looking --- */

static void assert_count(const struct batch_count *c, int64_t messages, int64_t stored,
                         int64_t rejected, int64_t ignored, int64_t dropped)
{
    ck_assert_int_eq(c->messages, messages);
    ck_assert_int_eq(c->stored, stored);
    ck_assert_int_eq(c->rejected, rejected);
    ck_assert_int_eq(c->ignored, ignored);
    ck_assert_int_eq(c->dropped, dropped);
}

static void assert_span(uint32_t partition, int64_t from, int64_t next)
{
    ck_assert_int_eq(b.span[partition].from, from);
    ck_assert_int_eq(b.span[partition].next, next);
}

static struct copy_reader read_rows(void)
{
    struct span s = batch_rows(&b);
    return copy_reader_start(s.data, s.len);
}

static struct copy_reader read_letters(void)
{
    struct span s = batch_letters(&b);
    return copy_reader_start(s.data, s.len);
}

static size_t count_letters(void)
{
    struct span s = batch_letters(&b);
    return copy_reader_count(s.data, s.len);
}

static void assert_text(const struct copy_reader *r, size_t field, const char *expected)
{
    ck_assert_str_eq(copy_reader_text(r, field, text, sizeof text), expected);
}

/* --- spans and counts --- */

START_TEST(cleared_batch_is_empty)
{
    ck_assert(batch_is_empty(&b));
    ck_assert(!batch_is_full(&b, &limits));
    ck_assert_uint_eq(b.span_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_span(i, OFFSETS_UNKNOWN, OFFSETS_UNKNOWN);
    struct span rows = batch_rows(&b);
    ck_assert_uint_eq(copy_reader_count(rows.data, rows.len), 0);
    ck_assert_uint_eq(count_letters(), 0);
}
END_TEST

/* Offsets have holes: the span begins where the partition stood, not at the first message. */
START_TEST(span_is_from_what_was_expected_to_behind_the_last_message)
{
    put_ticks(0, 105, 1);
    assert_span(0, 100, 106);
    put_ticks(0, 109, 1);
    assert_span(0, 100, 110);
    assert_span(1, OFFSETS_UNKNOWN, OFFSETS_UNKNOWN);
    put_ticks(2, 100, 1);
    assert_span(2, 100, 101);
    assert_span(0, 100, 110);
}
END_TEST

START_TEST(items_are_counted_by_partition_and_kind)
{
    begin(0, 100);
    add_tick(0, 1);
    add_rejected(1);
    batch_add_ignored(&b, &current);
    batch_add_dropped(&b, &current);
    add_tick(4, 1);
    end();
    begin(1, 100);
    batch_add_ignored(&b, &current);
    end();
    begin(1, 101);
    add_rejected(0);
    add_rejected(1);
    end();
    struct batch_count c = batch_span_count(&b.span[0]);
    assert_count(&c, 1, 2, 1, 1, 1);
    c = batch_span_count(&b.span[1]);
    assert_count(&c, 2, 0, 2, 1, 0);
    c = batch_span_count(&b.span[2]);
    assert_count(&c, 0, 0, 0, 0, 0);
    c = batch_total(&b);
    assert_count(&c, 3, 2, 3, 2, 1);
}
END_TEST

START_TEST(message_without_ticks_makes_it_not_empty)
{
    begin(1, 100);
    batch_add_ignored(&b, &current);
    end();
    ck_assert(!batch_is_empty(&b));
    ck_assert_uint_eq(b.row_count, 0);
    ck_assert_uint_eq(b.letters, 0);
    assert_span(1, 100, 101);
}
END_TEST

START_TEST(clearing_forgets_everything_and_takes_a_new_assignment)
{
    put_ticks(2, 100, 3);
    begin(0, 100);
    add_rejected(0);
    end();
    b.must_merge = true;
    batch_clear(&b, 5, &limits);
    ck_assert(batch_is_empty(&b));
    ck_assert(!b.must_merge);
    ck_assert_uint_eq(b.row_count, 0);
    ck_assert_uint_eq(b.letters, 0);
    ck_assert_uint_eq(b.message_count, 0);
    ck_assert_uint_eq(b.span_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_span(i, OFFSETS_UNKNOWN, OFFSETS_UNKNOWN);
    struct batch_count c = batch_total(&b);
    assert_count(&c, 0, 0, 0, 0, 0);
    ck_assert_uint_eq(count_letters(), 0);
    batch_clear(&b, 0, &limits);
    ck_assert_uint_eq(b.span_count, 0);
    c = batch_total(&b);
    assert_count(&c, 0, 0, 0, 0, 0);
}
END_TEST

/* --- when it flies --- */

static void put_tick_of(uint32_t slot, const char *symbol)
{
    struct record r = {.time_us = COPYROW_EPOCH_US, .price = 1, .bid = NAN, .ask = NAN};
    r.symbol_len = (uint8_t)snprintf(r.symbol, sizeof r.symbol, "%s", symbol);
    begin(0, o.items[0].expected);
    batch_add_tick(&b, &current, 0, &r, slot, r.time_us, false);
    end();
}

START_TEST(each_symbol_is_listed_once)
{
    static const uint32_t slots[] = {0, 63, 64, 5, 63, 700, 0, 64, 700};
    char symbol[8];
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
            snprintf(symbol, sizeof symbol, "S%u", slots[i]);
            put_tick_of(slots[i], symbol);
        }
        ck_assert_uint_eq(b.symbol_count, 5);
        static const char *const listed[] = {"S0", "S63", "S64", "S5", "S700"};
        for (size_t i = 0; i < b.symbol_count; i++)
            ck_assert_str_eq(b.symbol[i].text, listed[i]);
        batch_clear(&b, o.count, &limits);
        ck_assert_uint_eq(b.symbol_count, 0);
    }
}
END_TEST

START_TEST(any_number_of_symbols_is_listed)
{
    char symbol[8];
    for (uint32_t slot = 0; slot < 200; slot++) {
        snprintf(symbol, sizeof symbol, "S%u", slot);
        put_tick_of(slot, symbol);
    }
    ck_assert_uint_eq(b.symbol_count, 200);
    ck_assert_str_eq(b.symbol[199].text, "S199");
}
END_TEST

START_TEST(rows_and_dead_letters_together_make_it_full)
{
    put_ticks(0, 100, 8);
    begin(1, 100);
    add_rejected(0);
    ck_assert(!batch_is_full(&b, &limits));
    add_rejected(1);
    ck_assert(batch_is_full(&b, &limits));
    end();
}
END_TEST

START_TEST(what_is_ignored_never_makes_it_full)
{
    for (int64_t offset = 100; offset < 1100; offset++) {
        begin(0, offset);
        batch_add_ignored(&b, &current);
        batch_add_dropped(&b, &current);
        end();
    }
    ck_assert(!batch_is_full(&b, &limits));
}
END_TEST

START_TEST(bytes_of_rows_and_dead_letters_make_it_full)
{
    struct batch_limits small = {.rows = 1000, .bytes = 600, .linger_us = 0};
    put_ticks(0, 100, 3);
    begin(0, 101);
    add_rejected(0);
    end();
    size_t before = b.rows.len + b.dead.len;
    ck_assert_uint_lt(before, small.bytes);
    ck_assert(!batch_is_full(&b, &small));
    small.bytes = before;
    ck_assert(batch_is_full(&b, &small));
    small.bytes = before + 1;
    ck_assert(!batch_is_full(&b, &small));
}
END_TEST

START_TEST(bytes_of_kept_messages_make_it_full)
{
    static char payload[100000];
    begin_with(0, 100, NULL, payload, sizeof payload - 1);
    add_tick(0, 1);
    end();
    ck_assert(!batch_is_full(&b, &limits));
    begin_with(0, 101, NULL, payload, 1);
    add_tick(0, 1);
    end();
    ck_assert(batch_is_full(&b, &limits));
}
END_TEST

START_TEST(due_when_its_first_message_has_lingered)
{
    put_ticks(0, 100, 1);
    ck_assert_int_eq(batch_due_us(&b, &limits), 1000 + 100 + 500);
    put_ticks(0, 200, 1);
    ck_assert_int_eq(batch_due_us(&b, &limits), 1000 + 100 + 500);
    batch_clear(&b, o.count, &limits);
    put_ticks(0, 300, 1);
    ck_assert_int_eq(batch_due_us(&b, &limits), 1000 + 300 + 500);
}
END_TEST

START_TEST(clearing_gives_back_what_one_large_message_took)
{
    size_t size = 10 * limits.bytes;
    char *payload = calloc(1, size);
    begin_with(0, 100, NULL, payload, size);
    add_tick(0, 1);
    add_rejected(1);
    end();
    free(payload);
    ck_assert_uint_ge(b.kept.cap, size);
    batch_clear(&b, o.count, &limits);
    ck_assert_uint_le(b.kept.cap, 2 * limits.bytes);
    ck_assert_uint_le(b.dead.cap, 2 * limits.bytes);
}
END_TEST

/* --- encoded --- */

START_TEST(rows_are_complete_copy_data_as_often_as_asked)
{
    put_ticks(0, 100, 2);
    for (int again = 0; again < 3; again++) {
        struct copy_reader r = read_rows();
        ck_assert(copy_reader_next(&r));
        ck_assert_int_eq(copy_reader_int(&r, TICK_TIME), MOVED_US);
        assert_text(&r, TICK_SYMBOL, "BTC");
        ck_assert_double_eq(copy_reader_number(&r, TICK_PRICE), 100);
        ck_assert(copy_reader_next(&r));
        ck_assert_int_eq(copy_reader_int(&r, TICK_TIME), 10 + MOVED_US);
        ck_assert_double_eq(copy_reader_number(&r, TICK_PRICE), 101);
        ck_assert(!copy_reader_next(&r));
    }
    put_ticks(0, 101, 1);
    struct span s = batch_rows(&b);
    ck_assert_uint_eq(copy_reader_count(s.data, s.len), 3);
}
END_TEST

START_TEST(dead_letter_says_what_came_from_where)
{
    begin_with(1, 107, "k", "{}", 2);
    add_rejected(3);
    end();
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_GROUP, "group");
    assert_text(&r, DEAD_CLUSTER, "cluster");
    assert_text(&r, DEAD_TOPIC, "ticks");
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PARTITION), 10);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_OFFSET), 107);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_ITEM), 3);
    assert_text(&r, DEAD_REASON, "no_price");
    assert_text(&r, DEAD_DETAIL, "price: missing");
    assert_text(&r, DEAD_KEY, "k");
    assert_text(&r, DEAD_PAYLOAD, "{}");
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PAYLOAD_BYTES), 2);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_TIME), 0);
    ck_assert(!copy_reader_next(&r));
}
END_TEST

START_TEST(payload_is_kept_once_per_message)
{
    begin(0, 100);
    add_rejected(0);
    add_rejected(1);
    end();
    begin(0, 101);
    add_rejected(0);
    end();
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_PAYLOAD, "payload");
    ck_assert(copy_reader_next(&r));
    ck_assert(copy_reader_is_null(&r, DEAD_PAYLOAD));
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PAYLOAD_BYTES), 7);
    assert_text(&r, DEAD_KEY, "key");
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_PAYLOAD, "payload");
}
END_TEST

START_TEST(huge_payload_is_cut_and_its_size_told)
{
    size_t size = 3 << 20;
    char *payload = malloc(size);
    memset(payload, 'x', size);
    begin_with(0, 100, NULL, payload, size);
    add_rejected(0);
    end();
    free(payload);
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    ck_assert_uint_eq(r.field[DEAD_PAYLOAD].len, 1 << 20);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PAYLOAD_BYTES), 3 << 20);
    ck_assert(copy_reader_is_null(&r, DEAD_KEY));
}
END_TEST

START_TEST(tombstone_has_no_payload)
{
    begin_with(0, 100, "key", NULL, 0);
    add_rejected(0);
    end();
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    ck_assert(copy_reader_is_null(&r, DEAD_PAYLOAD));
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PAYLOAD_BYTES), 0);
}
END_TEST

START_TEST(staged_rows_are_numbered_and_tell_snapshots_and_event_times)
{
    begin(0, 100);
    add_tick(0, 5);
    add_tick_of(SOURCE_BBO, 1, 6);
    add_tick_of(SOURCE_PRICES, 2, 7);
    add_tick_of(SOURCE_CANONICAL, 3, 8);
    end();
    struct buf staged;
    buf_init(&staged);
    buf_put(&staged, "old", 3);
    ck_assert_uint_eq(batch_stage(&b, 0, 100, &staged), 4);
    struct copy_reader r = copy_reader_start(staged.data, staged.len);
    static const bool snapshot[] = {false, true, true, false};
    for (int i = 0; i < 4; i++) {
        ck_assert(copy_reader_next(&r));
        ck_assert_uint_eq(r.count, 10);
        ck_assert_int_eq(copy_reader_int(&r, STAGED_SEQ), i);
        ck_assert_int_eq(copy_reader_int(&r, STAGED_SNAPSHOT), snapshot[i]);
        ck_assert_int_eq(copy_reader_int(&r, STAGED_EVENT_TIME), 10 * i);
        ck_assert_int_eq(copy_reader_int(&r, STAGED_TICK + TICK_TIME), 10 * i + MOVED_US);
        assert_text(&r, STAGED_TICK + TICK_SYMBOL, "BTC");
        ck_assert_double_eq(copy_reader_number(&r, STAGED_TICK + TICK_PRICE), 5 + i);
    }
    ck_assert(!copy_reader_next(&r));

    ck_assert_uint_eq(batch_stage(&b, 1, 2, &staged), 3);
    ck_assert_uint_eq(copy_reader_count(staged.data, staged.len), 2);
    r = copy_reader_start(staged.data, staged.len);
    ck_assert(copy_reader_next(&r));
    ck_assert_int_eq(copy_reader_int(&r, STAGED_SEQ), 1);
    ck_assert_uint_eq(batch_stage(&b, 3, 2, &staged), 4);
    ck_assert_uint_eq(copy_reader_count(staged.data, staged.len), 1);
    buf_fini(&staged);
}
END_TEST

/* --- verdicts of a merge --- */

static void refuse(size_t row, const char *message)
{
    struct batch_refusal why = {REJECT_DATABASE, "22003", message};
    batch_merge_row(&b, row, VERDICT_REJECTED, &owner, &o, &why);
}

static void judge(size_t row, enum batch_verdict verdict)
{
    batch_merge_row(&b, row, verdict, &owner, &o, NULL);
}

START_TEST(verdicts_change_the_counts_of_their_partition)
{
    put_ticks(0, 100, 3);
    put_ticks(1, 100, 3);
    batch_merge_begin(&b);
    ck_assert(!batch_has_refusals(&b));
    judge(0, VERDICT_DROPPED);
    judge(1, VERDICT_REPEAT);
    judge(4, VERDICT_DROPPED);
    ck_assert(!batch_has_refusals(&b));
    refuse(5, "out of range");
    ck_assert(batch_has_refusals(&b));
    struct batch_count c = batch_span_count(&b.span[0]);
    assert_count(&c, 1, 1, 0, 1, 1);
    c = batch_span_count(&b.span[1]);
    assert_count(&c, 1, 1, 1, 0, 1);
    c = batch_total(&b);
    assert_count(&c, 2, 2, 1, 1, 2);
    ck_assert_uint_eq(b.letters, 1);
}
END_TEST

START_TEST(refused_row_becomes_the_dead_letter_of_its_item)
{
    put_ticks(0, 100, 2);
    begin_with(2, 150, "sym", "{\"a\":1}", 7);
    add_rejected(0);
    batch_add_ignored(&b, &current);
    add_tick(2, 1);
    end();
    begin_with(2, 151, NULL, "[]", 2);
    add_tick(0, 1);
    end();
    batch_merge_begin(&b);
    refuse(2, "too much");
    refuse(3, "far too much");
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    ck_assert_int_eq(copy_reader_int(&r, DEAD_ITEM), 0);
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_GROUP, "group");
    assert_text(&r, DEAD_CLUSTER, "cluster");
    assert_text(&r, DEAD_TOPIC, "ticks");
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PARTITION), 20);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_OFFSET), 150);
    ck_assert_int_eq(copy_reader_int(&r, DEAD_ITEM), 2);
    assert_text(&r, DEAD_REASON, "database");
    assert_text(&r, DEAD_DETAIL, "22003: too much");
    assert_text(&r, DEAD_KEY, "sym");
    ck_assert(copy_reader_is_null(&r, DEAD_PAYLOAD)); /* the first item's letter has it */
    ck_assert_int_eq(copy_reader_int(&r, DEAD_PAYLOAD_BYTES), 7);
    ck_assert(copy_reader_next(&r));
    ck_assert_int_eq(copy_reader_int(&r, DEAD_OFFSET), 151);
    assert_text(&r, DEAD_DETAIL, "22003: far too much");
    ck_assert(copy_reader_is_null(&r, DEAD_KEY));
    assert_text(&r, DEAD_PAYLOAD, "[]");
    ck_assert(!copy_reader_next(&r));
}
END_TEST

START_TEST(merge_keeps_the_payload_of_a_message_once)
{
    put_ticks(0, 100, 3);
    batch_merge_begin(&b);
    refuse(0, "a");
    refuse(2, "b");
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_PAYLOAD, "payload");
    ck_assert(copy_reader_next(&r));
    ck_assert(copy_reader_is_null(&r, DEAD_PAYLOAD));
}
END_TEST

START_TEST(merging_again_undoes_the_verdicts_before)
{
    put_ticks(0, 100, 3);
    begin(1, 100);
    add_rejected(0);
    end();
    struct span taken = batch_letters(&b);
    size_t taken_len = taken.len;
    for (int attempt = 0; attempt < 3; attempt++) {
        batch_merge_begin(&b);
        struct batch_count c = batch_total(&b);
        assert_count(&c, 2, 3, 1, 0, 0);
        ck_assert_uint_eq(b.letters, 1);
        ck_assert(!batch_has_refusals(&b));
        taken = batch_letters(&b);
        ck_assert_uint_eq(taken.len, taken_len);
        refuse((size_t)attempt, "x");
        judge((size_t)(attempt + 1) % 3, VERDICT_DROPPED);
        judge((size_t)(attempt + 2) % 3, VERDICT_REPEAT);
        c = batch_total(&b);
        assert_count(&c, 2, 0, 2, 1, 1);
        struct copy_reader r = read_letters();
        ck_assert(copy_reader_next(&r));
        ck_assert(copy_reader_next(&r));
        ck_assert_int_eq(copy_reader_int(&r, DEAD_ITEM), attempt);
        assert_text(&r, DEAD_PAYLOAD, "payload");
        ck_assert(!copy_reader_next(&r));
    }
}
END_TEST

START_TEST(empty_key_is_not_a_missing_one)
{
    begin_with(0, 100, "", "p", 1);
    add_tick(0, 1);
    end();
    batch_merge_begin(&b);
    refuse(0, "x");
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    ck_assert(!copy_reader_is_null(&r, DEAD_KEY));
    ck_assert_uint_eq(r.field[DEAD_KEY].len, 0);
    assert_text(&r, DEAD_PAYLOAD, "p");
}
END_TEST

/* Two-, three- and four-byte characters, shifted over the cut by 0 to 3 bytes. */
START_TEST(long_refusal_is_cut_between_characters)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x95"};
    put_ticks(0, 100, 1);
    for (int i = 0; i < 12; i++) {
        const char *c = characters[i / 4];
        size_t len = strlen(c), shift = (size_t)i % 4;
        char message[1200] = "xxx";
        message[shift] = '\0';
        for (int n = 0; n < 280; n++)
            strcat(message, c);
        batch_merge_begin(&b);
        refuse(0, message);
        struct copy_reader r = read_letters();
        ck_assert(copy_reader_next(&r));
        copy_reader_text(&r, DEAD_DETAIL, text, sizeof text);
        size_t kept = strlen(text) - strlen("22003: ") - shift;
        ck_assert_uint_eq(kept % len, 0);
        ck_assert_uint_ge(kept, 500 - len);
        ck_assert_str_eq(text + strlen(text) - len, c);
    }
}
END_TEST

START_TEST(short_refusal_is_kept_whole)
{
    put_ticks(0, 100, 1);
    batch_merge_begin(&b);
    refuse(0, "caf\xc3\xa9");
    struct copy_reader r = read_letters();
    ck_assert(copy_reader_next(&r));
    assert_text(&r, DEAD_DETAIL, "22003: caf\xc3\xa9");
}
END_TEST

/* Across growth of every array. */
START_TEST(many_messages_keep_their_rows_apart)
{
    for (int64_t offset = 100; offset < 2100; offset++) {
        char payload[32];
        snprintf(payload, sizeof payload, "p%lld", (long long)offset);
        begin_with((uint32_t)(offset % 3), offset, NULL, payload, strlen(payload));
        add_tick(0, 1);
        add_tick(1, 1);
        end();
    }
    batch_merge_begin(&b);
    for (size_t row = 0; row < b.row_count; row += 7)
        refuse(row, "x");
    struct copy_reader r = read_letters();
    for (size_t row = 0; row < b.row_count; row += 7) {
        int64_t offset = 100 + (int64_t)row / 2;
        char payload[32];
        snprintf(payload, sizeof payload, "p%lld", (long long)offset);
        ck_assert(copy_reader_next(&r));
        ck_assert_int_eq(copy_reader_int(&r, DEAD_OFFSET), offset);
        ck_assert_int_eq(copy_reader_int(&r, DEAD_PARTITION), offset % 3 * 10);
        ck_assert_int_eq(copy_reader_int(&r, DEAD_ITEM), (int64_t)row % 2);
        assert_text(&r, DEAD_PAYLOAD, payload);
    }
    ck_assert(!copy_reader_next(&r));
}
END_TEST

static void add_tests(TCase *t)
{
    tcase_add_test(t, cleared_batch_is_empty);
    tcase_add_test(t, span_is_from_what_was_expected_to_behind_the_last_message);
    tcase_add_test(t, items_are_counted_by_partition_and_kind);
    tcase_add_test(t, message_without_ticks_makes_it_not_empty);
    tcase_add_test(t, clearing_forgets_everything_and_takes_a_new_assignment);
    tcase_add_test(t, each_symbol_is_listed_once);
    tcase_add_test(t, any_number_of_symbols_is_listed);
    tcase_add_test(t, rows_and_dead_letters_together_make_it_full);
    tcase_add_test(t, what_is_ignored_never_makes_it_full);
    tcase_add_test(t, bytes_of_rows_and_dead_letters_make_it_full);
    tcase_add_test(t, bytes_of_kept_messages_make_it_full);
    tcase_add_test(t, due_when_its_first_message_has_lingered);
    tcase_add_test(t, clearing_gives_back_what_one_large_message_took);
    tcase_add_test(t, rows_are_complete_copy_data_as_often_as_asked);
    tcase_add_test(t, dead_letter_says_what_came_from_where);
    tcase_add_test(t, payload_is_kept_once_per_message);
    tcase_add_test(t, huge_payload_is_cut_and_its_size_told);
    tcase_add_test(t, tombstone_has_no_payload);
    tcase_add_test(t, staged_rows_are_numbered_and_tell_snapshots_and_event_times);
    tcase_add_test(t, verdicts_change_the_counts_of_their_partition);
    tcase_add_test(t, refused_row_becomes_the_dead_letter_of_its_item);
    tcase_add_test(t, merge_keeps_the_payload_of_a_message_once);
    tcase_add_test(t, merging_again_undoes_the_verdicts_before);
    tcase_add_test(t, empty_key_is_not_a_missing_one);
    tcase_add_test(t, long_refusal_is_cut_between_characters);
    tcase_add_test(t, short_refusal_is_kept_whole);
    tcase_add_test(t, many_messages_keep_their_rows_apart);
}

int main(void)
{
    TCase *t = tcase_create("batch");
    tcase_add_checked_fixture(t, set_up, tear_down);
    add_tests(t);
    Suite *s = suite_create("batch");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
