/* SPDX-License-Identifier: MIT */
/*
 * Whether brokers can be reached.
 *
 * While it is not up, and after any trouble with a broker, metadata are asked for at the next tick,
 * in a thread: up means that a broker answered, down that none did, or that librdkafka says
 * ALL_BROKERS_DOWN - which it does sooner, but not always. (Messages prove nothing, they may have
 * been fetched before; statistics would cost time all day long.)
 *
 * It also knows when only a new client will find a broker again: the group's coordinator is looked
 * for where it no longer is (kafka_coord.h), or librdkafka has forgotten all brokers.
 */
#ifndef TICKD_KAFKA_LINK_H
#define TICKD_KAFKA_LINK_H

#include "kafka_ask.h"
#include <stdbool.h>

struct kafka_link;

struct kafka_link_callbacks {
    void (*on_up)(void *ctx);
    void (*on_down)(void *ctx, const char *why);
    void *ctx;
};

/* The client is borrowed. */
struct kafka_link *kafka_link_new(struct ev_loop *loop, struct kafka_client *client,
                                  const struct kafka_link_callbacks *callbacks);
void kafka_link_free(struct kafka_link *l);

/* Asks whether a broker is there, if that is in doubt, or if the coordinator is and is needed. */
void kafka_link_tick(struct kafka_link *l, bool needs_coordinator);

/* Something tells that brokers may be away, without a word of trouble from librdkafka. */
void kafka_link_doubt(struct kafka_link *l);

/* The group has answered: the coordinator was found. */
void kafka_link_found_coordinator(struct kafka_link *l);

/* The coordinator is looked for at this address, which no broker has any more; NULL if not so. Only
 * a new client finds it. Valid until the next call. */
const char *kafka_link_gone_coordinator(const struct kafka_link *l);

/* Brokers have answered, and none does any more, so that librdkafka may know none: a new client
 * begins again with kafka.bootstrap.servers. */
bool kafka_link_has_forgotten(const struct kafka_link *l);

/* There is a new client, which knows no coordinator yet. */
void kafka_link_renew(struct kafka_link *l, struct kafka_client *client);

/* A broker gave this trouble; the last one explains why none can be reached. */
void kafka_link_note(struct kafka_link *l, const char *trouble);

/* librdkafka says ALL_BROKERS_DOWN, in these words. Calls on_down, if it is news. */
void kafka_link_lost(struct kafka_link *l, const char *text);

bool kafka_link_is_up(const struct kafka_link *l);

/* The last trouble since brokers were up, "" if there was none. Valid until the next. */
const char *kafka_link_trouble(const struct kafka_link *l);

#endif
