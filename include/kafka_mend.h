/* SPDX-License-Identifier: MIT */
/*
 * Looks after assigned partitions that are in trouble: finds out whether an offset is really
 * outside the log, and has partitions read again that could not be read.
 */
#ifndef TICKD_KAFKA_MEND_H
#define TICKD_KAFKA_MEND_H

#include "kafka_ask.h"
#include "kafka_fetch.h"

struct kafka_mend;

struct kafka_mend_callbacks {
    void (*on_gap)(void *ctx, uint32_t partition, int64_t low, int64_t high);
    void *ctx;
};

/* Client and fetch are borrowed. */
struct kafka_mend *kafka_mend_new(struct ev_loop *loop, struct kafka_client *client,
                                  struct kafka_fetch *fetch,
                                  const struct kafka_mend_callbacks *callbacks);
void kafka_mend_free(struct kafka_mend *m);

/* Does what is to be done for partitions in trouble; while all are assigned, and not closing. */
void kafka_mend_look(struct kafka_mend *m);

/* Partitions are to be assigned anew or given up: forgets what was under way. */
void kafka_mend_forget(struct kafka_mend *m);

#endif
