/* SPDX-License-Identifier: MIT */
#include "decode_canonical.h"

static void decode_tick(const struct decode_job *job, const json_t *object, const void *context,
                        struct decode_item *item)
{
    (void)context;
    struct field time = field_or(field_of(object, "time"), field_of(object, "timestamp"));
    struct record *r = &item->record;
    (void)(decode_symbol(item, field_of(object, "symbol")) && decode_time(job, item, time) &&
           decode_price(item, field_of(object, "price")) &&
           decode_volume(item, field_of(object, "volume")) &&
           decode_quote(item, field_of(object, "bid"), &r->bid) &&
           decode_quote(item, field_of(object, "ask"), &r->ask) &&
           decode_exchange(job, item, field_of(object, "exchange")));
}

bool decode_canonical_is(const json_t *object)
{
    /* "channel" without "price" is an envelope or a frame; with it, it is one more unknown key. */
    if (json_object_get(object, "price"))
        return true;
    return json_object_get(object, "symbol") && !json_object_get(object, "channel");
}

void decode_canonical(const struct decode_job *job, const json_t *value)
{
    decode_each(job, value, SOURCE_CANONICAL, decode_tick, NULL);
}
