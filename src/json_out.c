/* SPDX-License-Identifier: MIT */
#include "json_out.h"

#include "timestamp.h"
#include "utf8.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_out_init(struct json_out *j, struct buf *out)
{
    *j = (struct json_out){.out = out};
}

static void begin_value(struct json_out *j)
{
    if (j->comma)
        buf_put(j->out, ",", 1);
    j->comma = true;
}

void json_out_open(struct json_out *j, char bracket)
{
    begin_value(j);
    buf_put(j->out, &bracket, 1);
    j->comma = false;
}

void json_out_close(struct json_out *j, char bracket)
{
    buf_put(j->out, &bracket, 1);
    j->comma = true;
}

void json_out_key(struct json_out *j, const char *name)
{
    json_out_text(j, name);
    buf_put(j->out, ":", 1);
    j->comma = false;
}

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && !strchr("\"\\<>&", c);
}

static void put_escaped(struct buf *out, uint32_t code)
{
    char text[8];
    int len = snprintf(text, sizeof text, "\\u%04" PRIx32, code);
    buf_put(out, text, (size_t)len);
}

/* One character that is not plain; returns its length. */
static size_t put_character(struct buf *out, const char *text, size_t len)
{
    uint32_t code = 0;
    size_t n = utf8_next(text, len, &code);
    if (n == 0) {
        put_escaped(out, 0xfffd);
        return 1;
    }
    if (code < 0xa0 || code == 0x2028 || code == 0x2029)
        put_escaped(out, code);
    else
        buf_put(out, text, n);
    return n;
}

void json_out_bytes(struct json_out *j, const char *text, size_t len)
{
    begin_value(j);
    buf_put(j->out, "\"", 1);
    for (size_t at = 0; at < len;) {
        size_t plain = 0;
        while (at + plain < len && is_plain(text[at + plain]))
            plain++;
        buf_put(j->out, text + at, plain);
        at += plain;
        if (at < len)
            at += put_character(j->out, text + at, len - at);
    }
    buf_put(j->out, "\"", 1);
}

void json_out_text(struct json_out *j, const char *text)
{
    if (text)
        json_out_bytes(j, text, strlen(text));
    else
        json_out_null(j);
}

static void put_word(struct json_out *j, const char *word)
{
    begin_value(j);
    buf_put(j->out, word, strlen(word));
}

void json_out_int(struct json_out *j, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    put_word(j, text);
}

void json_out_number(struct json_out *j, double value)
{
    char text[32];
    if (!isfinite(value)) {
        json_out_null(j);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    put_word(j, text);
}

void json_out_round(struct json_out *j, double value, int decimals)
{
    double scale = pow(10, decimals);
    double rounded = round(value * scale) / scale;
    json_out_number(j, isfinite(rounded) ? rounded : value);
}

void json_out_bool(struct json_out *j, bool value)
{
    put_word(j, value ? "true" : "false");
}

void json_out_null(struct json_out *j)
{
    put_word(j, "null");
}

void json_out_time(struct json_out *j, int64_t unix_us)
{
    char text[TIMESTAMP_TEXT_SIZE];
    if (unix_us == INT64_MIN)
        json_out_null(j);
    else
        json_out_text(j, timestamp_format(unix_us, text));
}
