/* SPDX-License-Identifier: MIT */
#include "fake_decode.h"

#include "err.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void decoded_init(struct decoded *d)
{
    *d = (struct decoded){0};
}

void decoded_fini(struct decoded *d)
{
    free(d->items);
    *d = (struct decoded){0};
}

static struct decode_item *add(struct decoded *d, enum decode_verdict verdict)
{
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 8;
        d->items = err_realloc(d->items, d->cap * sizeof *d->items);
    }
    struct decode_item *item = &d->items[d->count++];
    item->verdict = verdict;
    item->reason = verdict == DECODE_REJECTED ? REJECT_NO_PRICE : REJECT_NONE;
    strcpy(item->detail, "price: missing");
    return item;
}

static int64_t number(const char **at, const char *end)
{
    int64_t v = 0;
    while (*at < end && **at >= '0' && **at <= '9')
        v = v * 10 + (*(*at)++ - '0');
    return v;
}

static void add_tick(struct decoded *out, const char *at, const char *end)
{
    struct record *r = &add(out, DECODE_TICK)->record;
    const char *sign = memchr(at, '@', (size_t)(end - at));
    size_t len = (size_t)(sign - at);
    *r = (struct record){.source = SOURCE_TRADES, .bid = NAN, .ask = NAN};
    memcpy(r->symbol, at, len);
    r->symbol_len = (uint8_t)len;
    strcpy(r->exchange, "test");
    r->exchange_len = 4;
    at = sign + 1;
    r->time_us = FAKE_DECODE_EPOCH_US + number(&at, end) * 1000;
    bool quote = *at++ == '~';
    r->price = (double)number(&at, end);
    if (at < end && *at++ == '*')
        r->volume = (double)number(&at, end);
    if (quote) {
        r->source = SOURCE_PRICES;
        r->bid = r->price - 1;
        r->ask = r->price + 1;
    }
}

void decode_message(const struct decode_options *options, const struct message *m,
                    struct decoded *out)
{
    const char *at = m->payload, *end = at + m->payload_len;
    out->count = 0;
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        const char *stop = blank ? blank : end;
        if (*at == '!' || out->count >= options->max_ticks)
            add(out, DECODE_REJECTED);
        else if (*at == '.')
            add(out, DECODE_IGNORED);
        else
            add_tick(out, at, stop);
        at = stop + (blank != NULL);
    }
    if (out->count == 0)
        add(out, DECODE_IGNORED);
}
