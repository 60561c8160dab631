/* SPDX-License-Identifier: MIT */
#include "shape.h"

#include "text.h"

/* Ids begin where a real exchange's are: beyond 32 bits. */
#define FIRST_FILL  INT64_C(5266594471)
#define FIRST_ORDER INT64_C(10000000000)

void shaper_init(struct shaper *s, struct rng *rng, const struct profile *profile,
                 enum sequence sequence)
{
    *s = (struct shaper){.rng = rng, .profile = profile, .sequence = sequence};
    s->ids = (struct ids){FIRST_FILL, FIRST_ORDER};
    buf_init(&s->scratch);
}

void shaper_fini(struct shaper *s)
{
    buf_fini(&s->scratch);
}

static struct decimal steps(struct decimal step, int64_t count)
{
    return (struct decimal){step.units * count, step.scale};
}

static struct decimal price_of(const struct tick *t, int64_t ticks)
{
    return steps(t->pair->tick, ticks);
}

static struct decimal amount_of(const struct shaper *s, const struct tick *t)
{
    if (s->sequence == SEQUENCE_VOLUME)
        return (struct decimal){t->seq, 0};
    return steps(t->pair->lot, t->lots);
}

static struct decimal day_volume_of(const struct shaper *s, const struct tick *t)
{
    if (s->sequence == SEQUENCE_VOLUME)
        return (struct decimal){t->seq, 0};
    return steps(t->pair->lot, t->day_lots);
}

static void put_seq(const struct shaper *s, struct buf *b, const struct tick *t)
{
    if (s->sequence != SEQUENCE_KEY)
        return;
    text_put(b, ",\"seq\":");
    text_put_int(b, t->seq);
}

/* "name":"12.30" */
static void put_string_number(struct buf *b, const char *name, struct decimal d)
{
    text_put(b, name);
    text_put(b, "\"");
    decimal_put(b, d);
    text_put(b, "\"");
}

static void put_string(struct buf *b, const char *name, const char *value)
{
    text_put(b, name);
    text_put(b, "\"");
    text_put(b, value);
    text_put(b, "\"");
}

static void put_integer(struct buf *b, const char *name, int64_t value)
{
    text_put(b, name);
    text_put_int(b, value);
}

/* --- canonical */

/* How the numbers of one canonical tick are written. */
enum number_style { AS_FLOAT, AS_STRING, AS_EXPONENT };

static void put_number(struct buf *b, const char *name, struct decimal d, enum number_style style)
{
    text_put(b, name);
    switch (style) {
    case AS_FLOAT:
        decimal_put_float(b, d);
        break;
    case AS_STRING:
        put_string_number(b, "", d);
        break;
    case AS_EXPONENT:
        decimal_put_exponent(b, d);
        break;
    }
}

static void put_event_time(struct shaper *s, struct buf *b, int64_t time_ms)
{
    int64_t time_us = time_ms * 1000;
    switch (rng_below(s->rng, 8)) {
    case 0:
        put_integer(b, "\"time\":", time_ms);
        break;
    case 1:
        put_integer(b, "\"timestamp\":", time_us);
        break;
    case 2:
        put_integer(b, "\"time\":\"", time_ms * 1000000);
        text_put(b, "\"");
        break;
    case 3:
    case 4:
        text_put(b, "\"timestamp\":\"");
        text_put_time(b, time_us, 3, "Z\"");
        break;
    default:
        text_put(b, "\"time\":\"");
        text_put_time(b, time_us, 6, "+00:00\"");
        break;
    }
}

static void put_canonical(struct shaper *s, struct buf *b, const struct tick *t)
{
    const struct profile *p = s->profile;
    enum number_style style = AS_FLOAT;
    if (rng_chance(s->rng, p->exponent))
        style = AS_EXPONENT;
    else if (rng_chance(s->rng, p->strings))
        style = AS_STRING;

    text_put(b, "{");
    put_event_time(s, b, t->time_ms);
    put_string(b, ",\"symbol\":", t->pair->symbol);
    put_number(b, ",\"price\":", price_of(t, t->price), style);
    put_number(b, ",\"volume\":", amount_of(s, t), style);
    /* A trade by itself knows no quote. */
    if (rng_chance(s->rng, 3 * (PPM / 4))) {
        put_number(b, ",\"bid\":", price_of(t, t->bid), style);
        put_number(b, ",\"ask\":", price_of(t, t->ask), style);
    }
    if (rng_chance(s->rng, PPM / 2))
        text_put(b, ",\"exchange\":\"pacifica\"");
    put_seq(s, b, t);
    text_put(b, "}");
}

/* An array of several, or one alone. */
typedef void put_fn(struct shaper *s, struct buf *b, const struct tick *t);

static void put_list(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count,
                     put_fn *put)
{
    text_put(b, "[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_put(b, ",");
        put(s, b, &ticks[i]);
    }
    text_put(b, "]");
}

void shape_canonical(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count)
{
    if (count == 1)
        put_canonical(s, b, ticks);
    else
        put_list(s, b, ticks, count, put_canonical);
}

/* --- Pacifica */

static void put_trade(struct shaper *s, struct buf *b, const struct tick *t)
{
    static const char *const sides[] = {"open_long", "open_short", "close_long", "close_short"};
    put_integer(b, "{\"h\":", s->ids.fill++);
    put_string(b, ",\"s\":", t->pair->symbol);
    put_string_number(b, ",\"a\":", amount_of(s, t));
    put_string_number(b, ",\"p\":", price_of(t, t->price));
    put_string(b, ",\"d\":", sides[rng_below(s->rng, 4)]);
    put_string(b, ",\"tc\":", rng_chance(s->rng, PPM / 100) ? "market_liquidation" : "normal");
    put_integer(b, ",\"t\":", t->time_ms);
    put_integer(b, ",\"li\":", s->ids.order++);
    put_seq(s, b, t);
    text_put(b, "}");
}

static void put_bbo(struct shaper *s, struct buf *b, const struct tick *t)
{
    put_string(b, "{\"s\":", t->pair->symbol);
    put_integer(b, ",\"i\":", s->ids.fill++);
    put_integer(b, ",\"li\":", s->ids.order++);
    put_integer(b, ",\"t\":", t->time_ms);
    put_string_number(b, ",\"b\":", price_of(t, t->bid));
    put_string_number(b, ",\"B\":", steps(t->pair->lot, profile_draw_lots(s->rng)));
    put_string_number(b, ",\"a\":", price_of(t, t->ask));
    put_string_number(b, ",\"A\":", steps(t->pair->lot, profile_draw_lots(s->rng)));
    put_seq(s, b, t);
    text_put(b, "}");
}

/* A tenth of a step: marks and oracles are finer than orders. */
static struct decimal tenths(const struct tick *t, int64_t count)
{
    return (struct decimal){t->pair->tick.units * count, t->pair->tick.scale + 1};
}

static void put_prices(struct shaper *s, struct buf *b, const struct tick *t)
{
    put_string(b, "{\"symbol\":", t->pair->symbol);
    put_integer(b, ",\"timestamp\":", t->time_ms);
    put_string_number(b, ",\"mark\":", tenths(t, t->mark_tenths));
    put_string_number(b, ",\"mid\":", price_of(t, t->price));
    put_string_number(b, ",\"oracle\":", tenths(t, t->price * 10 + rng_between(s->rng, 0, 9)));
    put_string_number(b, ",\"funding\":", (struct decimal){rng_between(s->rng, -500, 1500), 8});
    put_string_number(b,
                      ",\"next_funding\":", (struct decimal){rng_between(s->rng, -500, 1500), 8});
    put_string_number(b, ",\"open_interest\":", steps(t->pair->lot, t->day_lots / 7));
    put_string_number(b, ",\"volume_24h\":", day_volume_of(s, t));
    put_string_number(b, ",\"yesterday_price\":", price_of(t, t->pair->start_ticks));
    put_seq(s, b, t);
    text_put(b, "}");
}

void shape_trades(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count)
{
    text_put(b, "{\"channel\":\"trades\",\"data\":");
    put_list(s, b, ticks, count, put_trade);
    text_put(b, "}");
}

void shape_prices(struct shaper *s, struct buf *b, const struct tick *ticks, size_t count)
{
    text_put(b, "{\"channel\":\"prices\",\"data\":");
    put_list(s, b, ticks, count, put_prices);
    text_put(b, "}");
}

void shape_bbo(struct shaper *s, struct buf *b, const struct tick *tick)
{
    text_put(b, "{\"channel\":\"bbo\",\"data\":");
    put_bbo(s, b, tick);
    text_put(b, "}");
}

/* --- relay */

void shape_relay(struct shaper *s, struct buf *b, enum kind inner, const struct tick *tick,
                 int64_t relay_us)
{
    const char *channel = "prices";
    put_fn *put = put_prices;
    if (inner == KIND_TRADES) {
        channel = "trades";
        put = put_trade;
    } else if (inner == KIND_BBO) {
        channel = "bbo";
        put = put_bbo;
    }
    /* Written with blanks, as Python's json.dumps() does. */
    text_put(b, "{\"timestamp\": \"");
    text_put_time(b, relay_us, 6, "");
    put_string(b, "\", \"symbol\": ", tick->pair->symbol);
    put_string(b, ", \"channel\": ", channel);
    text_put(b, ", \"data\": ");
    if (rng_chance(s->rng, PPM / 4)) {
        buf_clear(&s->scratch);
        put(s, &s->scratch, tick);
        text_put_json(b, (const char *)s->scratch.data, s->scratch.len);
    } else {
        put(s, b, tick);
    }
    text_put(b, "}");
}

/* --- control */

static void put_subscription(struct shaper *s, struct buf *b, const struct tick *t)
{
    static const char *const sources[] = {"bbo", "trades", "prices"};
    text_put(b, "{\"channel\":\"");
    text_put(b, rng_chance(s->rng, PPM / 4) ? "unsubscribe" : "subscribe");
    put_string(b, "\",\"data\":{\"source\":", sources[rng_below(s->rng, 3)]);
    put_string(b, ",\"symbol\":", t->pair->symbol);
    text_put(b, "}}");
}

static void put_pong(struct shaper *s, struct buf *b, const struct tick *t)
{
    (void)s;
    (void)t;
    text_put(b, "{\"channel\":\"pong\"}");
}

static void put_error(struct shaper *s, struct buf *b, const struct tick *t)
{
    (void)s;
    (void)t;
    text_put(b, "{\"error\":\"Invalid subscription\"}");
}

static void put_code(struct shaper *s, struct buf *b, const struct tick *t)
{
    (void)s;
    put_integer(b, "{\"code\":400,\"err\":\"Bad request\",\"t\":", t->time_ms);
    text_put(b, "}");
}

static void put_side(struct shaper *s, struct buf *b, const struct tick *t, int64_t best,
                     int64_t step)
{
    uint32_t levels = rng_below(s->rng, 11);
    text_put(b, "[");
    for (uint32_t i = 0; i < levels; i++) {
        int64_t price = best + step * (int64_t)i;
        put_string_number(b, i > 0 ? ",{\"p\":" : "{\"p\":", price_of(t, price > 1 ? price : 1));
        put_string_number(b, ",\"a\":", steps(t->pair->lot, profile_draw_lots(s->rng)));
        put_integer(b, ",\"n\":", rng_between(s->rng, 1, 12));
        text_put(b, "}");
    }
    text_put(b, "]");
}

static void put_book(struct shaper *s, struct buf *b, const struct tick *t)
{
    put_string(b, "{\"channel\":\"book\",\"data\":{\"s\":", t->pair->symbol);
    put_integer(b, ",\"t\":", t->time_ms);
    text_put(b, ",\"l\":[");
    put_side(s, b, t, t->bid, -1);
    text_put(b, ",");
    put_side(s, b, t, t->ask, 1);
    text_put(b, "]}}");
}

static void put_candle(struct shaper *s, struct buf *b, const struct tick *t)
{
    int64_t begin = t->time_ms - t->time_ms % 60000;
    put_integer(b, "{\"channel\":\"mark_price_candle\",\"data\":{\"t\":", begin);
    put_integer(b, ",\"T\":", begin + 59999);
    put_string(b, ",\"s\":", t->pair->symbol);
    put_string_number(b, ",\"i\":\"1m\",\"o\":", price_of(t, t->price));
    put_string_number(b, ",\"c\":", price_of(t, t->price));
    put_string_number(b, ",\"h\":", price_of(t, t->ask));
    put_string_number(b, ",\"l\":", price_of(t, t->bid));
    put_string_number(b, ",\"v\":", steps(t->pair->lot, profile_draw_lots(s->rng)));
    put_integer(b, ",\"n\":", rng_between(s->rng, 1, 400));
    text_put(b, "}}");
}

static void put_no_trades(struct shaper *s, struct buf *b, const struct tick *t)
{
    (void)s;
    (void)t;
    text_put(b, "{\"channel\":\"trades\",\"data\":[]}");
}

void shape_control(struct shaper *s, struct buf *b, const struct tick *tick)
{
    static put_fn *const writers[] = {put_subscription, put_pong,   put_error,    put_code,
                                      put_book,         put_candle, put_no_trades};
    writers[rng_below(s->rng, sizeof writers / sizeof *writers)](s, b, tick);
}
