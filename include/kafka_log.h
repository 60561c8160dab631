/* SPDX-License-Identifier: MIT */
/*
 * What librdkafka says, in our log: its errors as kafka_error, its log lines as kafka_log, each
 * kind sampled by itself, because a broker that is away is reported many times a second. What an
 * operator has to mend is kafka_refused, in our words, once and then once a minute.
 */
#ifndef TICKD_KAFKA_LOG_H
#define TICKD_KAFKA_LOG_H

#include "kafka_trouble.h"
#include "log.h"
#include <librdkafka/rdkafka.h>
#include <stddef.h>

#define KAFKA_LOG_KINDS 24

struct kafka_log_kind {
    char name[64]; /* an error's name, a log facility, or the beginning of a cause */
    struct log_sampler sampler;
};

/* Zero it before use. */
struct kafka_log {
    struct kafka_log_kind kinds[KAFKA_LOG_KINDS];
    size_t count;
    char certificate[512]; /* the last line about a certificate that was not accepted */
};

/* Returns the short of it: the cause, if it is known, else `text`. */
const char *kafka_log_error(struct kafka_log *l, rd_kafka_resp_err_t err, const char *text);

/* For those who say it themselves: what an error means, NULL if it is none of those that an
 * operator has to mend. `*text` may become another that says more. Logs nothing. */
const struct kafka_trouble *kafka_log_explain(const struct kafka_log *l, rd_kafka_resp_err_t err,
                                              const char **text);
/* The same for an RD_KAFKA_EVENT_LOG: keeps what explains errors to come. */
void kafka_log_remember(struct kafka_log *l, rd_kafka_event_t *event);

/* An RD_KAFKA_EVENT_LOG. */
void kafka_log_line(struct kafka_log *l, rd_kafka_event_t *event);

/* All is well: the next trouble of each kind is said at once. */
void kafka_log_reset(struct kafka_log *l);

#endif
