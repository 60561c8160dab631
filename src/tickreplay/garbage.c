/* SPDX-License-Identifier: MIT */
#include "garbage.h"

#include "text.h"

/* Deeper than any parser of tickd goes. */
#define DEPTH 2100

/*
 * A template: what it says, with $s for the symbol, $p for the price, $t for the time in ms. Times
 * that are wrong by years stay wrong when --shift-to-now moves them by some.
 */
static const struct {
    enum reject_reason reason;
    const char *text;
} sorts[] = {
    {REJECT_BAD_JSON, "{\"time\":$t,\"symbol\":\"$s\",\"price\":"},
    {REJECT_BAD_JSON, "{'time': $t, 'symbol': '$s', 'price': $p}"},
    {REJECT_BAD_JSON, "{\"time\":$t,\"symbol\":\"$s\",\"price\":NaN}"},
    {REJECT_BAD_JSON, "{\"time\":$t,\"symbol\":\"$s\",\"price\":$p,\"price\":$p}"},
    {REJECT_BAD_JSON, "tick $s $p"},
    {REJECT_BAD_UTF8, "{\"time\":$t,\"symbol\":\"$s\",\"price\":$p,\"note\":\"caf\xe9\"}"},
    {REJECT_NUL_BYTE, "{\"time\":$t,\"symbol\":\"$s\\u0000\",\"price\":$p}"},
    {REJECT_UNKNOWN_SHAPE, "{\"hello\":\"world\"}"},
    {REJECT_UNKNOWN_SHAPE, "42"},
    {REJECT_UNKNOWN_SHAPE, "{\"channel\":\"candles_5m\",\"data\":{\"s\":\"$s\",\"t\":$t}}"},
    {REJECT_NO_SYMBOL, "{\"time\":$t,\"price\":$p,\"volume\":1}"},
    {REJECT_NO_SYMBOL, "{\"time\":$t,\"symbol\":\"\",\"price\":$p}"},
    {REJECT_BAD_SYMBOL, "{\"time\":$t,\"symbol\":7,\"price\":$p}"},
    {REJECT_TEXT_TOO_LONG, "{\"time\":$t,\"symbol\":\"$sPERPETUAL-CONTRACT-2025\",\"price\":$p}"},
    {REJECT_BAD_EXCHANGE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":$p,\"exchange\":1}"},
    {REJECT_NO_PRICE, "{\"time\":$t,\"symbol\":\"$s\",\"volume\":1}"},
    {REJECT_NO_PRICE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":null,\"volume\":1}"},
    {REJECT_BAD_PRICE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":0}"},
    {REJECT_BAD_PRICE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":-$p}"},
    {REJECT_BAD_PRICE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":\"NaN\"}"},
    {REJECT_BAD_PRICE,
     "{\"channel\":\"trades\",\"data\":[{\"s\":\"$s\",\"p\":\"0.0\",\"a\":\"1\",\"t\":$t}]}"},
    {REJECT_BAD_VOLUME, "{\"time\":$t,\"symbol\":\"$s\",\"price\":$p,\"volume\":-1}"},
    {REJECT_BAD_QUOTE, "{\"time\":$t,\"symbol\":\"$s\",\"price\":$p,\"bid\":0}"},
    {REJECT_BAD_TIME, "{\"time\":\"yesterday\",\"symbol\":\"$s\",\"price\":$p}"},
    {REJECT_TIME_TOO_EARLY,
     "{\"time\":\"1970-01-01T00:20:34.567Z\",\"symbol\":\"$s\",\"price\":$p}"},
    {REJECT_TOO_FAR_AHEAD,
     "{\"time\":\"2199-12-31T23:59:59.999Z\",\"symbol\":\"$s\",\"price\":$p}"},
    {REJECT_TOO_DEEP, "$d"},
};

size_t garbage_count(void)
{
    return sizeof sorts / sizeof *sorts;
}

static void put_deep(struct buf *b)
{
    for (int i = 0; i < DEPTH; i++)
        text_put(b, "[");
    for (int i = 0; i < DEPTH; i++)
        text_put(b, "]");
}

static void put_variable(struct buf *b, char name, const struct tick *tick)
{
    switch (name) {
    case 's':
        text_put(b, tick->pair->symbol);
        break;
    case 'p':
        decimal_put(b,
                    (struct decimal){tick->pair->tick.units * tick->price, tick->pair->tick.scale});
        break;
    case 't':
        text_put_int(b, tick->time_ms);
        break;
    case 'd':
        put_deep(b);
        break;
    }
}

enum reject_reason garbage_put(size_t sort, struct buf *b, const struct tick *tick)
{
    for (const char *p = sorts[sort].text; *p; p++) {
        if (*p == '$')
            put_variable(b, *++p, tick);
        else
            buf_put_u8(b, (uint8_t)*p);
    }
    return sorts[sort].reason;
}
