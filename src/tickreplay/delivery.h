/* SPDX-License-Identifier: MIT */
/*
 * One message that a broker has acknowledged. Plain data; texts are borrowed for the call.
 */
#ifndef TICKREPLAY_DELIVERY_H
#define TICKREPLAY_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

struct delivery {
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* Kafka's */
    int64_t produced_us;  /* when it was handed to the client; monotonic clock */
    const void *key;      /* NULL = none */
    size_t key_len;
    const void *value;
    size_t value_len;
};

/* What is called with each of them. */
typedef void delivery_fn(void *ctx, const struct delivery *d);

#endif
