/* SPDX-License-Identifier: MIT */
/*
 * Turns a Kafka message into ticks. Pure: no I/O, no clock.
 *
 * A message always yields at least one item, so that items can be accounted for: each is a tick, a
 * rejection with its reason, or something that is not a tick and is ignored (control frames,
 * candles, an empty array). One bad tick of an array does not reject its siblings. Shapes and
 * mapping are in docs/formats.md.
 */
#ifndef TICKD_DECODE_H
#define TICKD_DECODE_H

#include "message.h"
#include "record.h"
#include "reject.h"
#include <stdbool.h>
#include <stddef.h>

#define DECODE_DETAIL_MAX 120

enum decode_verdict {
    DECODE_TICK,
    DECODE_REJECTED,
    DECODE_IGNORED,
};

struct decode_item {
    enum decode_verdict verdict;
    enum reject_reason reason;      /* if rejected */
    char detail[DECODE_DETAIL_MAX]; /* if rejected: which field, what was seen; valid UTF-8, no NUL
                                     */
    struct record record;           /* if a tick */
};

/* The items of one message, in the order in which they stand in it. Reused from message to message:
 * its memory grows to what the largest message needs, and then no more. */
struct decoded {
    struct decode_item *items;
    size_t count;
    size_t cap;
    char *unescaped; /* for JSON that came as a string in JSON */
    size_t unescaped_cap;
};

/* Which shapes are accepted: by shape (auto), or one only. */
enum decode_shape { SHAPE_AUTO, SHAPE_CANONICAL, SHAPE_RELAY, SHAPE_PACIFICA };

struct decode_options {
    enum decode_shape shape;
    size_t max_message_bytes;
    size_t max_ticks;            /* ticks in one message; above it the message is rejected whole */
    double synthetic_spread_bps; /* `prices` channel: bid/ask = mid -/+ this; 0 = NULL */
    char default_exchange[RECORD_EXCHANGE_MAX + 1];
    bool parse_all; /* never the scanner (decode_fast.h), always the parser it has to agree with */
};

void decoded_init(struct decoded *d);
void decoded_fini(struct decoded *d);

/* Decodes `m` into `out`, replacing what it held. out->count >= 1 afterwards. */
void decode_message(const struct decode_options *options, const struct message *m,
                    struct decoded *out);

#endif
