/* SPDX-License-Identifier: MIT */
/*
 * From tickd's configuration to a librdkafka client: tickd's defaults, the operator's kafka.<name>
 * properties over them, and what tickd relies on over both.
 */
#ifndef TICKD_KAFKA_CONF_H
#define TICKD_KAFKA_CONF_H

#include "config.h"
#include "err.h"
#include <librdkafka/rdkafka.h>

/* A consumer that is in no group yet; its threads begin to connect. Belongs to the caller. NULL
 * with `e` naming the property, its origin and what librdkafka has against it: a configuration
 * error. */
rd_kafka_t *kafka_conf_client(const struct config *config, struct err *e)
    __attribute__((warn_unused_result));

/* How long a fetch of a client with this linger_ms may gather ticks before it is answered. 0: each
 * tick is fetched at once. */
int64_t kafka_conf_gather_ms(int64_t linger_ms);

/* config->topics as librdkafka wants it; rd_kafka_topic_partition_list_destroy() it. NULL with `e`
 * if there is no topic or one cannot exist. */
rd_kafka_topic_partition_list_t *kafka_conf_topics(const struct config *config, struct err *e)
    __attribute__((warn_unused_result));

#endif
