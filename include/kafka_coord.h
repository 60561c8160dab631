/* SPDX-License-Identifier: MIT */
/*
 * Whether librdkafka looks for the group's coordinator where it no longer is. Pure.
 *
 * librdkafka (2.0.2) learns a coordinator's address when it learns which broker
 * that is, and not again as long as it is the same broker. If that broker comes back under another
 * address, the client finds all else, and knocks at the old address for ever. Only a new client
 * finds the coordinator.
 *
 * So the address in librdkafka's complaints is remembered, and looked for among the addresses that
 * the brokers have by their own account.
 */
#ifndef TICKD_KAFKA_COORD_H
#define TICKD_KAFKA_COORD_H

#include <stdbool.h>

struct kafka_coord {
    char address[272]; /* host:port that it was last looked for in vain, "" if there was none */
    unsigned absent;   /* how often in a row no broker had it */
};

/* librdkafka has trouble with a broker; the coordinator's is remembered. */
void kafka_coord_note(struct kafka_coord *c, const char *trouble);

/* It was found: the group has answered. */
void kafka_coord_forget(struct kafka_coord *c);

/* True if there was trouble since it was found. */
bool kafka_coord_is_suspect(const struct kafka_coord *c);

/* The brokers have these addresses, each with a blank before and behind it: " a:1 b:2 ". */
void kafka_coord_see(struct kafka_coord *c, const char *brokers);

/* No broker has had the address for so long that it will not be seen again. */
bool kafka_coord_is_gone(const struct kafka_coord *c);

#endif
