/* SPDX-License-Identifier: MIT */
/* links: kafka_bed.o stub_log.o kafka.o kafka_ask.o kafka_bell.o kafka_commit.o kafka_conf.o kafka_coord.o kafka_ends.o kafka_fetch.o kafka_group.o kafka_link.o kafka_log.o kafka_mend.o kafka_trouble.o offsets.o err.o clock.o */
#include "kafka_bed.h"
#include "stub_log.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct bed bed;
static struct member *const a = &bed.a;

static void set_up_one(void)
{
    bed_init(&bed, 1);
}

static void set_up_two(void)
{
    bed_init(&bed, 2);
}

static void tear_down(void)
{
    bed_fini(&bed);
}

static bool has_2000(struct member *m)
{
    return kafka_queued(m->kafka) >= 2000;
}

/* --- fetching --- */

START_TEST(assignment_begins_at_the_given_offset)
{
    int64_t at = 7;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_get_partitions(&bed, a);
    ck_assert_ptr_nonnull(kafka_cluster_id(a->kafka));
    ck_assert_uint_eq(a->given.count, 1);
    ck_assert_str_eq(a->given.items[0].topic, BED_TOPIC);
    bed_assign(a, &at);
    bed_expect(a, 7, 20);
}
END_TEST

START_TEST(assignment_may_be_answered_late)
{
    int64_t at = 0;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_get_partitions(&bed, a);
    for (int i = 0; i < 6; i++) { /* longer than the session timeout */
        struct message message;
        bed_settle(&bed);
        ck_assert(!kafka_peek(a->kafka, 0, &message));
    }
    bed_assign(a, &at);
    bed_expect(a, 0, 20);
    ck_assert_uint_eq(a->assigns, 1);
    ck_assert_uint_eq(a->revokes, 0);
}
END_TEST

START_TEST(message_has_key_time_and_payload)
{
    int64_t at = 0;
    struct message m;
    bed_produce_bytes(&bed, 0, "kBONK", "0", 1);
    bed_produce_bytes(&bed, 0, NULL, NULL, 0);
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_await(a, bed_was_woken);
    bed_await(a, bed_has_message);
    ck_assert(kafka_peek(a->kafka, 0, &m));
    ck_assert_uint_eq(m.partition, 0);
    ck_assert_int_eq(m.offset, 0);
    ck_assert_mem_eq(m.key, "kBONK", 5);
    ck_assert_uint_eq(m.key_len, 5);
    ck_assert_mem_eq(m.payload, "0", 1);
    ck_assert_int_gt(m.timestamp_ms, INT64_C(1500000000000));
    kafka_advance(a->kafka, 0);
    bed_await(a, bed_has_message);
    ck_assert(kafka_peek(a->kafka, 0, &m));
    ck_assert_ptr_null(m.key);
    ck_assert_ptr_null(m.payload);
    ck_assert_uint_eq(m.payload_len, 0);
}
END_TEST

START_TEST(messages_left_alone_wait_and_none_is_missing)
{
    int64_t at = 0, offset;
    bed_set(&bed, "queued.min.messages", "10", "test");
    bed_produce(&bed, 0, 0, 300, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_await(a, bed_has_ten);
    bed_settle(&bed);
    ck_assert_uint_lt(kafka_queued(a->kafka), 20); /* bounded: the bound and one fetch */

    bed_take(a, &offset); /* one only: no wake-up comes for the rest */
    ck_assert_int_eq(offset, 0);
    bed_produce(&bed, 0, 300, 100, 5);
    bed_settle(&bed);
    bed_expect(a, 1, 400);
    ck_assert_uint_eq(a->revokes, 0);
}
END_TEST

static bool has_fifty(struct member *m)
{
    return kafka_queued(m->kafka) >= 50;
}

static size_t lane_awaited;

static bool lane_has_message(struct member *m)
{
    struct message message;
    return kafka_peek(m->kafka, lane_awaited, &message);
}

START_TEST(bound_holds_for_all_partitions_together)
{
    int64_t at[2] = {0, 0};
    bed_set(&bed, "queued.min.messages", "50", "test");
    bed_produce(&bed, 0, 0, 300, 5);
    bed_produce(&bed, 1, 0, 300, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    bed_await(a, has_fifty);
    bed_settle(&bed);
    ck_assert_uint_lt(kafka_queued(a->kafka), 65); /* each for itself would be 100 */

    /* Also after assigning anew, which ends librdkafka's forwarding for a moment. */
    for (int i = 0; i < 50; i++) {
        bed_assign(a, at);
        bed_await(a, has_fifty);
        ck_assert_uint_lt(kafka_queued(a->kafka), 65);
    }
}
END_TEST

/* Takes `count` messages of a lane, which must be of that partition. */
static void take_from(size_t lane, uint32_t partition, int count)
{
    struct message m;
    for (int i = 0; i < count; i++) {
        lane_awaited = lane;
        bed_await(a, lane_has_message);
        ck_assert(kafka_peek(a->kafka, lane, &m));
        ck_assert_uint_eq(m.partition, partition);
        ck_assert_int_eq(m.offset, i);
        kafka_advance(a->kafka, lane);
    }
}

START_TEST(full_lane_does_not_hold_up_another)
{
    int64_t at[2] = {0, 0};
    bed.config.writers = 2;
    bed_set(&bed, "queued.min.messages", "50", "test");
    bed_produce(&bed, 0, 0, 300, 5);
    bed_produce(&bed, 1, 0, 300, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    take_from(1, 1, 300); /* while nobody takes of lane 0 */
    ck_assert(kafka_has_queued(a->kafka, 0));
    ck_assert(!kafka_has_queued(a->kafka, 1));
    take_from(0, 0, 300);
}
END_TEST

START_TEST(lanes_show_a_message_each)
{
    int64_t at[2] = {0, 0};
    struct message first, second;
    bed.config.writers = 2;
    bed_produce(&bed, 0, 0, 20, 5);
    bed_produce(&bed, 1, 0, 20, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    for (lane_awaited = 0; lane_awaited < 2; lane_awaited++)
        bed_await(a, lane_has_message);
    ck_assert(kafka_peek(a->kafka, 0, &first) && kafka_peek(a->kafka, 1, &second));
    ck_assert_uint_eq(first.partition, 0);
    ck_assert_uint_eq(second.partition, 1);
    kafka_advance(a->kafka, 1);
    ck_assert_mem_eq(first.payload, "0", 1); /* still there */
    take_from(0, 0, 20);
}
END_TEST

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

enum { DRAINED = 1500, PORTION = 20 };

static int64_t taken;

static bool has_portion(struct member *m)
{
    size_t queued = kafka_queued(m->kafka);
    return queued >= PORTION || (int64_t)queued == DRAINED - taken;
}

/* How long it takes to take them all, from a queue that was full whenever it was found empty. */
static double drain(void)
{
    int64_t at = 0, offset;
    bed_get_partitions(&bed, a);
    double before = now_s();
    bed_assign(a, &at);
    for (taken = 0; taken < DRAINED; taken++) {
        if (kafka_queued(a->kafka) == 0)
            bed_await(a, has_portion);
        bed_take(a, &offset);
        ck_assert_int_eq(offset, taken);
    }
    return now_s() - before;
}

START_TEST(short_queue_is_refilled_before_librdkafka_looks_by_itself)
{
    double unnudged = DRAINED / PORTION; /* a second for each portion */
    bed_produce(&bed, 0, 0, DRAINED, 5);
    bed_set(&bed, "queued.min.messages", "20", "test");
    double nudged = drain();
    ck_assert_msg(nudged < unnudged / 2, "%.3f s, not nudged %.3f s", nudged, unnudged);
}
END_TEST

START_TEST(rewind_delivers_exactly_from_the_offset)
{
    enum { COUNT = 2000, ROUNDS = 60 };
    int64_t at = 0;
    srand(20261123);
    bed_produce(&bed, 0, 0, COUNT, 50);
    bed_get_partitions(&bed, a);
    for (int i = 0; i < ROUNDS; i++) {
        bed_assign(a, &at);
        int64_t until = at + rand() % 200;
        bed_expect(a, at, until < COUNT ? until : COUNT);
        if (i % 3 == 0) { /* also with a message shown, and with full queues */
            struct message message;
            kafka_peek(a->kafka, 0, &message);
        }
        at = rand() % COUNT;
    }
    bed_assign(a, &at);
    bed_expect(a, at, COUNT);
}
END_TEST

START_TEST(rewind_gives_messages_even_if_the_queue_was_never_emptied)
{
    int64_t at = 0;
    bed_produce(&bed, 0, 0, 300, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_await(a, bed_has_ten);
    at = 100;
    bed_assign(a, &at);
    a->messages = 0;
    bed_await(a, bed_was_woken);
    bed_expect(a, 100, 300);
}
END_TEST

START_TEST(partitions_take_turns)
{
    int64_t at[2] = {0, 0}, next[2] = {0, 0}, offset;
    unsigned turns = 0;
    uint32_t last = 2;
    bed_produce(&bed, 0, 0, 1000, 5);
    bed_produce(&bed, 1, 0, 1000, 5);
    bed_get_partitions(&bed, a);
    ck_assert_uint_eq(a->given.count, 2);
    bed_assign(a, at);
    bed_await(a, has_2000);
    for (int i = 0; i < 2000; i++) {
        uint32_t partition = bed_take(a, &offset);
        ck_assert_int_eq(offset, next[partition]++);
        turns += partition != last;
        last = partition;
    }
    ck_assert_uint_gt(turns, 10);
}
END_TEST

START_TEST(stopped_partition_is_not_fetched)
{
    int64_t at[2] = {0, 0}, offset;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_produce(&bed, 1, 0, 20, 20);
    bed_get_partitions(&bed, a);
    a->given.items[0].stopped = true;
    bed_assign(a, at);
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(bed_take(a, &offset), 1);
    bed_settle(&bed);
    ck_assert_uint_eq(kafka_queued(a->kafka), 0);

    a->given.items[0].stopped = false;
    at[1] = 20;
    bed_assign(a, at);
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(bed_take(a, &offset), 0);
}
END_TEST

/* --- trouble with partitions --- */

static void overflow_log(void)
{
    enum { LEN = 512 * 1024, COUNT = 14 }; /* the mock keeps 5 MiB */
    char *bytes = calloc(1, LEN);
    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < COUNT; i++)
        bed_produce_bytes(&bed, 0, NULL, bytes, LEN);
    free(bytes);
}

START_TEST(offset_below_the_log_is_a_gap)
{
    int64_t at = 0;
    struct message m;
    overflow_log();
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_await(a, bed_has_gap);
    ck_assert_uint_eq(a->gap_partition, 0);
    ck_assert_int_gt(a->gap_low, 0);
    ck_assert_int_eq(a->gap_high, 14);
    bed_settle(&bed);
    ck_assert_uint_eq(a->gaps, 1);

    bed_assign(a, &a->gap_low);
    bed_await(a, bed_was_woken);
    bed_await(a, bed_has_message);
    ck_assert(kafka_peek(a->kafka, 0, &m));
    ck_assert_int_eq(m.offset, a->gap_low);
}
END_TEST

START_TEST(offset_above_the_log_is_a_gap_of_that_partition_only)
{
    int64_t at[2] = {1000, 0}, offset;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_produce(&bed, 1, 0, 20, 20);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    for (int64_t i = 0; i < 20; i++) {
        ck_assert_uint_eq(bed_take(a, &offset), 1);
        ck_assert_int_eq(offset, i);
    }
    bed_await(a, bed_has_gap);
    ck_assert_uint_eq(a->gap_partition, 0);
    ck_assert_int_eq(a->gap_low, 0);
    ck_assert_int_eq(a->gap_high, 20);
    bed_produce(&bed, 1, 20, 5, 5);
    ck_assert_uint_eq(bed_take(a, &offset), 1);
    ck_assert_int_eq(offset, 20);
}
END_TEST

START_TEST(rewind_out_of_a_gap_that_was_not_noticed_yet_is_no_gap)
{
    int64_t at = 1000;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_get_partitions(&bed, a);
    for (int i = 0; i < 5; i++) {
        at = 1000;
        bed_assign(a, &at);
        bed_await(a, bed_was_woken); /* the error lies in the queue, nobody has looked */
        at = 3;
        bed_assign(a, &at);
        bed_expect(a, 3, 20);
    }
    bed_settle(&bed);
    ck_assert_uint_eq(a->gaps, 0);
}
END_TEST

enum { FETCH = 1 }; /* Kafka's number of the request */

START_TEST(offset_that_is_in_the_log_after_all_is_no_gap)
{
    int64_t at = 20;
    bed_produce(&bed, 0, 0, 100, 10);
    bed_get_partitions(&bed, a);
    rd_kafka_mock_push_request_errors(bed.cluster, FETCH, 1, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    bed_assign(a, &at);
    bed_expect(a, 20, 100);
    ck_assert_uint_eq(a->gaps, 0);
    ck_assert_uint_eq(stub_log_count("kafka_reread"), 1);
}
END_TEST

START_TEST(partition_with_fetch_errors_is_read_again_and_none_is_missing)
{
    int64_t at = 0;
    bed_produce(&bed, 0, 0, 100, 10);
    bed_get_partitions(&bed, a);
    rd_kafka_mock_push_request_errors(bed.cluster, FETCH, 2, RD_KAFKA_RESP_ERR_INVALID_MSG,
                                      RD_KAFKA_RESP_ERR_INVALID_MSG);
    bed_assign(a, &at);
    bed_expect(a, 0, 100);
    ck_assert_uint_ge(stub_log_count("kafka_reread"), 1);
}
END_TEST

/* --- a batch with a wrong checksum, as no client would send it --- */

struct bytes {
    uint8_t data[512];
    size_t len;
};

static void put(struct bytes *o, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        o->data[o->len++] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void put_string(struct bytes *o, const char *s)
{
    put(o, strlen(s), 2);
    memcpy(o->data + o->len, s, strlen(s));
    o->len += strlen(s);
}

static void put_batch(struct bytes *o)
{
    static const uint8_t record[] = {7 << 1, 0, 0, 0, 1, 1 << 1, '5', 0}; /* null key, "5" */
    put(o, 61 + sizeof record, 4);
    put(o, 0, 8);                  /* base offset */
    put(o, 49 + sizeof record, 4); /* length */
    put(o, 0, 4);                  /* leader epoch */
    put(o, 2, 1);                  /* magic */
    put(o, 0xbadbad, 4);           /* checksum */
    put(o, 0, 2 + 4);              /* attributes, last offset delta */
    put(o, 0, 8);                  /* first time */
    put(o, 0, 8);                  /* last time */
    put(o, UINT64_MAX, 8);         /* producer */
    put(o, UINT64_MAX, 2 + 4);     /* its epoch, sequence */
    put(o, 1, 4);                  /* records */
    memcpy(o->data + o->len, record, sizeof record);
    o->len += sizeof record;
}

/* Produce v3 of one batch to partition 0. */
static void produce_with_wrong_checksum(void)
{
    struct bytes o = {.len = 4};
    put(&o, 0, 2); /* Produce */
    put(&o, 3, 2);
    put(&o, 1, 4); /* correlation */
    put_string(&o, "test");
    put(&o, UINT64_MAX, 2); /* no transaction */
    put(&o, UINT64_MAX, 2); /* acks = all */
    put(&o, 5000, 4);
    put(&o, 1, 4);
    put_string(&o, BED_TOPIC);
    put(&o, 1, 4);
    put(&o, 0, 4);
    put_batch(&o);
    size_t len = o.len;
    o.len = 0;
    put(&o, len - 4, 4);
    o.len = len;

    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(bed.cluster);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    to.sin_port = htons((uint16_t)atoi(strrchr(bootstrap, ':') + 1));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    ck_assert_int_eq(write(fd, o.data, o.len), (ssize_t)o.len);
    ck_assert_int_gt(read(fd, o.data, sizeof o.data), 0); /* answered: it is in the log */
    close(fd);
}

static bool reads_again(struct member *m)
{
    struct message message;
    ck_assert(!kafka_peek(m->kafka, 0, &message));
    return stub_log_count("kafka_reread") >= 3;
}

START_TEST(nothing_behind_a_wrong_checksum_is_delivered)
{
    int64_t at = 0;
    bed_produce(&bed, 0, 0, 5, 5);
    produce_with_wrong_checksum();
    bed_produce(&bed, 0, 6, 5, 5);
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_expect(a, 0, 5);
    bed_await(a, reads_again);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kafka_fetch");
    TCase *t = bed_case(s, "one", set_up_one, tear_down);
    tcase_add_test(t, assignment_begins_at_the_given_offset);
    tcase_add_test(t, assignment_may_be_answered_late);
    tcase_add_test(t, message_has_key_time_and_payload);
    tcase_add_test(t, messages_left_alone_wait_and_none_is_missing);
    tcase_add_test(t, short_queue_is_refilled_before_librdkafka_looks_by_itself);
    tcase_add_test(t, rewind_delivers_exactly_from_the_offset);
    tcase_add_test(t, rewind_gives_messages_even_if_the_queue_was_never_emptied);
    t = bed_case(s, "trouble", set_up_one, tear_down);
    tcase_add_test(t, offset_below_the_log_is_a_gap);
    tcase_add_test(t, rewind_out_of_a_gap_that_was_not_noticed_yet_is_no_gap);
    tcase_add_test(t, offset_that_is_in_the_log_after_all_is_no_gap);
    tcase_add_test(t, partition_with_fetch_errors_is_read_again_and_none_is_missing);
    tcase_add_test(t, nothing_behind_a_wrong_checksum_is_delivered);
    t = bed_case(s, "two", set_up_two, tear_down);
    tcase_add_test(t, bound_holds_for_all_partitions_together);
    tcase_add_test(t, full_lane_does_not_hold_up_another);
    tcase_add_test(t, lanes_show_a_message_each);
    tcase_add_test(t, partitions_take_turns);
    tcase_add_test(t, stopped_partition_is_not_fetched);
    tcase_add_test(t, offset_above_the_log_is_a_gap_of_that_partition_only);
    return bed_run(s);
}
