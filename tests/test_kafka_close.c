/* SPDX-License-Identifier: MIT */
/* links: kafka_bed.o stub_log.o kafka.o kafka_ask.o kafka_bell.o kafka_commit.o kafka_conf.o kafka_coord.o kafka_ends.o kafka_fetch.o kafka_group.o kafka_link.o kafka_log.o kafka_mend.o kafka_trouble.o offsets.o err.o clock.o */
#include "kafka_ask.h"
#include "kafka_bed.h"
#include "stub_log.h"

#include <check.h>
#include <dirent.h>

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

static void tear_down(void)
{
    bed_fini(&bed);
}

static void on_start_unwanted(void *ctx, const struct offsets *found, const char *error)
{
    (void)ctx, (void)found, (void)error;
    ck_abort_msg("answer to an older question");
}

/* --- the end, from every state --- */

static void close_and_free(struct member *m)
{
    kafka_close(m->kafka, bed_on_closed, m);
    ck_assert_uint_eq(m->closes, 0); /* never from inside the call */
    bed_await(m, bed_is_closed);
    bed_settle(&bed);
    ck_assert_uint_eq(m->closes, 1);
    ck_assert_uint_eq(m->assigns, m->revokes);
    kafka_free(m->kafka);
    m->kafka = NULL;
}

START_TEST(close_before_joining)
{
    bed_open(&bed, a);
    close_and_free(a);
}
END_TEST

START_TEST(close_while_joining)
{
    bed_join(&bed, a);
    bed_await(a, bed_is_up);
    a->answer_at_once = true;
    close_and_free(a);
}
END_TEST

START_TEST(close_with_an_assignment_unanswered)
{
    bed_get_partitions(&bed, a);
    a->answer_at_once = true;
    close_and_free(a);
}
END_TEST

START_TEST(close_while_reading)
{
    int64_t at = 0;
    bed_produce(&bed, 0, 0, 100, 10);
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_expect(a, 0, 50);
    a->answer_at_once = true;
    close_and_free(a);
}
END_TEST

START_TEST(close_waits_for_the_release)
{
    int64_t at = 0;
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    kafka_close(a->kafka, bed_on_closed, a);
    bed_await(a, bed_must_release);
    bed_settle(&bed);
    ck_assert_uint_eq(a->closes, 0);
    kafka_release(a->kafka);
    bed_await(a, bed_is_closed);
}
END_TEST

START_TEST(close_with_a_revocation_unanswered)
{
    int64_t at[2] = {0, 0};
    bed_get_partitions(&bed, a);
    bed_assign(a, at);
    b->answer_at_once = true;
    bed_join(&bed, b);
    bed_await(a, bed_must_release);
    kafka_close(a->kafka, bed_on_closed, a);
    bed_settle(&bed);
    ck_assert_uint_eq(a->closes, 0);
    kafka_release(a->kafka);
    bed_await(a, bed_is_closed);
    ck_assert_uint_eq(a->revokes, 1);
}
END_TEST

START_TEST(close_in_a_gap)
{
    int64_t at = 1000;
    bed_get_partitions(&bed, a);
    bed_assign(a, &at);
    bed_await(a, bed_has_gap);
    a->answer_at_once = true;
    close_and_free(a);
}
END_TEST

START_TEST(successor_gets_partitions_at_once_after_close)
{
    bed_get_partitions(&bed, a);
    a->answer_at_once = true;
    close_and_free(a);
    bed_get_partitions(&bed, b);
}
END_TEST

START_TEST(free_in_every_state)
{
    int64_t at = 0;
    struct message m;
    struct offsets wanted;
    bed_want(&wanted, 1);
    bed_produce(&bed, 0, 0, 100, 10);

    bed_open(&bed, a); /* not joined */
    kafka_free(a->kafka);
    bed_join(&bed, a); /* joining, a question on the way */
    kafka_find_start(a->kafka, &wanted, on_start_unwanted, a);
    kafka_free(a->kafka);
    bed_join(&bed, a); /* given, unanswered */
    bed_await(a, bed_has_partitions);
    kafka_free(a->kafka);
    bed_get_partitions(&bed, a); /* reading, a message shown */
    bed_assign(a, &at);
    bed_await(a, bed_has_ten);
    ck_assert(kafka_peek(a->kafka, 0, &m));
    kafka_free(a->kafka);
    bed_get_partitions(&bed, a); /* closing */
    bed_assign(a, &at);
    kafka_close(a->kafka, bed_on_closed, a);
    kafka_free(a->kafka);
    a->kafka = NULL;
    kafka_free(NULL);
    offsets_fini(&wanted);
    ck_assert_uint_eq(a->closes, 0);
}
END_TEST

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static unsigned fds_before, threads_before;

static bool has_fds_back(struct member *m)
{
    (void)m;
    return count_entries("/proc/self/fd") <= fds_before;
}

static bool has_threads_back(struct member *m)
{
    (void)m;
    return count_entries("/proc/self/task") <= threads_before;
}

START_TEST(free_leaves_a_question_that_no_broker_answers_behind)
{
    struct offsets wanted;
    bed_want(&wanted, 1);
    rd_kafka_mock_broker_set_down(bed.cluster, 1);
    threads_before = count_entries("/proc/self/task");
    bed_join(&bed, a);
    bed_await(a, bed_is_down);
    kafka_find_start(a->kafka, &wanted, on_start_unwanted, a);
    offsets_fini(&wanted);
    kafka_free(a->kafka);
    a->kafka = NULL;
    ck_assert(!has_threads_back(a)); /* the thread goes on asking, and has the client with it */
    ck_assert(kafka_clients_remain());
    bed_await(a, has_threads_back);
    ck_assert(!kafka_clients_remain());
}
END_TEST

START_TEST(loop_may_end_before_a_question_does)
{
    struct ev_loop *loop = bed.loop;
    struct offsets wanted;
    bed_want(&wanted, 1);
    rd_kafka_mock_broker_set_down(bed.cluster, 1);
    threads_before = count_entries("/proc/self/task");
    bed.loop = ev_loop_new(EVFLAG_AUTO);
    bed_open(&bed, a);
    kafka_find_start(a->kafka, &wanted, on_start_unwanted, a);
    offsets_fini(&wanted);
    kafka_free(a->kafka);
    a->kafka = NULL;
    ev_loop_destroy(bed.loop);
    bed.loop = loop;
    bed_await(a, has_threads_back); /* and the thread has not touched the loop: see sanitizers */
}
END_TEST

START_TEST(file_descriptors_come_back)
{
    enum { LEAK_OF_ONE = 20 };
    fds_before = count_entries("/proc/self/fd") + LEAK_OF_ONE / 2; /* the producer connects late */
    for (int i = 0; i < LEAK_OF_ONE; i++) {
        bed_join(&bed, a);
        if (i % 2 == 0)
            bed_find_start(a, 1);
        kafka_free(a->kafka);
        a->kafka = NULL;
    }
    bed_await(a, has_fds_back); /* the broker closes its ends when it notices */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kafka_close");
    TCase *t = bed_case(s, "close", set_up_one, tear_down);
    tcase_add_test(t, close_before_joining);
    tcase_add_test(t, close_while_joining);
    tcase_add_test(t, close_with_an_assignment_unanswered);
    tcase_add_test(t, close_while_reading);
    tcase_add_test(t, close_waits_for_the_release);
    tcase_add_test(t, close_in_a_gap);
    tcase_add_test(t, successor_gets_partitions_at_once_after_close);
    t = bed_case(s, "free", set_up_one, tear_down);
    tcase_add_test(t, free_in_every_state);
    tcase_add_test(t, free_leaves_a_question_that_no_broker_answers_behind);
    tcase_add_test(t, loop_may_end_before_a_question_does);
    tcase_add_test(t, file_descriptors_come_back);
    t = bed_case(s, "two", set_up_two, tear_down);
    tcase_add_test(t, close_with_a_revocation_unanswered);
    return bed_run(s);
}
