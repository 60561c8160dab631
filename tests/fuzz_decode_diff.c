/* SPDX-License-Identifier: MIT */
/* links: decode_diff.o decode.o decode_fast.o jscan.o jnumber.o midquote.o decode_item.o decode_canonical.o decode_frame.o json_text.o number.o timestamp.o detail.o utf8.o buf.o err.o */
/*
 * libFuzzer harness: the scanner against the parser. Its mutator knows JSON and the shapes of
 * messages, since nearly all that is one byte away from a message is no JSON at all. `make fuzz
 * FUZZ=decode_diff`, see tests/fuzz.mk.
 */
#include "buf.h"
#include "decode_diff.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

#define TOKENS_MAX   512
#define COUNT(array) (sizeof(array) / sizeof *(array))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *difference = decode_diff(data, size, NULL);
    if (difference) {
        fprintf(stderr, "scanner and parser differ: %s\n", difference);
        abort();
    }
    return 0;
}

/* --- chance --- */

static uint64_t state;

static size_t below(size_t limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((state >> 33) % limit);
}

static void put(struct buf *b, const char *text)
{
    buf_put(b, text, strlen(text));
}

static void put_one_of(struct buf *b, const char *const *texts, size_t count)
{
    put(b, texts[below(count)]);
}

static void put_digits(struct buf *b, size_t max)
{
    for (size_t n = 1 + below(max); n > 0; n--)
        buf_put_u8(b, (uint8_t)('0' + below(10)));
}

/* --- what messages are made of --- */

static void put_blank(struct buf *b)
{
    static const char *const blanks[] = {"", "", "", "", "", " ", "\n", "\t \r"};
    put_one_of(b, blanks, COUNT(blanks));
}

static void put_number(struct buf *b)
{
    static const char *const edges[] = {"0",
                                        "-0",
                                        "-0.0",
                                        "1e400",
                                        "-1e400",
                                        "1e-400",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "-9223372036854775808",
                                        "9007199254740993",
                                        "5e-324",
                                        "2e-324",
                                        "1.7976931348623157e308",
                                        "1.7976931348623159e308",
                                        "4503599627370496.5",
                                        "18446744073709551615.5",
                                        "1763225136209",
                                        "1763225136209000000",
                                        "0.30000000000000004",
                                        "99999999999999999999e-20",
                                        "01",
                                        "1.",
                                        ".5",
                                        "1e",
                                        "+1",
                                        "-"};
    if (below(8) == 0) {
        put_one_of(b, edges, COUNT(edges));
        return;
    }
    if (below(24) == 0)
        put(b, "-");
    buf_put_u8(b, (uint8_t)('1' + below(9)));
    if (below(6))
        put_digits(b, below(6) ? 8 : 30);
    if (below(3)) {
        put(b, ".");
        put_digits(b, below(6) ? 9 : 30);
    }
    if (below(4) == 0) {
        static const char *const exponents[] = {"e", "E", "e-", "e+", "E-"};
        put_one_of(b, exponents, COUNT(exponents));
        put_digits(b, below(4) ? 2 : 5);
    }
}

static void put_time(struct buf *b)
{
    static const char *const times[] = {"2025-11-15T16:45:36.209097+00:00",
                                        "2016-12-31T23:59:60Z",
                                        "2025-11-15 16:45:36",
                                        "2000-02-29T00:00:00.1z",
                                        "1900-02-29T00:00:00Z",
                                        "0000-01-01T00:00:00-23:59",
                                        "2025-11-15T16:45:36.2090979999-07:30",
                                        "1763225136209",
                                        "2025-13-01T00:00:00Z"};
    put_one_of(b, times, COUNT(times));
}

static void put_text(struct buf *b)
{
    static const char *const texts[] = {
        "",
        "BTC",
        "kBONK",
        "SOL-USDC",
        "2Z",
        "pacifica",
        "prices",
        "trades",
        "bbo",
        "book",
        "mark_price_candle",
        "pong",
        "subscribe",
        "abcdefghijklmnopqrst",
        "abcdefghijklmnopqrstu",
        "\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xff",
        "\xe2\x82",
        "\\u0041",
        "\\\"",
        "\\\\",
        "\\/",
        "\\n",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\x1f",
        "open_short",
        "a much longer text than any field that is read can hold, really"};
    put(b, "\"");
    switch (below(4)) {
    case 0:
        put_time(b);
        break;
    case 1:
        put_number(b);
        break;
    default:
        put_one_of(b, texts, COUNT(texts));
        if (below(4) == 0)
            put_one_of(b, texts, COUNT(texts));
    }
    put(b, "\"");
}

static void put_key(struct buf *b)
{
    static const char *const keys[] = {"time",
                                       "symbol",
                                       "price",
                                       "volume",
                                       "bid",
                                       "ask",
                                       "exchange",
                                       "timestamp",
                                       "channel",
                                       "data",
                                       "s",
                                       "t",
                                       "p",
                                       "a",
                                       "b",
                                       "A",
                                       "B",
                                       "d",
                                       "h",
                                       "li",
                                       "mark",
                                       "mid",
                                       "oracle",
                                       "volume_24h",
                                       "yesterday_price",
                                       "next_funding",
                                       "error",
                                       "code",
                                       "err",
                                       "x",
                                       "y",
                                       "",
                                       "exchangE",
                                       "exchange1",
                                       "an_unknown_key_16",
                                       "an_unknown_key_of_many_bytes",
                                       "\\u0074ime",
                                       "volume_24h\\u0000",
                                       "\xc3\xa9",
                                       "sy\xc3\xa9mbol"};
    put(b, "\"");
    put_one_of(b, keys, COUNT(keys));
    put(b, "\"");
}

static void put_value(struct buf *b, size_t depth)
{
    static const char *const words[] = {"null", "true", "false", "null", "nul", "True", "[]", "{}"};
    switch (below(depth ? 7 : 5)) {
    case 0:
    case 1:
        put_number(b);
        break;
    case 2:
    case 3:
        put_text(b);
        break;
    case 4:
        put_one_of(b, words, COUNT(words));
        break;
    case 5:
        put(b, "[");
        put_value(b, depth - 1);
        put(b, ",");
        put_value(b, depth - 1);
        put(b, "]");
        break;
    default:
        put(b, "{");
        put_key(b);
        put(b, ":");
        put_value(b, depth - 1);
        put(b, ",");
        put_key(b);
        put(b, ":");
        put_value(b, depth - 1);
        put(b, "}");
    }
}

/* Mostly what belongs to the key, if it is `plain`. */
static void put_member(struct buf *b, const char *key, bool plain)
{
    put_blank(b);
    put(b, "\"");
    put(b, key);
    put(b, "\"");
    put_blank(b);
    put(b, ":");
    put_blank(b);
    if (!plain) {
        put_value(b, 3);
    } else if (strcmp(key, "time") == 0 || strcmp(key, "timestamp") == 0) {
        put(b, "\"");
        put_time(b);
        put(b, "\"");
    } else if (strcmp(key, "symbol") == 0 || strcmp(key, "s") == 0 ||
               strcmp(key, "exchange") == 0) {
        put(b, "\"BTC\"");
    } else {
        bool quoted = below(2);
        put(b, quoted ? "\"" : "");
        put_number(b);
        put(b, quoted ? "\"" : "");
    }
    put_blank(b);
}

/* Some of the keys, from one of them on and around, so that their order varies. */
static void put_object(struct buf *b, const char *const *keys, size_t count)
{
    size_t first = below(3) ? 0 : below(count);
    bool any = false;
    put(b, "{");
    for (size_t i = 0; i < count; i++) {
        if (below(8) == 0)
            continue;
        put(b, any ? "," : "");
        any = true;
        put_member(b, keys[(first + i) % count], below(16) != 0);
        if (below(12) == 0) {
            put(b, ",");
            put_key(b);
            put(b, ":");
            put_value(b, 3);
        }
    }
    put(b, "}");
}

enum kind { CANONICAL, PRICES, TRADES, BBO, KINDS };

static void put_item(struct buf *b, enum kind kind)
{
    static const char *const canonical[] = {"time", "symbol", "price",    "volume",
                                            "bid",  "ask",    "exchange", "timestamp"};
    static const char *const prices[] = {"funding",      "mark",       "mid",
                                         "next_funding", "oracle",     "symbol",
                                         "timestamp",    "volume_24h", "yesterday_price"};
    static const char *const trades[] = {"h", "s", "a", "p", "d", "tc", "t", "li"};
    static const char *const bbo[] = {"s", "i", "li", "t", "b", "B", "a", "A"};
    static const struct {
        const char *const *keys;
        size_t count;
    } items[KINDS] = {[CANONICAL] = {canonical, COUNT(canonical)},
                      [PRICES] = {prices, COUNT(prices)},
                      [TRADES] = {trades, COUNT(trades)},
                      [BBO] = {bbo, COUNT(bbo)}};
    put_object(b, items[kind].keys, items[kind].count);
}

static void put_items(struct buf *b, enum kind kind)
{
    if (below(2)) {
        put_item(b, kind);
        return;
    }
    put(b, "[");
    for (size_t i = 0, n = below(4); i < n; i++) {
        put(b, i ? "," : "");
        put_item(b, kind);
    }
    put(b, "]");
}

static void put_quoted(struct buf *b, const struct buf *inner)
{
    put(b, "\"");
    for (size_t i = 0; i < inner->len; i++) {
        uint8_t c = inner->data[i];
        if (c == '"' || c == '\\' || (c == '/' && below(2)))
            put(b, "\\");
        if (c == '\n' || c == '\t' || c == '\r')
            put(b, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
        else
            buf_put_u8(b, c);
    }
    put(b, "\"");
}

static void put_data(struct buf *b, enum kind kind)
{
    put_blank(b);
    put(b, "\"data\":");
    put_blank(b);
    if (below(3)) {
        put_items(b, kind);
        return;
    }
    struct buf inner;
    buf_init(&inner);
    put_items(&inner, kind);
    put_quoted(b, &inner);
    buf_fini(&inner);
}

static void put_message(struct buf *b)
{
    static const char *const names[] = {"canonical", "prices", "trades", "bbo"};
    static const char *const envelope[] = {"timestamp", "symbol"};
    enum kind kind = (enum kind)below(KINDS);
    if (kind == CANONICAL) {
        put_items(b, kind);
        return;
    }
    bool data_first = below(8) == 0;
    put(b, "{");
    for (size_t i = 0; i < COUNT(envelope); i++) {
        if (below(2) == 0) {
            put_member(b, envelope[i], below(8) != 0);
            put(b, ",");
        }
    }
    if (data_first) {
        put_data(b, kind);
        put(b, ",");
    }
    put(b, "\"channel\":\"");
    put(b, names[kind]);
    put(b, "\"");
    if (!data_first) {
        put(b, ",");
        put_data(b, kind);
    }
    if (below(8) == 0) {
        put(b, ",");
        put_member(b, envelope[below(2)], true);
    }
    put(b, "}");
}

/* --- changing a message token by token --- */

/* Where tokens begin in the text; the last entry is its end. */
struct tokens {
    size_t at[TOKENS_MAX + 1];
    size_t count;
};

static bool is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' ||
           c == 'E';
}

static size_t token_end(const uint8_t *data, size_t size, size_t at)
{
    size_t i = at + 1;
    if (data[at] == '"') {
        while (i < size && data[i] != '"')
            i += data[i] == '\\' ? 2 : 1;
        return i < size ? i + 1 : size;
    }
    while (is_word(data[at]) && i < size && is_word(data[i]))
        i++;
    return i;
}

static void tokenize(const uint8_t *data, size_t size, struct tokens *t)
{
    size_t at = 0;
    for (t->count = 0; at < size && t->count < TOKENS_MAX; t->count++) {
        t->at[t->count] = at;
        at = token_end(data, size, at);
    }
    t->at[t->count] = size;
}

static void replace(struct buf *b, uint8_t old)
{
    switch (old) {
    case '"':
        if (below(2))
            put_text(b);
        else
            put_key(b);
        break;
    case '{':
    case '[':
    case '}':
    case ']':
        buf_put_u8(b, (uint8_t) "{}[]:,"[below(6)]);
        break;
    default:
        if (below(4))
            put_number(b);
        else
            put_value(b, 2);
    }
}

static void change(const uint8_t *data, const struct tokens *t, struct buf *b)
{
    size_t i = below(t->count);
    size_t j = i + below(t->count - i);
    size_t from = t->at[i];
    size_t to = t->at[j + 1];
    size_t end = t->at[t->count];
    buf_put(b, data, from);
    switch (below(6)) {
    case 0: /* twice */
        buf_put(b, data + from, to - from);
        put(b, below(2) ? "," : "");
        buf_put(b, data + from, end - from);
        break;
    case 1: /* away */
        buf_put(b, data + to, end - to);
        break;
    case 2: /* one more */
        put_key(b);
        put(b, ":");
        put_value(b, 3);
        put(b, ",");
        buf_put(b, data + from, end - from);
        break;
    case 3:
        put_blank(b);
        put_blank(b);
        buf_put(b, data + from, end - from);
        break;
    default: /* another in its place */
        replace(b, data[from]);
        buf_put(b, data + t->at[i + 1], end - t->at[i + 1]);
    }
}

static void wrap(const uint8_t *data, size_t size, struct buf *b)
{
    const char *const *around = (const char *const[2][2]){
        {"[", "]"}, {"{\"symbol\":\"A\",\"channel\":\"prices\",\"data\":", "}"}}[below(2)];
    put(b, around[0]);
    buf_put(b, data, size);
    put(b, around[1]);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    struct tokens tokens;
    struct buf b;
    state = seed;
    size_t what = below(16);
    if (what < 4)
        return LLVMFuzzerMutate(data, size, max_size);
    buf_init(&b);
    tokenize(data, size, &tokens);
    if (what < 6 || tokens.count == 0)
        put_message(&b);
    else if (what == 6)
        wrap(data, size, &b);
    else
        change(data, &tokens, &b);
    if (b.len > 0 && b.len <= max_size) {
        memcpy(data, b.data, b.len);
        size = b.len;
    }
    buf_fini(&b);
    return size;
}
