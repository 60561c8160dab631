/* SPDX-License-Identifier: MIT */
#include "rewrite.h"

#include "number.h"
#include "text.h"
#include "timestamp.h"
#include <stdlib.h>
#include <string.h>

/* "YYYY-MM-DDThh:mm:ss", and where its T is. */
#define SECONDS_LEN 19
#define DATE_LEN    10
#define MICROS      6

static bool is_name(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] <= 0x20 || s[i] == '"' || s[i] == '\\' || s[i] == 0x7f)
            return false;
    }
    return len > 0;
}

static bool add_pair(struct symbol_map *map, const char *text, size_t len, struct err *e)
{
    const char *equals = memchr(text, '=', len);
    size_t from_len = equals ? (size_t)(equals - text) : 0;
    if (!equals || !is_name(text, from_len) || !is_name(equals + 1, len - from_len - 1)) {
        err_set(e, "--map: \"%.*s\" is not FROM=TO", (int)len, text);
        return false;
    }
    map->pairs = err_realloc(map->pairs, (map->count + 1) * sizeof *map->pairs);
    map->pairs[map->count++] = (struct symbol_pair){text, from_len, equals + 1, len - from_len - 1};
    return true;
}

bool symbol_map_parse(struct symbol_map *map, const struct arg_texts *texts, struct err *e)
{
    *map = (struct symbol_map){NULL, 0};
    for (size_t i = 0; i < texts->count; i++) {
        const char *p = texts->list[i];
        for (size_t len;; p += len + 1) {
            len = strcspn(p, ",");
            if (!add_pair(map, p, len, e))
                return false;
            if (p[len] == '\0')
                break;
        }
    }
    return true;
}

void symbol_map_fini(struct symbol_map *map)
{
    free(map->pairs);
    *map = (struct symbol_map){NULL, 0};
}

void symbol_map_find(const struct symbol_map *map, const char *symbol, size_t len,
                     const char **found, size_t *found_len)
{
    *found = symbol;
    *found_len = len;
    for (size_t i = 0; i < map->count; i++) {
        const struct symbol_pair *p = &map->pairs[i];
        if (p->from_len == len && memcmp(p->from, symbol, len) == 0) {
            *found = p->to;
            *found_len = p->to_len;
            return;
        }
    }
}

/* Rounded down, also below zero. */
static int64_t whole_seconds(int64_t ms)
{
    return ms / 1000 - (ms % 1000 < 0);
}

/* The shift in the unit of `value`, which timestamp.h knows by its size. */
static int64_t shift_for(int64_t value, int64_t shift_ms)
{
    int64_t time_us = timestamp_from_integer(value);
    int64_t shift = 0;
    if (time_us == value)
        shift = shift_ms * 1000;
    else if (time_us / 1000 == value)
        shift = shift_ms;
    else if (time_us / 1000000 == value)
        shift = whole_seconds(shift_ms);
    else if (__builtin_mul_overflow(shift_ms, 1000000, &shift))
        shift = 0;
    return shift;
}

static void put_integer(struct buf *b, const char *text, size_t len, int64_t shift_ms)
{
    int64_t value, moved;
    if (number_parse_int64(text, len, &value) &&
        !__builtin_add_overflow(value, shift_for(value, shift_ms), &moved))
        text_put_int(b, moved);
    else
        buf_put(b, text, len);
}

/* Date, time and fraction are replaced; the separator, digits below the microsecond and the zone
 * are kept. The zone does not matter: what is added is the same in all of them. */
static void put_rfc3339(struct buf *b, const char *text, size_t len, int64_t shift_ms)
{
    char moved[TIMESTAMP_TEXT_SIZE];
    int64_t time_us;
    size_t digits = 0, plain = SECONDS_LEN;
    if (len > SECONDS_LEN && text[SECONDS_LEN] == '.') {
        digits = strspn(text + SECONDS_LEN + 1, "0123456789");
        digits = digits < MICROS ? digits : MICROS;
        plain += 1 + digits;
    }
    bool readable = timestamp_parse_rfc3339(text, plain, &time_us);
    if (readable)
        timestamp_format(time_us + shift_ms * 1000, moved);
    if (!readable || moved[0] == '-' || strlen(moved) != SECONDS_LEN + sizeof ".123456Z" - 1) {
        buf_put(b, text, len);
        return;
    }
    moved[DATE_LEN] = text[DATE_LEN];
    buf_put(b, moved, plain);
    buf_put(b, text + plain, len - plain);
}

static void put_token(const struct rewrite *r, const struct token *t, const char *text,
                      struct buf *b)
{
    const char *symbol;
    size_t len;
    if (r->shift_ms == 0 && t->kind != TOKEN_SYMBOL) {
        buf_put(b, text + t->at, t->len);
        return;
    }
    switch (t->kind) {
    case TOKEN_SYMBOL:
        symbol_map_find(r->map, text + t->at, t->len, &symbol, &len);
        buf_put(b, symbol, len);
        break;
    case TOKEN_INTEGER:
        put_integer(b, text + t->at, t->len, r->shift_ms);
        break;
    case TOKEN_RFC3339:
        put_rfc3339(b, text + t->at, t->len, r->shift_ms);
        break;
    }
}

void rewrite_message(const struct rewrite *r, const struct scan *scan, const char *text, size_t len,
                     struct buf *b)
{
    size_t done = 0;
    for (size_t i = 0; i < scan->count; i++) {
        const struct token *t = &scan->tokens[i];
        buf_put(b, text + done, t->at - done);
        put_token(r, t, text, b);
        done = t->at + t->len;
    }
    buf_put(b, text + done, len - done);
}
