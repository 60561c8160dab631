/* SPDX-License-Identifier: MIT */
/* links: kafka_bed.o stub_log.o kafka.o kafka_ask.o kafka_bell.o kafka_commit.o kafka_conf.o kafka_coord.o kafka_ends.o kafka_fetch.o kafka_group.o kafka_link.o kafka_log.o kafka_mend.o kafka_trouble.o offsets.o err.o clock.o */
#include "kafka_bed.h"
#include "stub_log.h"

#include <check.h>
#include <string.h>

static struct bed bed;
static struct member *const a = &bed.a;
static struct member *const b = &bed.b;

static void set_up_one(void)
{
    bed_init(&bed, 1);
}

static void set_up_two(void)
{
    bed_init(&bed, 2);
}

static void set_up_none(void)
{
    bed_init(&bed, 0);
}

static void tear_down(void)
{
    bed_fini(&bed);
}

static bool both_have_partitions(struct member *m)
{
    (void)m;
    return bed_has_partitions(a) && bed_has_partitions(b);
}

static bool misses_topic(struct member *m)
{
    (void)m;
    return stub_log_count("kafka_topic_missing") > 0;
}

/* --- group --- */

START_TEST(second_member_takes_partitions_over_when_they_are_released)
{
    int64_t at[2] = {0, 0};
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    b->answer_at_once = true;
    bed_join(&bed, b);
    bed_await(a, bed_must_release);
    ck_assert(!a->lost);
    bed_settle(&bed); /* the answer comes late */
    ck_assert_uint_eq(b->assigns, 0);
    a->answer_at_once = true;
    kafka_release(a->kafka);
    bed_await(a, both_have_partitions);
    ck_assert_uint_eq(a->given.count, 1);
    ck_assert_uint_eq(b->given.count, 1);
    ck_assert_int_ne(a->given.items[0].id, b->given.items[0].id);
}
END_TEST

static bool is_answered_without_us(struct member *m)
{
    (void)m;
    return stub_log_count("kafka_assign_waits") > 0;
}

START_TEST(group_does_not_wait_for_a_member_without_offsets)
{
    /* The mock elects a second before a session ends: later than a answers. */
    bed_set(&bed, "session.timeout.ms", "20000", "test");
    bed_get_partitions(&bed, a); /* and a does not answer */
    bed_join(&bed, b);
    bed_await(a, bed_must_release);
    ck_assert(!a->lost);
    ck_assert_uint_eq(a->given.count, 2);
}
END_TEST

START_TEST(partitions_start_when_their_offsets_come_however_late)
{
    int64_t at = 3;
    bed_produce(&bed, 0, 0, 10, 10);
    bed_get_partitions(&bed, a);
    bed_await(a, is_answered_without_us);
    bed_settle(&bed);
    ck_assert_uint_eq(a->messages, 0);
    bed_assign(a, &at);
    bed_expect(a, 3, 10);
}
END_TEST

START_TEST(nothing_is_delivered_between_revoke_and_the_next_assignment)
{
    int64_t at[2] = {0, 0};
    struct message m;
    bed_produce(&bed, 0, 0, 100, 10);
    bed_produce(&bed, 1, 0, 100, 10);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    bed_await(a, bed_has_ten);
    b->answer_at_once = true;
    bed_join(&bed, b);
    bed_await(a, bed_must_release);
    ck_assert(!kafka_peek(a->kafka, 0, &m));
    bed_assign(a, at); /* too late: not heard */
    bed_settle(&bed);
    ck_assert(!kafka_peek(a->kafka, 0, &m));
    a->release_at_once =
        true; /* who joins too slowly for the first generation makes a further one */
    kafka_release(a->kafka);
    bed_await(a, both_have_partitions);
    ck_assert(!kafka_peek(a->kafka, 0, &m));
}
END_TEST

static bool one_has_all_and_both_are_content(struct member *m)
{
    (void)m;
    return bed_has_partitions(a) != bed_has_partitions(b) && bed_is_content(a) && bed_is_content(b);
}

START_TEST(member_without_a_partition_is_content)
{
    a->answer_at_once = b->answer_at_once = true;
    bed_get_partitions(&bed, a);
    bed_join(&bed, b);
    bed_await(a, bed_must_release);
    bed_await(a, one_has_all_and_both_are_content);
}
END_TEST

enum { HEARTBEAT = 12 }; /* Kafka's number of the request */

START_TEST(lost_assignment_is_told_as_lost)
{
    int64_t at[2] = {0, 0};
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    rd_kafka_mock_push_request_errors(bed.cluster, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    bed_await(a, bed_must_release);
    ck_assert(a->lost);
    kafka_release(a->kafka);
    bed_await(a, bed_has_partitions);
    ck_assert_uint_eq(a->assigns, 2);
}
END_TEST

static bool is_fatal(struct member *m)
{
    return m->fatals > 0;
}

START_TEST(fenced_static_member_is_fatal_and_can_be_closed)
{
    int64_t at[2] = {0, 0};
    bed_set(&bed, "group.instance.id", "one", "test");
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    rd_kafka_mock_push_request_errors(bed.cluster, HEARTBEAT, 2,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    bed_await(a, is_fatal);
    bed_settle(&bed);
    ck_assert_uint_eq(a->fatals, 1);
    ck_assert_str_ne(a->why, "");
    kafka_close(a->kafka, bed_on_closed, a);
    bed_await(a, bed_is_closed);
}
END_TEST

START_TEST(topic_that_appears_later_is_found)
{
    int64_t at[2] = {0, 0};
    rd_kafka_mock_topic_create(bed.cluster, BED_TOPIC, 2, 1); /* else the mock makes it */
    rd_kafka_mock_topic_set_error(bed.cluster, BED_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    bed_join(&bed, a);
    bed_await(a, bed_is_up);
    bed_await(a, misses_topic);
    bed_settle(&bed);
    bed_settle(&bed);
    ck_assert_uint_eq(stub_log_count("kafka_topic_missing"), 1);
    ck_assert_ptr_nonnull(strstr(kafka_waits_for(a->kafka), "topic: "));
    ck_assert_ptr_nonnull(strstr(kafka_waits_for(a->kafka), BED_TOPIC));
    rd_kafka_mock_topic_set_error(bed.cluster, BED_TOPIC, RD_KAFKA_RESP_ERR_NO_ERROR);
    bed_await(a, bed_has_partitions);
    bed_assign(a, at);
    bed_produce(&bed, 1, 0, 3, 1);
    int64_t offset;
    ck_assert_uint_eq(bed_take(a, &offset), 1);
    ck_assert_ptr_null(kafka_waits_for(a->kafka));
}
END_TEST

/* --- brokers --- */

START_TEST(brokers_that_go_and_come_are_noticed_and_reading_goes_on)
{
    int64_t at = 0;
    bed_set(&bed, "session.timeout.ms", "30000", "test"); /* longer than they are away */
    bed_produce(&bed, 0, 0, 20, 20);
    bed_get_partitions(&bed, a);
    bed_await(a, bed_is_up);
    bed_assign(a, &at);
    bed_expect(a, 0, 20);
    for (unsigned round = 1; round <= 2; round++) {
        rd_kafka_mock_broker_set_down(bed.cluster, 1);
        bed_await(a, bed_is_down);
        ck_assert_uint_eq(a->downs, round);
        ck_assert_str_ne(a->why, "");
        ck_assert_ptr_nonnull(strstr(kafka_waits_for(a->kafka), "brokers: "));
        rd_kafka_mock_broker_set_up(bed.cluster, 1);
        bed_await(a, bed_is_up);
        ck_assert_uint_eq(a->ups, round + 1);
        bed_produce(&bed, 0, 20 * round, 20, 20);
        bed_expect(a, 20 * round, 20 * round + 20);
    }
    ck_assert_uint_eq(stub_log_count("kafka_up"), 3);
    ck_assert_uint_eq(stub_log_count("kafka_down"), 2);
}
END_TEST

START_TEST(broker_that_was_never_there_is_down_and_waited_for)
{
    int64_t at = 0;
    rd_kafka_mock_broker_set_down(bed.cluster, 1);
    bed_join(&bed, a);
    bed_await(a, bed_is_down);
    ck_assert_uint_eq(a->ups, 0);
    rd_kafka_mock_broker_set_up(bed.cluster, 1);
    bed_await(a, bed_is_up);
    bed_await(a, bed_has_partitions);
    bed_produce(&bed, 0, 0, 5, 5);
    bed_assign(a, &at);
    bed_expect(a, 0, 5);
}
END_TEST

/* --- start offsets, commits --- */

static void on_start_unwanted(void *ctx, const struct offsets *found, const char *error)
{
    (void)ctx, (void)found, (void)error;
    ck_abort_msg("answer to an older question");
}

START_TEST(start_without_commit_is_the_begin_or_the_end_of_the_log)
{
    bed_produce(&bed, 0, 0, 20, 20);
    bed_produce(&bed, 1, 0, 30, 30);
    bed_open(&bed, a);
    bed_find_start(a, 2);
    ck_assert_str_eq(a->start_error, "");
    ck_assert_int_eq(a->start.items[0].expected, 0);
    ck_assert_int_eq(a->start.items[1].expected, 0);
    kafka_free(a->kafka);
    bed.config.start_from = START_LATEST;
    bed_open(&bed, a);
    bed_find_start(a, 2);
    ck_assert_int_eq(a->start.items[0].expected, 20);
    ck_assert_int_eq(a->start.items[1].expected, 30);
}
END_TEST

static bool commit_is_found(struct member *m)
{
    bed_find_start(a, 2);
    return m->start.items[0].expected == 11;
}

START_TEST(start_with_commit_is_the_committed_offset)
{
    int64_t at[2] = {0, 0};
    bed.config.start_from = START_LATEST;
    bed_produce(&bed, 0, 0, 20, 20);
    bed_produce(&bed, 1, 0, 30, 30);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    bed_await(a, bed_is_up);
    a->given.items[0].durable = 11; /* the other one has nothing durable */
    kafka_commit(a->kafka, &a->given);
    bed_await(a, commit_is_found);
    ck_assert_int_eq(a->start.items[1].expected, 30);
    ck_assert_uint_eq(stub_log_count("kafka_commit_failed"), 0);
}
END_TEST

START_TEST(offsets_are_committed_before_partitions_are_given_up)
{
    int64_t at[2] = {0, 0};
    bed_produce(&bed, 0, 0, 20, 20);
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    bed_await(a, bed_is_up);
    kafka_close(a->kafka, bed_on_closed, a);
    bed_await(a, bed_must_release);
    a->given.items[0].durable = 11;
    kafka_commit(a->kafka, &a->given);
    kafka_release(a->kafka);
    bed_await(a, bed_is_closed);
    kafka_free(a->kafka);
    bed_open(&bed, a);
    bed_find_start(a, 2);
    ck_assert_int_eq(a->start.items[0].expected, 11);
}
END_TEST

START_TEST(only_the_newest_question_is_answered)
{
    struct offsets wanted;
    bed_want(&wanted, 2);
    bed_open(&bed, a);
    for (int i = 0; i < 5; i++)
        kafka_find_start(a->kafka, &wanted, on_start_unwanted, a);
    kafka_find_start(a->kafka, &wanted, bed_on_start, a);
    ck_assert_uint_eq(a->starts, 0); /* never from inside the call */
    bed_await(a, bed_has_start);
    bed_settle(&bed);
    ck_assert_uint_eq(a->starts, 1);
    offsets_fini(&wanted);
}
END_TEST

START_TEST(question_that_no_broker_answers_fails)
{
    rd_kafka_mock_broker_set_down(bed.cluster, 1);
    bed_open(&bed, a);
    bed_find_start(a, 2);
    ck_assert_str_ne(a->start_error, "");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kafka");
    TCase *t = bed_case(s, "alone", set_up_one, tear_down);
    tcase_add_test(t, member_without_a_partition_is_content);
    tcase_add_test(t, brokers_that_go_and_come_are_noticed_and_reading_goes_on);
    tcase_add_test(t, broker_that_was_never_there_is_down_and_waited_for);
    tcase_add_test(t, partitions_start_when_their_offsets_come_however_late);
    tcase_add_test(t, question_that_no_broker_answers_fails);
    t = bed_case(s, "group", set_up_two, tear_down);
    tcase_add_test(t, second_member_takes_partitions_over_when_they_are_released);
    tcase_add_test(t, group_does_not_wait_for_a_member_without_offsets);
    tcase_add_test(t, nothing_is_delivered_between_revoke_and_the_next_assignment);
    tcase_add_test(t, lost_assignment_is_told_as_lost);
    tcase_add_test(t, fenced_static_member_is_fatal_and_can_be_closed);
    t = bed_case(s, "offsets", set_up_two, tear_down);
    tcase_add_test(t, start_without_commit_is_the_begin_or_the_end_of_the_log);
    tcase_add_test(t, start_with_commit_is_the_committed_offset);
    tcase_add_test(t, offsets_are_committed_before_partitions_are_given_up);
    tcase_add_test(t, only_the_newest_question_is_answered);
    t = bed_case(s, "none", set_up_none, tear_down);
    tcase_add_test(t, topic_that_appears_later_is_found);
    return bed_run(s);
}
