/* SPDX-License-Identifier: MIT */
/*
 * What librdkafka says, in our log: its errors as kafka_error, its log lines as kafka_log, each
 * kind sampled by itself, because a broker that is away is reported many times a second.
 */
#ifndef TICKD_KAFKA_LOG_H
#define TICKD_KAFKA_LOG_H

#include "log.h"
#include <librdkafka/rdkafka.h>
#include <stddef.h>

#define KAFKA_LOG_KINDS 24

struct kafka_log_kind {
    char name[24]; /* an error's name or a log facility */
    struct log_sampler sampler;
};

/* Zero it before use. */
struct kafka_log {
    struct kafka_log_kind kinds[KAFKA_LOG_KINDS];
    size_t count;
};

void kafka_log_error(struct kafka_log *l, rd_kafka_resp_err_t err, const char *text);

/* An RD_KAFKA_EVENT_LOG. */
void kafka_log_line(struct kafka_log *l, rd_kafka_event_t *event);

/* All is well: the next trouble of each kind is said at once. */
void kafka_log_reset(struct kafka_log *l);

#endif
