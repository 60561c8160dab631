/* SPDX-License-Identifier: MIT */
#include "decode_diff.h"

#include "decode_fast.h"
#include <string.h>

#define KAFKA_MS INT64_C(1763225137000)

static const char *compare_items(const struct decode_item *a, const struct decode_item *b)
{
    if (a->verdict != b->verdict)
        return "verdict";
    if (a->reason != b->reason)
        return "reason";
    if (strcmp(a->detail, b->detail) != 0)
        return "detail";
    /* Records are zero where they hold nothing. */
    return memcmp(&a->record, &b->record, sizeof a->record) != 0 ? "record" : NULL;
}

static const char *compare(const struct decoded *a, const struct decoded *b)
{
    if (a->count != b->count)
        return "number of items";
    for (size_t i = 0; i < a->count; i++) {
        const char *difference = compare_items(&a->items[i], &b->items[i]);
        if (difference)
            return difference;
    }
    return NULL;
}

static const char *decode_both(struct decode_options options, const struct message *m,
                               struct decoded *fast, struct decoded *parsed, size_t *scanned)
{
    const struct decode_job job = {&options, m, fast};
    fast->count = 0;
    if (scanned && m->payload_len > 0 && decode_fast(&job))
        ++*scanned;
    decode_message(&options, m, fast);
    options.parse_all = true;
    decode_message(&options, m, parsed);
    return compare(fast, parsed);
}

/* FNV-1a, 64 bit. */
static uint64_t hash(const uint8_t *data, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

const char *decode_diff(const uint8_t *data, size_t size, size_t *scanned)
{
    const struct decode_options usual = {
        .max_message_bytes = 65536,
        .max_ticks = 100,
        .synthetic_spread_bps = 1,
        .default_exchange = "pacifica",
    };
    struct message m = {.timestamp_ms = KAFKA_MS, .payload = data, .payload_len = size};
    struct decoded fast;
    struct decoded parsed;
    decoded_init(&fast);
    decoded_init(&parsed);
    const char *difference = decode_both(usual, &m, &fast, &parsed, scanned);
    if (!difference) {
        uint64_t h = hash(data, size);
        const struct decode_options other = {
            .shape = (enum decode_shape)(h % 4),
            .max_message_bytes = 2000,
            .max_ticks = h >> 2 & 3,
            .synthetic_spread_bps = (double)(h >> 4 & 1) * 30000,
        };
        m.timestamp_ms = h >> 5 & 1 ? MESSAGE_NO_TIME : INT64_MAX / 999;
        difference = decode_both(other, &m, &fast, &parsed, NULL);
    }
    decoded_fini(&fast);
    decoded_fini(&parsed);
    return difference;
}
