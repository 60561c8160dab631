/* SPDX-License-Identifier: MIT */
/*
 * The messages that somebody sent, in the order of each partition: from a journal of `send`, from
 * the topic itself, or from a recording. A recording knows neither offsets nor partitions: its
 * messages are numbered, in partition 0; what is known is the key that each is sent with.
 *
 * Owns files or a Kafka client. Blocks.
 */
#ifndef TICKREPLAY_MESSAGES_H
#define TICKREPLAY_MESSAGES_H

#include "config.h"
#include "delivery.h"
#include "err.h"
#include "recording.h"
#include <stdbool.h>
#include <stddef.h>

#define MESSAGES_NO_TIME INT64_MIN

enum messages_result {
    MESSAGES_ONE,
    MESSAGES_END,
    MESSAGES_FAILED, /* `e` says why; nothing more comes */
};

struct messages;

/* Paths are borrowed. */
struct messages *messages_from_journals(const char *const *paths, size_t count);
struct messages *messages_from_recording(char *const *paths, size_t count,
                                         enum recording_format format);

/* From the oldest message that each partition has to what was the newest at the time of the call.
 * NULL: `e` says why not. */
struct messages *messages_from_topic(const struct config *config, const char *topic, struct err *e);

void messages_free(struct messages *m);

/* The next message, borrowed until the next call. */
enum messages_result messages_next(struct messages *m, struct delivery *d, struct err *e);

/* False for recordings. */
bool messages_have_offsets(const struct messages *m);

#endif
