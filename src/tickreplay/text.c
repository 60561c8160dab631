/* SPDX-License-Identifier: MIT */
#include "text.h"

#include "timestamp.h"
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20

/* "YYYY-MM-DDThh:mm:ss". */
#define SECONDS_LEN 19

void text_put(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

/* The digits of `value`, right-aligned; returns where they begin. */
static char *digits_of(uint64_t value, char text[DIGITS_MAX])
{
    char *p = text + DIGITS_MAX;
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return p;
}

void text_put_int(struct buf *b, int64_t value)
{
    char text[DIGITS_MAX];
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    if (value < 0)
        buf_put_u8(b, '-');
    const char *p = digits_of(magnitude, text);
    buf_put(b, p, (size_t)(text + DIGITS_MAX - p));
}

void text_put_padded(struct buf *b, int64_t value, int width)
{
    char text[DIGITS_MAX];
    char *p = digits_of((uint64_t)value, text);
    while (text + DIGITS_MAX - p < width && p > text)
        *--p = '0';
    buf_put(b, p, (size_t)(text + DIGITS_MAX - p));
}

void text_put_time(struct buf *b, int64_t time_us, int digits, const char *zone)
{
    char text[TIMESTAMP_TEXT_SIZE];
    timestamp_format(time_us, text);
    buf_put(b, text, SECONDS_LEN + (size_t)(digits > 0 ? digits + 1 : 0));
    text_put(b, zone);
}

void text_put_json(struct buf *b, const char *s, size_t len)
{
    buf_put_u8(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') {
            buf_put_u8(b, '\\');
            buf_put_u8(b, c);
        } else if (c < 0x20) {
            char escape[sizeof "\\u0000"];
            snprintf(escape, sizeof escape, "\\u%04x", c);
            text_put(b, escape);
        } else {
            buf_put_u8(b, c);
        }
    }
    buf_put_u8(b, '"');
}
