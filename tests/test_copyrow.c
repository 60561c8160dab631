/* SPDX-License-Identifier: MIT */
/* links: copyrow.o buf.o err.o reject.o */
/*
 * What is expected is written by hand from PostgreSQL's documentation of COPY ("Binary Format") and
 * of the types' binary forms: timestamptz is int8 microseconds since 2000-01-01, float8 is IEEE
 * 754, boolean is a byte, text and bytea are their bytes; all big-endian.
 */
#include "copyrow.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NULL_FIELD "\xff\xff\xff\xff"
#define FIELD_8    "\0\0\0\x08"

static struct buf b;

static void set_up(void)
{
    buf_init(&b);
}

static void tear_down(void)
{
    buf_fini(&b);
}

/* `expected` is a literal; its final NUL is not part of it. */
#define assert_encoded(expected) assert_bytes(expected, sizeof(expected) - 1)

static void assert_bytes(const char *expected, size_t len)
{
    for (size_t i = 0; i < len && i < b.len; i++)
        ck_assert_msg(b.data[i] == (uint8_t)expected[i], "byte %zu is %02x, not %02x", i, b.data[i],
                      (uint8_t)expected[i]);
    ck_assert_uint_eq(b.len, len);
}

static struct record make_tick(const char *symbol, const char *exchange)
{
    struct record r = {.time_us = COPYROW_EPOCH_US,
                       .price = 1,
                       .bid = NAN,
                       .ask = NAN,
                       .symbol_len = (uint8_t)strlen(symbol),
                       .exchange_len = (uint8_t)strlen(exchange)};
    strcpy(r.symbol, symbol);
    strcpy(r.exchange, exchange);
    return r;
}

START_TEST(header_is_signature_flags_and_extension_length)
{
    copyrow_header(&b);
    assert_encoded("PGCOPY\n\xff\r\n\0"
                   "\0\0\0\0"
                   "\0\0\0\0");
}
END_TEST

START_TEST(trailer_is_minus_one)
{
    copyrow_trailer(&b);
    assert_encoded("\xff\xff");
    ck_assert_uint_eq(b.len, COPYROW_TRAILER_SIZE);
}
END_TEST

START_TEST(targets_name_their_columns)
{
    ck_assert_str_eq(copyrow_ticks_target, "ticks (time, symbol, price, volume, bid, ask, exchange)"
                                           " FROM STDIN (FORMAT binary)");
    ck_assert_str_eq(
        copyrow_staging_target,
        "tickd_staging (seq, snapshot, event_time, time, symbol, price, volume, bid, ask, exchange)"
        " FROM STDIN (FORMAT binary)");
    ck_assert_str_eq(copyrow_rejected_target,
                     "rejected_ticks (group_id, cluster_id, topic, kafka_partition, kafka_offset,"
                     " item, reason, detail, key, payload, payload_bytes, message_time)"
                     " FROM STDIN (FORMAT binary)");
}
END_TEST

/* One field a line. */
/* clang-format off */

/* 2000-01-01 00:00:01.000002: 1000002 = 0xf4242. 0.1 = 0x3fb999999999999a. */
START_TEST(tick_is_seven_fields)
{
    struct record r = make_tick("kBONK", "pacifica");
    r.time_us += 1000002;
    r.price = 0.1;
    r.volume = 2;
    r.bid = 0.5;
    r.ask = -0.0;
    copyrow_tick(&b, &r);
    assert_encoded("\0\x07"                                   /* fields */
                   FIELD_8 "\0\0\0\0\0\x0f\x42\x42"           /* time */
                   "\0\0\0\x05" "kBONK"                       /* symbol */
                   FIELD_8 "\x3f\xb9\x99\x99\x99\x99\x99\x9a" /* price */
                   FIELD_8 "\x40\0\0\0\0\0\0\0"               /* volume */
                   FIELD_8 "\x3f\xe0\0\0\0\0\0\0"             /* bid */
                   FIELD_8 "\x80\0\0\0\0\0\0\0"               /* ask */
                   FIELD_8 "pacifica");                       /* exchange */
}
END_TEST

START_TEST(missing_quote_is_null)
{
    struct record r = make_tick("A", "b");
    copyrow_tick(&b, &r);
    assert_encoded("\0\x07"
                   FIELD_8 "\0\0\0\0\0\0\0\0"
                   "\0\0\0\x01" "A"
                   FIELD_8 "\x3f\xf0\0\0\0\0\0\0"
                   FIELD_8 "\0\0\0\0\0\0\0\0"
                   NULL_FIELD
                   NULL_FIELD
                   "\0\0\0\x01" "b");
}
END_TEST

/* A microsecond before 2000 is -1; 1970 is -946684800000000. */
START_TEST(time_before_the_epoch_is_negative)
{
    struct record r = make_tick("A", "b");
    r.time_us = COPYROW_EPOCH_US - 1;
    copyrow_tick(&b, &r);
    ck_assert_mem_eq(b.data + 2, FIELD_8 "\xff\xff\xff\xff\xff\xff\xff\xff", 12);
    buf_clear(&b);
    r.time_us = 0;
    copyrow_tick(&b, &r);
    ck_assert_mem_eq(b.data + 2, FIELD_8 "\xff\xfc\xa2\xfe\xc4\xc8\x20\x00", 12);
}
END_TEST

START_TEST(longest_tick_keeps_within_its_bound)
{
    struct record r = make_tick("12345678901234567890",
                                "12345678901234567890123456789012345678901234567890");
    r.bid = r.ask = 1;
    copyrow_tick(&b, &r);
    ck_assert_uint_le(b.len, COPYROW_TICK_MAX);
    ck_assert_uint_eq(b.len, 2 + 5 * (4 + 8) + (4 + 20) + (4 + 50));
}
END_TEST

START_TEST(staged_tick_has_three_fields_in_front)
{
    struct record r = make_tick("A", "b");
    struct buf tick;
    buf_init(&tick);
    copyrow_tick(&tick, &r);
    struct staged_row s = {258, true, COPYROW_EPOCH_US + 259};
    copyrow_staged(&b, &s, tick.data, tick.len);
    ck_assert_uint_eq(b.len, 2 + 8 + 5 + 12 + tick.len - 2);
    ck_assert_mem_eq(b.data,
                     "\0\x0a"                      /* fields */
                     "\0\0\0\x04" "\0\0\x01\x02"  /* seq */
                     "\0\0\0\x01" "\x01"           /* snapshot */
                     "\0\0\0\x08" "\0\0\0\0\0\0\x01\x03", /* event_time */
                     27);
    ck_assert_mem_eq(b.data + 27, tick.data + 2, tick.len - 2);
    buf_clear(&b);
    s = (struct staged_row){0, false, COPYROW_EPOCH_US};
    copyrow_staged(&b, &s, tick.data, tick.len);
    ck_assert_mem_eq(b.data + 2,
                     "\0\0\0\x04" "\0\0\0\0"
                     "\0\0\0\x01" "\0",
                     13);
    buf_fini(&tick);
}
END_TEST

static struct dead_letter make_letter(void)
{
    return (struct dead_letter){
        .group_id = "g",
        .cluster_id = "cl",
        .topic = "top",
        .kafka_partition = 7,
        .kafka_offset = (INT64_C(1) << 33) + 1,
        .item = 3,
        .reason = REJECT_NO_PRICE,
        .detail = "price: missing",
        .key = "k\0y",
        .key_len = 3,
        .payload = "{\xff}",
        .payload_len = 3,
        .payload_bytes = 1000,
        .time_ms = 946684800001,
    };
}

START_TEST(dead_letter_is_twelve_fields)
{
    struct dead_letter d = make_letter();
    copyrow_rejected(&b, &d);
    assert_encoded("\0\x0c"                          /* fields */
                   "\0\0\0\x01" "g"                  /* group_id */
                   "\0\0\0\x02" "cl"                 /* cluster_id */
                   "\0\0\0\x03" "top"                /* topic */
                   "\0\0\0\x04" "\0\0\0\x07"         /* kafka_partition */
                   FIELD_8 "\0\0\0\x02\0\0\0\x01"    /* kafka_offset */
                   "\0\0\0\x04" "\0\0\0\x03"         /* item */
                   "\0\0\0\x08" "no_price"           /* reason */
                   "\0\0\0\x0e" "price: missing"     /* detail */
                   "\0\0\0\x03" "k\0y"               /* key */
                   "\0\0\0\x03" "{\xff}"             /* payload */
                   "\0\0\0\x04" "\0\0\x03\xe8"       /* payload_bytes */
                   FIELD_8 "\0\0\0\0\0\0\x03\xe8");  /* message_time */
}
END_TEST

START_TEST(what_a_dead_letter_lacks_is_null)
{
    struct dead_letter d = make_letter();
    d.detail = NULL;
    d.key = NULL;
    d.payload = NULL;
    d.time_ms = MESSAGE_NO_TIME;
    copyrow_rejected(&b, &d);
    ck_assert_uint_eq(b.len, 2 + 5 + 6 + 7 + 8 + 12 + 8 + 12 + 3 * 4 + 8 + 4);
    ck_assert_mem_eq(b.data + b.len - 24,
                     NULL_FIELD                    /* detail */
                     NULL_FIELD                    /* key */
                     NULL_FIELD                    /* payload */
                     "\0\0\0\x04" "\0\0\x03\xe8"   /* payload_bytes */
                     NULL_FIELD,                   /* message_time */
                     24);
}
END_TEST

START_TEST(empty_is_not_null)
{
    struct dead_letter d = make_letter();
    d.detail = "";
    d.key_len = d.payload_len = 0;
    d.time_ms = MESSAGE_NO_TIME;
    copyrow_rejected(&b, &d);
    ck_assert_mem_eq(b.data + b.len - 24,
                     "\0\0\0\0"                    /* detail */
                     "\0\0\0\0"                    /* key */
                     "\0\0\0\0"                    /* payload */
                     "\0\0\0\x04" "\0\0\x03\xe8"   /* payload_bytes */
                     NULL_FIELD,                   /* message_time */
                     24);
}
END_TEST

/* clang-format on */

/* Kafka takes any int64 from a producer as the time of a message; PostgreSQL knows times from
 * 4714-11-24 BC to before 294277 (its documentation of date/time types), and would refuse the dead
 * letter for another. */
static const struct {
    int64_t time_ms;
    bool known;
} times[] = {
    {-210866803200000, true},
    {-210866803200001, false},
    {9224318015999999, true},
    {9224318016000000, false},
    {INT64_MAX, false},
    {INT64_MIN + 1, false},
    {1763225137000000000, false},
    {-1, true},
    {0, true},
};

START_TEST(message_time_that_postgresql_does_not_know_is_null)
{
    struct dead_letter d = make_letter();
    d.time_ms = times[_i].time_ms;
    copyrow_rejected(&b, &d);
    if (!times[_i].known) {
        ck_assert_mem_eq(b.data + b.len - 4, NULL_FIELD, 4);
        return;
    }
    ck_assert_mem_eq(b.data + b.len - 12, FIELD_8, 4);
    uint64_t us = 0;
    for (size_t i = b.len - 8; i < b.len; i++)
        us = us << 8 | b.data[i];
    ck_assert_int_eq((int64_t)us / 1000, d.time_ms - 946684800000);
    ck_assert_int_eq((int64_t)us % 1000, 0);
}
END_TEST

START_TEST(rows_follow_each_other_without_anything_between)
{
    struct record r = make_tick("A", "b");
    copyrow_header(&b);
    size_t header = b.len;
    copyrow_tick(&b, &r);
    size_t tick = b.len - header;
    copyrow_tick(&b, &r);
    ck_assert_uint_eq(b.len, header + 2 * tick);
    ck_assert_mem_eq(b.data + header, b.data + header + tick, tick);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("copyrow");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, header_is_signature_flags_and_extension_length);
    tcase_add_test(t, trailer_is_minus_one);
    tcase_add_test(t, targets_name_their_columns);
    tcase_add_test(t, tick_is_seven_fields);
    tcase_add_test(t, missing_quote_is_null);
    tcase_add_test(t, time_before_the_epoch_is_negative);
    tcase_add_test(t, longest_tick_keeps_within_its_bound);
    tcase_add_test(t, staged_tick_has_three_fields_in_front);
    tcase_add_test(t, dead_letter_is_twelve_fields);
    tcase_add_test(t, what_a_dead_letter_lacks_is_null);
    tcase_add_test(t, empty_is_not_null);
    tcase_add_loop_test(t, message_time_that_postgresql_does_not_know_is_null, 0,
                        (int)(sizeof times / sizeof times[0]));
    tcase_add_test(t, rows_follow_each_other_without_anything_between);
    Suite *s = suite_create("copyrow");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
