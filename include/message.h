/* SPDX-License-Identifier: MIT */
/*
 * One Kafka message as the pipeline sees it. Everything is borrowed from whoever hands it over, for
 * the length of the call.
 */
#ifndef TICKD_MESSAGE_H
#define TICKD_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_NO_TIME INT64_MIN

struct message {
    uint32_t partition;   /* index into the assignment (struct offsets), not Kafka's number */
    int64_t offset;       /* Kafka's offset */
    int64_t timestamp_ms; /* Kafka's timestamp, Unix ms, or MESSAGE_NO_TIME */
    const void *key;      /* NULL if the message has none */
    size_t key_len;
    const void *payload; /* NULL for a tombstone */
    size_t payload_len;
};

#endif
