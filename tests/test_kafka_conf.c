/* SPDX-License-Identifier: MIT */
/* links: kafka_bed.o stub_log.o kafka.o kafka_ask.o kafka_bell.o kafka_commit.o kafka_conf.o kafka_coord.o kafka_ends.o kafka_fetch.o kafka_group.o kafka_link.o kafka_log.o kafka_mend.o kafka_trouble.o offsets.o err.o clock.o */
#include "kafka_bed.h"
#include "kafka_conf.h"
#include "stub_log.h"

#include <check.h>
#include <string.h>

static struct bed bed;
static struct member *const a = &bed.a;

static void set_up_none(void)
{
    bed_init(&bed, 0);
}

static void tear_down(void)
{
    bed_fini(&bed);
}

/* --- configuration --- */

static const char *refusal(void)
{
    static struct err e;
    struct kafka_callbacks callbacks = {0};
    bool misconfigured = false;
    struct kafka *k = kafka_new(bed.loop, &bed.config, &callbacks, &misconfigured, &e);
    ck_assert_ptr_null(k);
    ck_assert(misconfigured);
    return e.text;
}

START_TEST(unknown_property_is_named_with_its_origin)
{
    bed_set(&bed, "no.such.thing", "1", "tickd.conf:12");
    ck_assert_str_eq(refusal(), "tickd.conf:12: kafka.no.such.thing: "
                                "No such configuration property: \"no.such.thing\"");
}
END_TEST

START_TEST(bad_value_is_named_with_its_origin)
{
    bed_set(&bed, "check.crcs", "perhaps", "environment KAFKA_CHECK_CRCS");
    const char *why = refusal();
    ck_assert_msg(strstr(why, "environment KAFKA_CHECK_CRCS: kafka.check.crcs: ") == why, "%s",
                  why);
    ck_assert_ptr_nonnull(strstr(why, "Expected bool"));
}
END_TEST

START_TEST(properties_at_odds_are_named_with_their_origins)
{
    bed_set(&bed, "max.poll.interval.ms", "1000", "tickd.conf:7");
    bed_set(&bed, "session.timeout.ms", "2000", "--kafka.session.timeout.ms");
    const char *why = refusal();
    ck_assert_msg(strstr(why, "kafka.max.poll.interval.ms is from tickd.conf:7"), "%s", why);
    ck_assert_ptr_nonnull(strstr(why, "--kafka.session.timeout.ms"));
}
END_TEST

START_TEST(no_brokers_and_no_topics_are_refused)
{
    char nothing[] = " , ", many[] = "one, two,,three two";
    bed.config.topics = nothing;
    ck_assert_str_eq(refusal(), "topics: no topic is named");
    char longer[300];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    bed.config.topics = longer;
    ck_assert_str_eq(refusal(), "topics: a name of 299 characters; Kafka allows 249");
    bed.config.topics = many;
    bed.config.kafka_count = 0;
    ck_assert_ptr_nonnull(strstr(refusal(), "kafka.bootstrap.servers is not set"));
}
END_TEST

START_TEST(operators_property_goes_over_tickds_default)
{
    /* Refused only together: max.poll.interval.ms would allow tickd's session timeout. */
    bed_set(&bed, "metadata.max.age.ms", "100", "tickd.conf:3");
    bed_set(&bed, "fetch.message.max.bytes", "100000", "tickd.conf:4");
    bed_open(&bed, a);
    kafka_free(a->kafka);
    a->kafka = NULL;
    bed_set(&bed, "fetch.message.max.bytes", "0", "tickd.conf:5");
    ck_assert_ptr_nonnull(strstr(refusal(), "tickd.conf:5: kafka.fetch.message.max.bytes"));
}
END_TEST

/* What a client gets whose batches may wait so long. */
static void assert_waiting(int64_t linger_ms, int64_t gather_ms, const char *min_bytes,
                           const char *wait_ms)
{
    ck_assert_int_eq(kafka_conf_gather_ms(linger_ms), gather_ms);
    struct err e;
    char value[32];
    size_t size = sizeof value;
    bed.config.linger_ms = linger_ms;
    rd_kafka_t *rk = kafka_conf_client(&bed.config, &e);
    ck_assert_msg(rk != NULL, "%s", e.text);
    rd_kafka_conf_get(rd_kafka_conf(rk), "fetch.min.bytes", value, &size);
    ck_assert_str_eq(value, min_bytes);
    size = sizeof value;
    rd_kafka_conf_get(rd_kafka_conf(rk), "fetch.wait.max.ms", value, &size);
    ck_assert_str_eq(value, wait_ms);
    rd_kafka_destroy(rk);
}

START_TEST(fetch_waits_as_long_as_a_batch_may)
{
    bed.config.kafka_count = 1; /* the brokers */
    assert_waiting(1000, 100, "32768", "100");
    assert_waiting(40, 40, "32768", "40");
    assert_waiting(10, 0, "1", "100");
    assert_waiting(0, 0, "1", "100");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("kafka_conf");
    TCase *t = bed_case(s, "none", set_up_none, tear_down);
    tcase_add_test(t, unknown_property_is_named_with_its_origin);
    tcase_add_test(t, bad_value_is_named_with_its_origin);
    tcase_add_test(t, properties_at_odds_are_named_with_their_origins);
    tcase_add_test(t, no_brokers_and_no_topics_are_refused);
    tcase_add_test(t, operators_property_goes_over_tickds_default);
    tcase_add_test(t, fetch_waits_as_long_as_a_batch_may);
    return bed_run(s);
}
