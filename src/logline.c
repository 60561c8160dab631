/* SPDX-License-Identifier: MIT */
#include "logline.h"

#include "utf8.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Kept free for what must still follow a cut: three dots, quote, "cut", brace, newline. */
#define CLOSING 20
#define LIMIT   (LOGLINE_MAX - CLOSING)

/* Formats of log_event() are literals of our own; a longer one loses its last fields. */
#define FIELDS_MAX 512

static void put_closing(struct logline *l, const char *s)
{
    size_t n = strlen(s);
    assert(l->len + n <= LOGLINE_MAX);
    memcpy(l->text + l->len, s, n);
    l->len += n;
}

static bool put(struct logline *l, const char *s, size_t n)
{
    if (l->full)
        return false;
    if (l->len + n > LIMIT) {
        l->full = true;
        return false;
    }
    memcpy(l->text + l->len, s, n);
    l->len += n;
    return true;
}

/* True for what ends a line somewhere, moves a terminal's cursor or turns the text round. */
static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F) || cp == 0x200E || cp == 0x200F ||
           (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

/* Adds the character at `s` as it stands between quotes; returns how many bytes it took. */
static size_t put_char(struct logline *l, const char *s, size_t n)
{
    uint32_t cp = 0;
    size_t len = utf8_next(s, n, &cp);
    char escape[8];
    if (len == 0) {
        put(l, "\xEF\xBF\xBD", 3); /* U+FFFD */
        return 1;
    }
    if (cp == '"' || cp == '\\') {
        put(l, (const char[]){'\\', (char)cp}, 2);
    } else if (cp == '\n' || cp == '\t' || cp == '\r') {
        put(l, cp == '\n' ? "\\n" : cp == '\t' ? "\\t" : "\\r", 2);
    } else if (is_control(cp)) {
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(cp & 0xFFFF));
        put(l, escape, 6);
    } else {
        put(l, s, len);
    }
    return len;
}

static void put_text(struct logline *l, const char *value, size_t len)
{
    for (size_t i = 0; i < len && !l->full;)
        i += put_char(l, value + i, len - i);
    if (l->full)
        put_closing(l, "...");
}

static bool needs_quotes(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t cp = 0;
        size_t n = utf8_next(value + i, len - i, &cp);
        if (n == 0 || is_control(cp) || cp == ' ' || cp == '"' || cp == '=' || cp == '\\')
            return true;
        i += n - 1;
    }
    return len == 0;
}

static size_t count_digits(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

/* True if JSON takes it as a number (RFC 8259, section 6). */
static bool is_number(const char *s, size_t len)
{
    const char *end = s + len;
    if (s < end && *s == '-')
        s++;
    size_t n = count_digits(s, (size_t)(end - s));
    if (n == 0 || (n > 1 && *s == '0'))
        return false;
    s += n;
    if (s < end && *s == '.') {
        n = count_digits(s + 1, (size_t)(end - s - 1));
        if (n == 0)
            return false;
        s += 1 + n;
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        s++;
        if (s < end && (*s == '+' || *s == '-'))
            s++;
        n = count_digits(s, (size_t)(end - s));
        if (n == 0)
            return false;
        s += n;
    }
    return s == end;
}

void logline_begin(struct logline *l, bool json, int priority)
{
    l->len = 0;
    l->json = json;
    l->empty = true;
    l->full = false;
    if (priority >= 0)
        put(l, (const char[]){'<', (char)('0' + (priority & 7)), '>'}, 3);
    if (json)
        put(l, "{", 1);
}

/* Starts a pair; false if there is no room for it. */
static bool put_key(struct logline *l, const char *key)
{
    size_t n = strlen(key);
    if (l->len + n + 2 * CLOSING > LIMIT)
        l->full = true;
    if (l->full)
        return false;
    if (!l->empty)
        put(l, l->json ? "," : " ", 1);
    l->empty = false;
    if (l->json)
        put(l, "\"", 1);
    put(l, key, n);
    if (l->json)
        put(l, "\":", 2);
    else
        put(l, "=", 1);
    return true;
}

void logline_put(struct logline *l, const char *key, const char *value, size_t len, bool number)
{
    if (!put_key(l, key))
        return;
    bool bare = l->json ? number && len < 40 && is_number(value, len) : !needs_quotes(value, len);
    if (bare && l->len + len > LIMIT)
        bare = false;
    if (!bare)
        put(l, "\"", 1);
    put_text(l, value, len);
    if (!bare)
        put_closing(l, "\"");
}

/* `p` is at a '%': returns what follows the conversion, and its last character. */
static const char *skip_conversion(const char *p, char *conversion)
{
    p++;
    p += strspn(p, "-+#0123456789.*hlLqjzt");
    *conversion = *p;
    return *p ? p + 1 : p;
}

/* `p` is at a value in a format: returns its end, and whether it is one numeric conversion. */
static const char *skip_value(const char *p, bool *number)
{
    const char *start = p;
    char conversion = '\0';
    *number = false;
    while (*p && *p != ' ') {
        if (*p == '%') {
            const char *next = skip_conversion(p, &conversion);
            *number = p == start && strchr("diufFeEgG", conversion);
            p = next;
        } else {
            *number = false;
            p++;
        }
    }
    return p;
}

/* Length of the first `n` bytes of a format when they are filled in. */
static __attribute__((format(printf, 1, 0))) size_t measure(const char *fields, size_t n,
                                                            va_list args)
{
    char prefix[FIELDS_MAX];
    assert(n < sizeof prefix);
    memcpy(prefix, fields, n);
    prefix[n] = '\0';
    va_list copy;
    va_copy(copy, args);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int len = vsnprintf(NULL, 0, prefix, copy);
#pragma GCC diagnostic pop
    va_end(copy);
    return len < 0 ? 0 : (size_t)len;
}

static size_t count_blanks(const char *s)
{
    size_t n = 0;
    while ((s = strchr(s, ' '))) {
        s++;
        n++;
    }
    return n;
}

/*
 * A value may hold blanks and equal signs, so the filled-in text cannot be taken apart at them. The
 * format can: where a value ends in the text is the length of the format up to there, filled in. If
 * the text has no more blanks than the format, it is at the next one.
 */
void logline_put_fields(struct logline *l, const char *fields, va_list args)
{
    char text[2 * LOGLINE_MAX];
    va_list copy;
    va_copy(copy, args);
    int written = vsnprintf(text, sizeof text, fields, copy);
    va_end(copy);
    size_t text_len = written < 0 ? 0 : (size_t)written;
    if (text_len > sizeof text - 1)
        text_len = sizeof text - 1;

    bool plain = (size_t)written == text_len && count_blanks(text) == count_blanks(fields);
    size_t at = 0; /* in text, where the format's `p` is */
    for (const char *p = fields; *p && !l->full;) {
        const char *equals = strchr(p, '=');
        char key[64];
        size_t key_len = equals ? (size_t)(equals - p) : sizeof key;
        if (key_len >= sizeof key)
            return;
        memcpy(key, p, key_len);
        key[key_len] = '\0';

        bool number;
        const char *end = skip_value(equals + 1, &number);
        if ((size_t)(end - fields) >= FIELDS_MAX)
            return;
        size_t from = at + key_len + 1;
        size_t to =
            plain ? at + strcspn(text + at, " ") : measure(fields, (size_t)(end - fields), args);
        from = from < text_len ? from : text_len;
        to = to < from ? from : to;
        logline_put(l, key, text + from, (to < text_len ? to : text_len) - from, number);
        at = *end ? to + 1 : to;
        p = *end ? end + 1 : end;
    }
}

void logline_end(struct logline *l)
{
    if (l->full)
        put_closing(l, l->json ? ",\"cut\":true" : " cut=true");
    put_closing(l, l->json ? "}\n" : "\n");
}
