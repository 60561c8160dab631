/* SPDX-License-Identifier: MIT */
/* links: offsets.o err.o */
#include "offsets.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct offsets o;

static void set_up(void)
{
    offsets_init(&o);
}

static void tear_down(void)
{
    offsets_fini(&o);
}

START_TEST(new_partition_knows_nothing_yet)
{
    ck_assert_uint_eq(offsets_add(&o, "ticks", 3), 0);
    ck_assert_uint_eq(o.count, 1);
    const struct partition *p = &o.items[0];
    ck_assert_str_eq(p->topic, "ticks");
    ck_assert_int_eq(p->id, 3);
    ck_assert_int_eq(p->durable, OFFSETS_UNKNOWN);
    ck_assert_int_eq(p->expected, OFFSETS_UNKNOWN);
    ck_assert_int_eq(p->gap_low, OFFSETS_UNKNOWN);
    ck_assert(!p->stopped);
}
END_TEST

START_TEST(index_is_the_order_of_adding)
{
    char topic[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(topic, sizeof topic, "t%d", i / 10);
        ck_assert_uint_eq(offsets_add(&o, topic, i % 10), (size_t)i);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(topic, sizeof topic, "t%d", i / 10);
        ck_assert_uint_eq(offsets_find(&o, topic, i % 10), (size_t)i);
    }
}
END_TEST

START_TEST(found_only_by_topic_and_number_together)
{
    offsets_add(&o, "a", 1);
    offsets_add(&o, "b", 2);
    ck_assert_uint_eq(offsets_find(&o, "a", 2), o.count);
    ck_assert_uint_eq(offsets_find(&o, "b", 1), o.count);
    ck_assert_uint_eq(offsets_find(&o, "A", 1), o.count);
    ck_assert_uint_eq(offsets_find(&o, "b", 2), 1);
}
END_TEST

START_TEST(topic_may_be_as_long_as_kafka_allows)
{
    char topic[OFFSETS_TOPIC_MAX + 1];
    memset(topic, 't', OFFSETS_TOPIC_MAX);
    topic[OFFSETS_TOPIC_MAX] = '\0';
    offsets_add(&o, topic, 0);
    ck_assert_str_eq(o.items[0].topic, topic);
    ck_assert_uint_eq(offsets_find(&o, topic, 0), 0);
}
END_TEST

START_TEST(cleared_is_empty_and_added_anew_is_unknown)
{
    offsets_add(&o, "a", 0);
    o.items[0].durable = o.items[0].expected = 7;
    o.items[0].stopped = true;
    offsets_clear(&o);
    ck_assert_uint_eq(o.count, 0);
    ck_assert_uint_eq(offsets_find(&o, "a", 0), 0);
    ck_assert_uint_eq(offsets_add(&o, "a", 0), 0);
    ck_assert_int_eq(o.items[0].durable, OFFSETS_UNKNOWN);
    ck_assert(!o.items[0].stopped);
}
END_TEST

START_TEST(copy_is_independent)
{
    struct offsets copy;
    offsets_init(&copy);
    offsets_add(&copy, "old", 9);
    offsets_add(&o, "a", 0);
    offsets_add(&o, "b", 1);
    o.items[1].expected = 42;
    offsets_copy(&copy, &o);
    o.items[1].expected = 43;
    offsets_clear(&o);
    ck_assert_uint_eq(copy.count, 2);
    ck_assert_str_eq(copy.items[0].topic, "a");
    ck_assert_int_eq(copy.items[1].expected, 42);
    offsets_fini(&copy);
}
END_TEST

START_TEST(copy_of_nothing_is_empty)
{
    struct offsets copy;
    offsets_init(&copy);
    offsets_add(&copy, "old", 9);
    offsets_copy(&copy, &o);
    ck_assert_uint_eq(copy.count, 0);
    offsets_fini(&copy);
    offsets_init(&copy);
    offsets_copy(&copy, &o);
    ck_assert_uint_eq(copy.count, 0);
    offsets_fini(&copy);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("offsets");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, new_partition_knows_nothing_yet);
    tcase_add_test(t, index_is_the_order_of_adding);
    tcase_add_test(t, found_only_by_topic_and_number_together);
    tcase_add_test(t, topic_may_be_as_long_as_kafka_allows);
    tcase_add_test(t, cleared_is_empty_and_added_anew_is_unknown);
    tcase_add_test(t, copy_is_independent);
    tcase_add_test(t, copy_of_nothing_is_empty);
    Suite *s = suite_create("offsets");
    suite_add_tcase(s, t);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
