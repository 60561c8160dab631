/* SPDX-License-Identifier: MIT */
/*
 * Where the logs of the assigned partitions begin and end, as known without waiting.
 *
 * Ends come with what is fetched; but when nothing is fetched, because nobody takes it, they must
 * be asked for, and beginnings always. kafka_ends_ask() does so in a thread. Loop thread only.
 */
#ifndef TICKD_KAFKA_ENDS_H
#define TICKD_KAFKA_ENDS_H

#include "kafka_ask.h"
#include <stdint.h>

struct kafka_ends_table;

/* The client is borrowed. */
struct kafka_ends_table *kafka_ends_new(struct ev_loop *loop, struct kafka_client *client);
void kafka_ends_free(struct kafka_ends_table *t);

/* Asks the brokers, unless that is under way. The answer replaces the one before. */
void kafka_ends_ask(struct kafka_ends_table *t, const struct offsets *o);

/* What is known of a partition; OFFSETS_UNKNOWN where nothing is. */
struct kafka_ends kafka_ends_get(const struct kafka_ends_table *t, const char *topic, int32_t id);

#endif
