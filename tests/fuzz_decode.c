/* SPDX-License-Identifier: MIT */
/* links: decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o buf.o err.o */
/*
 * libFuzzer harness: whatever the bytes, the decoder keeps the contracts of decode.h and record.h,
 * and the relations between inputs below hold. `make fuzz FUZZ=decode`, see tests/fuzz.mk.
 */
#include "decode.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 65536
#define MAX_TICKS 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define require(fact)                                                                              \
    do {                                                                                           \
        if (!(fact)) {                                                                             \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static bool is_quote(double value)
{
    return isnan(value) || (isfinite(value) && value > 0);
}

static void check_record(const struct record *r)
{
    require(isfinite(r->price) && r->price > 0);
    require(isfinite(r->volume) && r->volume >= 0 && !signbit(r->volume));
    require(is_quote(r->bid) && is_quote(r->ask));
    require(r->source < SOURCE_COUNT);
    require(r->symbol_len >= 1 && r->symbol_len <= RECORD_SYMBOL_MAX);
    require(r->exchange_len <= RECORD_EXCHANGE_MAX);
    require(strnlen(r->symbol, sizeof r->symbol) == r->symbol_len);
    require(strnlen(r->exchange, sizeof r->exchange) == r->exchange_len);
    require(utf8_valid_prefix(r->symbol, r->symbol_len) == r->symbol_len);
    require(utf8_valid_prefix(r->exchange, r->exchange_len) == r->exchange_len);
}

static void check_detail(const char *detail)
{
    size_t len = strnlen(detail, DECODE_DETAIL_MAX);
    require(len > 0 && len < DECODE_DETAIL_MAX);
    require(utf8_valid_prefix(detail, len) == len);
    for (size_t i = 0; i < len; i++)
        require((unsigned char)detail[i] >= 0x20 && detail[i] != 0x7f);
}

static void check_item(const struct decode_item *item)
{
    switch (item->verdict) {
    case DECODE_TICK:
        require(item->reason == REJECT_NONE);
        check_record(&item->record);
        return;
    case DECODE_REJECTED:
        /* What comes after it in the list is for validation and the database to say. */
        require(item->reason > REJECT_NONE && item->reason < REJECT_TIME_TOO_EARLY);
        check_detail(item->detail);
        return;
    case DECODE_IGNORED:
        require(item->reason == REJECT_NONE);
        return;
    }
    require(!"a verdict");
}

static void check_items(const struct decoded *d)
{
    require(d->count >= 1 && d->count <= MAX_TICKS);
    for (size_t i = 0; i < d->count; i++)
        check_item(&d->items[i]);
}

static void decode(enum decode_shape shape, const void *payload, size_t len, struct decoded *out)
{
    const struct decode_options options = {
        .shape = shape,
        .max_message_bytes = MAX_BYTES,
        .max_ticks = MAX_TICKS,
        .synthetic_spread_bps = 1,
        .default_exchange = "pacifica",
    };
    const struct message m = {
        .timestamp_ms = INT64_C(1763225137000), .payload = payload, .payload_len = len};
    decode_message(&options, &m, out);
    check_items(out);
}

static bool same_item(const struct decode_item *a, const struct decode_item *b)
{
    return a->verdict == b->verdict && a->reason == b->reason &&
           strcmp(a->detail, b->detail) == 0 &&
           memcmp(&a->record, &b->record, sizeof a->record) == 0;
}

/* The same bytes give the same items, whatever was decoded in between. */
static void check_repeatable(const uint8_t *data, size_t size, const struct decoded *first)
{
    struct decoded again;
    decoded_init(&again);
    decode(SHAPE_AUTO, "[{},{},{\"symbol\":1}]", 20, &again);
    decode(SHAPE_AUTO, data, size, &again);
    require(again.count == first->count);
    for (size_t i = 0; i < again.count; i++)
        require(same_item(&again.items[i], &first->items[i]));
    decoded_fini(&again);
}

/* One shape only gives what auto gives, or rejects the message for its shape. */
static void check_single_shapes(const uint8_t *data, size_t size, const struct decoded *automatic)
{
    struct decoded single;
    size_t agreeing = 0;
    decoded_init(&single);
    for (int shape = SHAPE_CANONICAL; shape <= SHAPE_PACIFICA; shape++) {
        decode((enum decode_shape)shape, data, size, &single);
        bool agrees =
            single.count == automatic->count && same_item(&single.items[0], &automatic->items[0]);
        require(agrees || (single.count == 1 && single.items[0].reason == REJECT_UNKNOWN_SHAPE));
        agreeing += agrees;
    }
    require(agreeing >= 1);
    decoded_fini(&single);
}

/* A canonical tick in an array is the same tick. */
static void check_array_of_one(const uint8_t *data, size_t size, const struct decoded *alone)
{
    const struct decode_item *tick = &alone->items[0];
    if (alone->count != 1 || tick->verdict != DECODE_TICK ||
        tick->record.source != SOURCE_CANONICAL || memchr(data, '[', size) || size + 2 > MAX_BYTES)
        return;
    struct decoded wrapped;
    char *text = malloc(size + 2);
    text[0] = '[';
    memcpy(text + 1, data, size);
    text[size + 1] = ']';
    decoded_init(&wrapped);
    decode(SHAPE_AUTO, text, size + 2, &wrapped);
    require(wrapped.count == 1 && same_item(&wrapped.items[0], tick));
    decoded_fini(&wrapped);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded d;
    decoded_init(&d);
    decode(SHAPE_AUTO, data, size, &d);
    check_repeatable(data, size, &d);
    check_single_shapes(data, size, &d);
    check_array_of_one(data, size, &d);
    decoded_fini(&d);
    return 0;
}
