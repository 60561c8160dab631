/* SPDX-License-Identifier: MIT */
/*
 * Usual path: the top-level object is scanned into one slot for each key that is read, and the
 * slots become a record. In a frame the items of `data` are scanned on the way, with what the
 * envelope has said until then; should it say more behind them, the message is declined.
 */
#include "decode_fast.h"

#include "err.h"
#include "jscan.h"
#include "midquote.h"
#include "timestamp.h"
#include <math.h>
#include <string.h>

/* Keys of a canonical tick and, at the top of a message, those of an envelope or a frame. */
enum {
    TIME,
    SYMBOL,
    PRICE,
    VOLUME,
    BID,
    ASK,
    EXCHANGE,
    TIMESTAMP,
    CANONICAL_KEYS,
    CHANNEL = CANONICAL_KEYS,
    DATA,
    TOP_KEYS
};

static const struct jkey top_keys[TOP_KEYS] = {
    [TIME] = JKEY("time"),         [SYMBOL] = JKEY("symbol"),
    [PRICE] = JKEY("price"),       [VOLUME] = JKEY("volume"),
    [BID] = JKEY("bid"),           [ASK] = JKEY("ask"),
    [EXCHANGE] = JKEY("exchange"), [TIMESTAMP] = JKEY("timestamp"),
    [CHANNEL] = JKEY("channel"),   [DATA] = JKEY("data"),
};

/* Keys of the items of frames. */
enum { P_SYMBOL, P_TIMESTAMP, P_MARK, P_MID, P_ORACLE, P_VOLUME, P_DAY_AGO, PRICES_KEYS };
enum { T_SYMBOL, T_AMOUNT, T_PRICE, T_TIME, TRADES_KEYS };
enum { B_SYMBOL, B_TIME, B_BID, B_ASK, BBO_KEYS };

static const struct jkey prices_keys[PRICES_KEYS] = {
    [P_SYMBOL] = JKEY("symbol"),
    [P_TIMESTAMP] = JKEY("timestamp"),
    [P_MARK] = JKEY("mark"),
    [P_MID] = JKEY("mid"),
    [P_ORACLE] = JKEY("oracle"),
    [P_VOLUME] = JKEY("volume_24h"),
    [P_DAY_AGO] = JKEY("yesterday_price"),
};

static const struct jkey trades_keys[TRADES_KEYS] = {
    [T_SYMBOL] = JKEY("s"),
    [T_AMOUNT] = JKEY("a"),
    [T_PRICE] = JKEY("p"),
    [T_TIME] = JKEY("t"),
};

static const struct jkey bbo_keys[BBO_KEYS] = {
    [B_SYMBOL] = JKEY("s"),
    [B_TIME] = JKEY("t"),
    [B_BID] = JKEY("b"),
    [B_ASK] = JKEY("a"),
};

/* One message on its way. */
struct fast {
    const struct decode_job *job;
    const struct jvalue *envelope; /* values of the top keys, NULL until `data` is read */
    enum jkind symbol;             /* what the envelope had said when it was read: */
    enum jkind timestamp;          /* what it says later is not for its items */
};

/* Fills the record from the item's slots; the envelope's are for what it does not say itself. */
typedef bool map_fn(const struct fast *f, const struct jvalue *v, struct record *r);

struct fast_channel {
    const char *name;
    const struct jkey *keys;
    size_t key_count;
    map_fn *map; /* NULL: not ticks */
    enum record_source source;
};

/* --- fields; false = declined --- */

static bool is_there(const struct jvalue *v)
{
    return v->kind != JKIND_ABSENT && v->kind != JKIND_NULL;
}

static const struct jvalue *either(const struct jvalue *first, const struct jvalue *second)
{
    return is_there(first) ? first : second;
}

static bool read_number(const struct jvalue *v, double *value)
{
    if (v->kind == JKIND_NUMBER) {
        *value = jnumber_value(&v->number);
    } else {
        struct jnumber n;
        if (v->kind != JKIND_TEXT ||
            jnumber_scan(v->text, v->text + v->len, &n) != v->text + v->len)
            return false;
        *value = jnumber_value(&n);
    }
    return isfinite(*value);
}

static bool read_above_zero(const struct jvalue *v, double *value)
{
    return read_number(v, value) && *value > 0;
}

static bool read_quote(const struct jvalue *v, double *value)
{
    return !is_there(v) || read_above_zero(v, value);
}

static bool read_volume(const struct jvalue *v, double *value)
{
    if (is_there(v) && (!read_number(v, value) || *value < 0))
        return false;
    *value += 0.0; /* -0 is 0 */
    return true;
}

static bool read_symbol(const struct jvalue *v, struct record *r)
{
    if (v->kind != JKIND_TEXT || v->len == 0 || v->len > RECORD_SYMBOL_MAX)
        return false;
    r->symbol_len = (uint8_t)v->len;
    memcpy(r->symbol, v->text, v->len);
    return true;
}

static bool read_exchange(const struct decode_options *options, const struct jvalue *v,
                          struct record *r)
{
    const char *text = options->default_exchange;
    size_t len;
    if (!is_there(v)) {
        len = strlen(text);
    } else if (v->kind == JKIND_TEXT && v->len <= RECORD_EXCHANGE_MAX) {
        text = v->text;
        len = v->len;
    } else {
        return false;
    }
    r->exchange_len = (uint8_t)len;
    memcpy(r->exchange, text, len);
    return true;
}

static bool read_time(const struct message *m, const struct jvalue *v, struct record *r)
{
    int64_t integer;
    switch (v->kind) {
    case JKIND_TEXT:
        return timestamp_parse(v->text, v->len, &r->time_us);
    case JKIND_NUMBER:
        if (!jnumber_int64(&v->number, &integer))
            return false;
        r->time_us = timestamp_from_integer(integer);
        return true;
    case JKIND_ABSENT:
    case JKIND_NULL:
        return m->timestamp_ms != MESSAGE_NO_TIME &&
               !__builtin_mul_overflow(m->timestamp_ms, 1000, &r->time_us);
    case JKIND_OTHER:
        break;
    }
    return false;
}

/* --- items --- */

static bool map_canonical(const struct fast *f, const struct jvalue *v, struct record *r)
{
    return read_symbol(&v[SYMBOL], r) &&
           read_time(f->job->message, either(&v[TIME], &v[TIMESTAMP]), r) &&
           read_above_zero(&v[PRICE], &r->price) && read_volume(&v[VOLUME], &r->volume) &&
           read_quote(&v[BID], &r->bid) && read_quote(&v[ASK], &r->ask) &&
           read_exchange(f->job->options, &v[EXCHANGE], r);
}

static bool read_origin(const struct fast *f, const struct jvalue *symbol,
                        const struct jvalue *time, struct record *r)
{
    static const struct jvalue no_exchange = {.kind = JKIND_ABSENT};
    return read_symbol(either(symbol, &f->envelope[SYMBOL]), r) &&
           read_time(f->job->message, either(time, &f->envelope[TIMESTAMP]), r) &&
           read_exchange(f->job->options, &no_exchange, r);
}

/* Of these keys the first that has a number above zero; the others are passed over. */
static bool choose_price(const struct jvalue *v, double *price)
{
    return read_above_zero(&v[P_MARK], price) || read_above_zero(&v[P_MID], price) ||
           read_above_zero(&v[P_ORACLE], price);
}

static bool map_prices(const struct fast *f, const struct jvalue *v, struct record *r)
{
    double value;
    if (!read_origin(f, &v[P_SYMBOL], &v[P_TIMESTAMP], r) || !choose_price(v, &r->price) ||
        !read_volume(&v[P_VOLUME], &r->volume))
        return false;
    if (read_above_zero(&v[P_MID], &value))
        midquote_set_quote(r, value, f->job->options->synthetic_spread_bps);
    if (read_above_zero(&v[P_DAY_AGO], &value))
        r->day_ago = value;
    return true;
}

static bool map_trade(const struct fast *f, const struct jvalue *v, struct record *r)
{
    return read_origin(f, &v[T_SYMBOL], &v[T_TIME], r) && read_above_zero(&v[T_PRICE], &r->price) &&
           read_volume(&v[T_AMOUNT], &r->volume);
}

static bool map_bbo(const struct fast *f, const struct jvalue *v, struct record *r)
{
    return read_origin(f, &v[B_SYMBOL], &v[B_TIME], r) && read_quote(&v[B_BID], &r->bid) &&
           read_quote(&v[B_ASK], &r->ask) && midquote_set_price(r);
}

static const struct fast_channel canonical = {NULL, top_keys, CANONICAL_KEYS, map_canonical,
                                              SOURCE_CANONICAL};

static const struct fast_channel channels[] = {
    {"bbo", bbo_keys, BBO_KEYS, map_bbo, SOURCE_BBO},
    {"trades", trades_keys, TRADES_KEYS, map_trade, SOURCE_TRADES},
    {"prices", prices_keys, PRICES_KEYS, map_prices, SOURCE_PRICES},
    {"book", NULL, 0, NULL, SOURCE_COUNT},
    {"mark_price_candle", NULL, 0, NULL, SOURCE_COUNT},
};

static const struct fast_channel *find_channel(const struct jvalue *v)
{
    if (v->kind != JKIND_TEXT)
        return NULL;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        if (strlen(channels[i].name) == v->len && memcmp(channels[i].name, v->text, v->len) == 0)
            return &channels[i];
    }
    return NULL;
}

static bool add_item(const struct fast *f, const struct fast_channel *c,
                     const struct jvalue *values)
{
    return c->map(f, values, &decode_add(f->job->out, c->source)->record);
}

static bool scan_item(const struct fast *f, struct jscan *s, const struct fast_channel *c)
{
    const struct jkeys keys = {.list = c->keys, .count = c->key_count};
    __attribute__((uninitialized)) struct jvalue values[TOP_KEYS]; /* for speed */
    return jscan_object(s, &keys, values) && add_item(f, c, values);
}

static bool scan_array(const struct fast *f, struct jscan *s, const struct fast_channel *c)
{
    size_t count = 0;
    if (jscan_is(s, ']')) {
        decode_add_ignored(f->job->out);
        return true;
    }
    do {
        if (++count > f->job->options->max_ticks || !scan_item(f, s, c))
            return false;
    } while (jscan_is(s, ','));
    return jscan_is(s, ']');
}

static bool scan_items(const struct fast *f, struct jscan *s, const struct fast_channel *c)
{
    return jscan_is(s, '[') ? scan_array(f, s, c) : scan_item(f, s, c);
}

/* --- frames --- */

/* JSON in a string: what it means is written to memory kept for that, and scanned there. */
static bool scan_encoded(const struct fast *f, struct jscan *s, const struct fast_channel *c)
{
    struct decoded *out = f->job->out;
    size_t room = (size_t)(s->end - s->p);
    size_t len;
    if (out->unescaped_cap < room) {
        out->unescaped = err_realloc(out->unescaped, room);
        out->unescaped_cap = room;
    }
    if (!jscan_escaped(s, out->unescaped, &len))
        return false;
    struct jscan inner = {out->unescaped, out->unescaped + len};
    return scan_items(f, &inner, c) && jscan_is_done(&inner);
}

/* The value of "data" at the top of a message. */
static bool take_data(void *context, struct jscan *s, const struct jvalue *values)
{
    struct fast *f = context;
    const struct fast_channel *c = find_channel(&values[CHANNEL]);
    if (!c || !c->map)
        return jscan_skip(s);
    f->envelope = values;
    f->symbol = values[SYMBOL].kind;
    f->timestamp = values[TIMESTAMP].kind;
    return jscan_is_string(s) ? scan_encoded(f, s, c) : scan_items(f, s, c);
}

static bool is_wanted(const struct fast *f, enum decode_shape shape)
{
    enum decode_shape wanted = f->job->options->shape;
    return wanted == SHAPE_AUTO || wanted == shape;
}

/* True if what the items were read with is all that the envelope has said in the end. */
static bool has_whole_envelope(const struct fast *f, const struct jvalue *values)
{
    return f->envelope && f->symbol == values[SYMBOL].kind &&
           f->timestamp == values[TIMESTAMP].kind;
}

/* The message is a frame, all of it read. */
static bool finish_frame(const struct fast *f, const struct jvalue *values)
{
    const struct fast_channel *c = find_channel(&values[CHANNEL]);
    bool relayed = values[SYMBOL].kind != JKIND_ABSENT || values[TIMESTAMP].kind != JKIND_ABSENT;
    if (!c || !is_wanted(f, relayed ? SHAPE_RELAY : SHAPE_PACIFICA))
        return false;
    if (c->map)
        return has_whole_envelope(f, values);
    decode_add_ignored(f->job->out);
    return true;
}

static bool scan_top_object(struct fast *f, struct jscan *s)
{
    const struct jkeys keys = {top_keys, TOP_KEYS, take_data, f};
    __attribute__((uninitialized)) struct jvalue values[TOP_KEYS]; /* for speed */
    if (!jscan_object(s, &keys, values))
        return false;
    if (values[PRICE].kind == JKIND_ABSENT)
        return finish_frame(f, values);
    return !f->envelope && is_wanted(f, SHAPE_CANONICAL) && add_item(f, &canonical, values);
}

static bool scan_message(struct fast *f, struct jscan *s)
{
    if (jscan_is(s, '['))
        return is_wanted(f, SHAPE_CANONICAL) && scan_array(f, s, &canonical);
    return scan_top_object(f, s);
}

bool decode_fast(const struct decode_job *job)
{
    struct fast f = {.job = job};
    const char *payload = job->message->payload;
    struct jscan s = {payload, payload + job->message->payload_len};
    if (scan_message(&f, &s) && jscan_is_done(&s))
        return true;
    job->out->count = 0;
    return false;
}
