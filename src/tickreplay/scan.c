/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include "err.h"
#include "number.h"
#include "timestamp.h"
#include <stdlib.h>
#include <string.h>

/* Where an object stands: it decides what its members can mean. */
enum place { AT_TOP, IN_DATA };

/* Members that matter, by place and name. */
enum member {
    TOP_TIME,   /* "time", "timestamp" */
    TOP_T,      /* "t": of control frames */
    TOP_SYMBOL, /* "symbol" */
    TOP_S,      /* "s" */
    DATA_TIME,  /* "timestamp" */
    DATA_T,     /* "t" */
    DATA_END,   /* "T": of candles */
    DATA_SYMBOL,
    DATA_S,
    NO_MEMBER,
};

/* What a message turns out to be. */
enum shape_found {
    FOUND_NOTHING,
    FOUND_CANONICAL,
    FOUND_PRICES,
    FOUND_EVENTS, /* trades, bbo, book: time is "t" */
    FOUND_CANDLE,
    FOUND_CONTROL,
};

struct cursor {
    const char *text; /* where token positions count from */
    const char *p;
    const char *end;
    struct scan *scan;
    const uint32_t *offsets; /* of the bytes of `text` in the message, or NULL: they are the same */
    enum place place;
    enum shape_found shape;
    bool has_channel;
    bool has_price;
    bool has_code;
};

void scan_init(struct scan *s)
{
    *s = (struct scan){.tokens = NULL};
    buf_init(&s->inner);
    buf_init(&s->offsets);
}

void scan_fini(struct scan *s)
{
    free(s->tokens);
    buf_fini(&s->inner);
    buf_fini(&s->offsets);
}

static void skip_blanks(struct cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static char peek(struct cursor *c)
{
    skip_blanks(c);
    return c->p < c->end ? *c->p : '\0';
}

/* A string's text between its quotes, escapes as they are. */
struct piece {
    const char *at;
    size_t len;
};

static bool take_string(struct cursor *c, struct piece *string)
{
    if (!take(c, '"'))
        return false;
    string->at = c->p;
    for (; c->p < c->end; c->p++) {
        if (*c->p == '"') {
            string->len = (size_t)(c->p++ - string->at);
            return true;
        }
        if (*c->p == '\\' && c->p + 1 < c->end)
            c->p++;
    }
    return false;
}

/* A number or a word. */
static bool take_plain(struct cursor *c, struct piece *plain)
{
    skip_blanks(c);
    plain->at = c->p;
    while (c->p < c->end && !strchr(",]} \t\r\n", *c->p))
        c->p++;
    plain->len = (size_t)(c->p - plain->at);
    return plain->len > 0;
}

/* An object or array, whatever is in it. */
static bool skip_nested(struct cursor *c)
{
    struct piece string;
    size_t depth = 0;
    do {
        if (c->p == c->end)
            return false;
        if (*c->p == '"') {
            if (!take_string(c, &string))
                return false;
            continue;
        }
        if (*c->p == '{' || *c->p == '[')
            depth++;
        else if (*c->p == '}' || *c->p == ']')
            depth--;
        c->p++;
    } while (depth > 0);
    return true;
}

static bool skip_value(struct cursor *c)
{
    struct piece ignored;
    char first = peek(c);
    if (first == '{' || first == '[')
        return skip_nested(c);
    return first == '"' ? take_string(c, &ignored) : take_plain(c, &ignored);
}

static bool is(struct piece piece, const char *word)
{
    return piece.len == strlen(word) && memcmp(piece.at, word, piece.len) == 0;
}

static enum member member_of(enum place place, struct piece name)
{
    bool top = place == AT_TOP;
    if (is(name, "timestamp"))
        return top ? TOP_TIME : DATA_TIME;
    if (is(name, "time"))
        return top ? TOP_TIME : NO_MEMBER;
    if (is(name, "symbol"))
        return top ? TOP_SYMBOL : DATA_SYMBOL;
    if (is(name, "s"))
        return top ? TOP_S : DATA_S;
    if (is(name, "t"))
        return top ? TOP_T : DATA_T;
    if (is(name, "T"))
        return top ? NO_MEMBER : DATA_END;
    return NO_MEMBER;
}

static bool is_symbol(enum member m)
{
    return m == TOP_SYMBOL || m == TOP_S || m == DATA_SYMBOL || m == DATA_S;
}

/* Until the shape is known, a token's kind is its member; keep_tokens() makes it what it is. */
static void add(struct cursor *c, enum member m, struct piece value)
{
    struct scan *s = c->scan;
    size_t at = (size_t)(value.at - c->text);
    size_t end = at + value.len;
    if (value.len == 0)
        return;
    if (c->offsets) {
        /* Escapes inside the value would be lost with it. */
        if (c->offsets[end] - c->offsets[at] != value.len)
            return;
        at = c->offsets[at];
    }
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->tokens = err_realloc(s->tokens, s->cap * sizeof *s->tokens);
    }
    s->tokens[s->count++] = (struct token){(enum token_kind)m, (uint32_t)at, (uint32_t)value.len};
}

static bool scan_objects(struct cursor *c);

/* The four digits of \uXXXX, or -1. */
static int parse_hex4(const char *p, const char *end)
{
    int value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *digit = p[i] ? strchr(digits, p[i]) : NULL;
        if (!digit)
            return -1;
        value = value * 16 + (int)(digit - digits) % 16;
    }
    return value;
}

/* The byte that the escape at `p` (behind its backslash) means; '?' for characters beyond ASCII,
 * which are in no name or value that is looked for. *len gets the length of the escape. */
static char undo_escape(const char *p, const char *end, size_t *len)
{
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    *len = 1;
    const char *found = strchr(names, *p);
    if (*p != '\0' && found)
        return values[found - names];
    if (*p != 'u')
        return *p;
    int code = parse_hex4(p + 1, end);
    *len = code < 0 ? 1 : 5;
    return code >= 0 && code < 0x80 ? (char)code : '?';
}

/* A message in a string: the relay's double encoding. */
static bool scan_encoded(struct cursor *c, struct piece string)
{
    struct scan *s = c->scan;
    if (c->offsets)
        return true; /* once is enough */
    buf_clear(&s->inner);
    buf_clear(&s->offsets);
    uint32_t *offsets =
        (uint32_t *)(void *)buf_reserve(&s->offsets, (string.len + 1) * sizeof *offsets);
    char *out = (char *)buf_reserve(&s->inner, string.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < string.len; n++) {
        size_t len = 0;
        offsets[n] = (uint32_t)((size_t)(string.at - c->text) + i);
        if (string.at[i] == '\\' && i + 1 < string.len)
            out[n] = undo_escape(string.at + i + 1, string.at + string.len, &len);
        else
            out[n] = string.at[i];
        i += len + 1;
    }
    offsets[n] = (uint32_t)((size_t)(string.at - c->text) + string.len);

    struct cursor inner = *c;
    inner.text = inner.p = out;
    inner.end = out + n;
    inner.offsets = offsets;
    inner.place = IN_DATA;
    return scan_objects(&inner);
}

static bool scan_data(struct cursor *c)
{
    struct piece string;
    char first = peek(c);
    if (first == '"')
        return take_string(c, &string) && scan_encoded(c, string);
    if (first != '{' && first != '[')
        return skip_value(c);
    c->place = IN_DATA;
    bool ok = scan_objects(c);
    c->place = AT_TOP;
    return ok;
}

static enum shape_found shape_of(struct piece channel)
{
    if (is(channel, "prices"))
        return FOUND_PRICES;
    if (is(channel, "trades") || is(channel, "bbo") || is(channel, "book"))
        return FOUND_EVENTS;
    if (is(channel, "candle") || is(channel, "mark_price_candle"))
        return FOUND_CANDLE;
    return FOUND_NOTHING;
}

/* A member of the top that tells the shape. False: it is none of those. */
static bool scan_telling(struct cursor *c, struct piece name, bool *ok)
{
    struct piece value;
    if (is(name, "channel") && peek(c) == '"') {
        *ok = take_string(c, &value);
        if (*ok) {
            c->has_channel = true;
            c->shape = shape_of(value);
        }
        return true;
    }
    if (is(name, "data")) {
        *ok = scan_data(c);
        return true;
    }
    c->has_price = c->has_price || is(name, "price");
    c->has_code = c->has_code || is(name, "err") || is(name, "error");
    return false;
}

static bool scan_member(struct cursor *c)
{
    struct piece name, value;
    bool ok;
    if (!take_string(c, &name) || !take(c, ':'))
        return false;
    if (c->place == AT_TOP && scan_telling(c, name, &ok))
        return ok;
    enum member m = member_of(c->place, name);
    char first = peek(c);
    if (m == NO_MEMBER || first == '{' || first == '[')
        return skip_value(c);
    if (first == '"') {
        if (!take_string(c, &value))
            return false;
        add(c, m, value);
        return true;
    }
    if (!take_plain(c, &value))
        return false;
    if (!is_symbol(m))
        add(c, m, value);
    return true;
}

static bool scan_object(struct cursor *c)
{
    if (!take(c, '{'))
        return false;
    if (take(c, '}'))
        return true;
    do {
        if (!scan_member(c))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

/* An object, or an array in which objects are looked into. */
static bool scan_objects(struct cursor *c)
{
    if (!take(c, '['))
        return scan_object(c);
    if (take(c, ']'))
        return true;
    do {
        if (!(peek(c) == '{' ? scan_object(c) : skip_value(c)))
            return false;
    } while (take(c, ','));
    return take(c, ']');
}

static bool is_time(enum shape_found shape, bool in_envelope, enum member m)
{
    switch (m) {
    case TOP_TIME:
        return shape == FOUND_CANONICAL || in_envelope;
    case TOP_T:
        return shape == FOUND_CONTROL;
    case DATA_TIME:
        return shape == FOUND_PRICES;
    case DATA_T:
        return shape == FOUND_EVENTS || shape == FOUND_CANDLE;
    case DATA_END:
        return shape == FOUND_CANDLE;
    case TOP_SYMBOL:
    case TOP_S:
    case DATA_SYMBOL:
    case DATA_S:
    case NO_MEMBER:
        break;
    }
    return false;
}

/* Drops what the shape gives no meaning, and says what the rest is. */
static void keep_tokens(struct scan *s, const char *text, const struct cursor *c)
{
    enum shape_found shape = c->shape;
    bool framed = c->has_channel && !c->has_price;
    size_t kept = 0;
    if (!framed)
        shape = c->has_code && !c->has_price ? FOUND_CONTROL : FOUND_CANONICAL;
    for (size_t i = 0; i < s->count; i++) {
        struct token t = s->tokens[i];
        enum member m = (enum member)t.kind;
        int64_t time_us;
        if (is_symbol(m))
            t.kind = TOKEN_SYMBOL;
        else if (!is_time(shape, framed, m))
            continue;
        else if (number_is_integer(text + t.at, t.len))
            t.kind = TOKEN_INTEGER;
        else if (timestamp_parse_rfc3339(text + t.at, t.len, &time_us))
            t.kind = TOKEN_RFC3339;
        else
            continue;
        s->tokens[kept++] = t;
    }
    s->count = kept;
}

void scan_message(struct scan *s, const char *text, size_t len)
{
    struct cursor c = {.text = text, .p = text, .end = text + len, .scan = s};
    s->count = 0;
    if (len > UINT32_MAX)
        return;
    /* What was found before a fault counts: a broken message still has its symbol. */
    (void)scan_objects(&c);
    keep_tokens(s, text, &c);
}

const struct token *scan_symbol(const struct scan *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->tokens[i].kind == TOKEN_SYMBOL)
            return &s->tokens[i];
    }
    return NULL;
}

bool scan_time(const struct scan *s, const char *text, int64_t *time_us)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct token *t = &s->tokens[i];
        if (t->kind != TOKEN_SYMBOL && timestamp_parse(text + t->at, t->len, time_us))
            return true;
    }
    return false;
}
