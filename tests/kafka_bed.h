/* SPDX-License-Identifier: MIT */
/*
 * A mock cluster, a consumer under test on a loop of its own, and a record of all that it told.
 * Every wait runs the loop until a condition holds; one that does not come true fails the test.
 */
#ifndef TICKD_KAFKA_BED_H
#define TICKD_KAFKA_BED_H

#include "kafka.h"
#include <check.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define BED_TOPIC "market_ticks"

struct bed;

/* A consumer and what it called back. */
struct member {
    struct bed *bed;
    struct kafka *kafka;
    struct offsets given; /* of the last on_assign */
    unsigned assigns, revokes, messages, gaps, ups, downs, fatals, closes, starts;
    bool lost;
    bool up;
    uint32_t gap_partition;
    int64_t gap_low, gap_high;
    char why[256];
    struct offsets start; /* of the last kafka_find_start() */
    char start_error[256];
    bool answer_at_once;  /* assigns from 0 and releases from inside the callbacks */
    bool release_at_once; /* releases only */
};

struct bed {
    struct ev_loop *loop;
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *producer;
    struct config config;
    struct config_property properties[16];
    struct member a, b;
    unsigned threads; /* without consumers */
};

/* A cluster of one broker with BED_TOPIC of so many partitions (0: no topic). */
void bed_init(struct bed *b, int partitions);
/* Frees the members too. */
void bed_fini(struct bed *b);

/* For consumers made from now on. Strings are borrowed. */
void bed_set(struct bed *b, const char *name, const char *value, const char *origin);

/* Makes a consumer; joins the group. */
void bed_open(struct bed *b, struct member *m);
void bed_join(struct bed *b, struct member *m);
/* Opens, joins, and waits until partitions are given (not yet assigned). */
void bed_get_partitions(struct bed *b, struct member *m);

typedef bool bed_condition(struct member *m);
void bed_await(struct member *m, bed_condition *condition);
/* Runs the loop until the consumer's own timer has come round, and so all that was due. */
void bed_settle(struct bed *b);

/* Conditions. */
bed_condition bed_is_up, bed_is_down, bed_is_content, bed_is_closed;
bed_condition bed_has_partitions, bed_must_release;
bed_condition bed_was_woken, bed_has_message, bed_has_ten;
bed_condition bed_has_gap; /* and nothing comes before that */
bed_condition bed_has_start;

/* Partitions 0 .. count - 1 of BED_TOPIC. */
void bed_want(struct offsets *o, int32_t count);
/* Asks kafka_find_start() for them and waits for the answer. */
void bed_find_start(struct member *m, int32_t count);
/* Callbacks that keep what they are told in the member. */
void bed_on_start(void *ctx, const struct offsets *found, const char *error);
void bed_on_closed(void *ctx);

/* A test case with patience, and the main() of a test program. */
TCase *bed_case(Suite *s, const char *name, void (*set_up)(void), void (*tear_down)(void));
int bed_run(Suite *s);

/* Messages whose payload is their number, in batches of `batch`, delivered when it returns. */
void bed_produce(struct bed *b, int32_t partition, int64_t from, int64_t count, int batch);
/* One message of `len` bytes. */
void bed_produce_bytes(struct bed *b, int32_t partition, const void *key, const void *payload,
                       size_t len);

/* Assigns all given partitions at these offsets. */
void bed_assign(struct member *m, const int64_t *offsets);

/* Takes the next message, waiting for it; returns the partition. The payload is checked to be the
 * offset. */
uint32_t bed_take(struct member *m, int64_t *offset);
/* Takes [from, to) of the only partition, and nothing else may come between. */
void bed_expect(struct member *m, int64_t from, int64_t to);

#endif
