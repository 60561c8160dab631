/* SPDX-License-Identifier: MIT */
#include "decode_frame.h"

#include "json_text.h"
#include "midquote.h"
#include <string.h>

/* What the relay knows of an item that does not say it itself; fields without a value if the frame
 * comes without the relay. */
struct envelope {
    struct field symbol;
    struct field timestamp;
};

struct channel {
    const char *name;
    decode_one_fn *decode_one; /* NULL: what it brings are not ticks */
    enum record_source source;
};

/* A feed names no exchange: the default's. */
static const struct field no_exchange = {"exchange", NULL};

static bool decode_origin(const struct decode_job *job, const struct envelope *envelope,
                          struct field symbol, struct field time, struct decode_item *item)
{
    return decode_symbol(item, field_or(symbol, envelope->symbol)) &&
           decode_time(job, item, field_or(time, envelope->timestamp)) &&
           decode_exchange(job, item, no_exchange);
}

static bool number_above_zero(struct field f, double *value)
{
    return field_number(f, value) && *value > 0;
}

/* The first of the three that can be a price, else the first that is there. */
static struct field choose_price(const json_t *object)
{
    static const char *const names[] = {"mark", "mid", "oracle"};
    struct field seen = {"mark, mid or oracle", NULL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct field f = field_of(object, names[i]);
        double value;
        if (number_above_zero(f, &value))
            return f;
        seen = field_or(seen, f);
    }
    return seen;
}

/* What is no price is left out: nobody stores it. */
static void set_day_ago(struct record *r, struct field yesterday)
{
    double value;
    if (number_above_zero(yesterday, &value))
        r->day_ago = value;
}

/* The channel has no quote: its mid less and plus the spread, where that makes a quote. */
static void set_synthetic_quote(struct record *r, struct field mid, double spread_bps)
{
    double value;
    if (number_above_zero(mid, &value))
        midquote_set_quote(r, value, spread_bps);
}

static void decode_prices(const struct decode_job *job, const json_t *object, const void *context,
                          struct decode_item *item)
{
    if (decode_origin(job, context, field_of(object, "symbol"), field_of(object, "timestamp"),
                      item) &&
        decode_price(item, choose_price(object)) &&
        decode_volume(item, field_of(object, "volume_24h"))) {
        set_synthetic_quote(&item->record, field_of(object, "mid"),
                            job->options->synthetic_spread_bps);
        set_day_ago(&item->record, field_of(object, "yesterday_price"));
    }
}

static void decode_trade(const struct decode_job *job, const json_t *object, const void *context,
                         struct decode_item *item)
{
    (void)(decode_origin(job, context, field_of(object, "s"), field_of(object, "t"), item) &&
           decode_price(item, field_of(object, "p")) && decode_volume(item, field_of(object, "a")));
}

static void decode_bbo(const struct decode_job *job, const json_t *object, const void *context,
                       struct decode_item *item)
{
    struct record *r = &item->record;
    if (decode_origin(job, context, field_of(object, "s"), field_of(object, "t"), item) &&
        decode_quote(item, field_of(object, "b"), &r->bid) &&
        decode_quote(item, field_of(object, "a"), &r->ask) && !midquote_set_price(r))
        decode_reject(item, REJECT_NO_PRICE, "b and a: missing");
}

static const struct channel channels[] = {
    {"prices", decode_prices, SOURCE_PRICES},
    {"trades", decode_trade, SOURCE_TRADES},
    {"bbo", decode_bbo, SOURCE_BBO},
    {"book", NULL, SOURCE_COUNT},
    {"candle", NULL, SOURCE_COUNT},
    {"mark_price_candle", NULL, SOURCE_COUNT},
    {"subscribe", NULL, SOURCE_COUNT},
    {"unsubscribe", NULL, SOURCE_COUNT},
    {"pong", NULL, SOURCE_COUNT},
};

static const struct channel *find_channel(struct field f)
{
    size_t len = json_string_length(f.value);
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        const char *name = channels[i].name;
        if (strlen(name) == len && memcmp(name, json_string_value(f.value), len) == 0)
            return &channels[i];
    }
    return NULL;
}

/* Answers to requests, which have no channel. */
static bool is_answer(const json_t *object)
{
    return json_is_string(json_object_get(object, "error")) ||
           (json_is_integer(json_object_get(object, "code")) &&
            json_is_string(json_object_get(object, "err")));
}

bool decode_frame_is(const json_t *object)
{
    return json_object_get(object, "channel") || is_answer(object);
}

bool decode_frame_is_relayed(const json_t *frame)
{
    return json_object_get(frame, "channel") &&
           (json_object_get(frame, "symbol") || json_object_get(frame, "timestamp"));
}

static void decode_data(const struct decode_job *job, const struct channel *channel,
                        const struct envelope *envelope, struct field data)
{
    if (json_is_object(data.value) || json_is_array(data.value))
        decode_each(job, data.value, channel->source, channel->decode_one, envelope);
    else
        decode_reject_field(decode_add(job->out, channel->source), REJECT_UNKNOWN_SHAPE, data);
}

/* The relay writes its data as JSON, or as JSON in a string. */
static void decode_encoded_data(const struct decode_job *job, const struct channel *channel,
                                const struct envelope *envelope, struct field data)
{
    char text[DECODE_DETAIL_MAX];
    struct detail why = detail_start(text, sizeof text);
    enum reject_reason reason = REJECT_NONE;
    json_t *value = json_text_parse(json_string_value(data.value), json_string_length(data.value),
                                    &reason, &why);
    if (!value) {
        decode_reject(decode_add(job->out, channel->source), reason, "%s: %s", data.name, text);
        return;
    }
    decode_data(job, channel, envelope, (struct field){data.name, value});
    json_decref(value);
}

void decode_frame(const struct decode_job *job, const json_t *frame)
{
    static const struct envelope none = {{"symbol", NULL}, {"timestamp", NULL}};
    struct field name = field_of(frame, "channel");
    const struct channel *channel = find_channel(name);
    if (!name.value && is_answer(frame)) {
        decode_add_ignored(job->out);
    } else if (!channel) {
        decode_reject_field(decode_add(job->out, SOURCE_CANONICAL), REJECT_UNKNOWN_SHAPE, name);
    } else if (!channel->decode_one) {
        decode_add_ignored(job->out);
    } else {
        struct envelope envelope = none;
        if (decode_frame_is_relayed(frame))
            envelope = (struct envelope){field_of(frame, "symbol"), field_of(frame, "timestamp")};
        struct field data = field_of(frame, "data");
        if (json_is_string(data.value))
            decode_encoded_data(job, channel, &envelope, data);
        else
            decode_data(job, channel, &envelope, data);
    }
}
