/* SPDX-License-Identifier: MIT */
#include "detail.h"

#include "utf8.h"
#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define UNIT_MAX  12 /* the longest escape, with room to spare */
#define PRINT_MAX 512

/* One character as it will be shown. */
struct unit {
    char text[UNIT_MAX];
    size_t len;      /* of text */
    size_t consumed; /* bytes of input */
};

struct detail detail_start(char *text, size_t size)
{
    assert(size > 0);
    text[0] = '\0';
    return (struct detail){.text = text, .size = size, .len = 0};
}

/* Controls, and what breaks a line or reorders it on a terminal. */
static bool must_escape(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xfeff;
}

static char short_escape(uint32_t code)
{
    switch (code) {
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

__attribute__((format(printf, 2, 3))) static void unit_print(struct unit *u, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(u->text, sizeof u->text, fmt, ap);
    va_end(ap);
    assert(n > 0 && (size_t)n < sizeof u->text);
    u->len = (size_t)n;
}

static struct unit next_unit(const char *s, size_t len, bool quoted)
{
    struct unit u = {.len = 0};
    uint32_t code = 0;
    u.consumed = utf8_next(s, len, &code);
    if (u.consumed == 0) {
        u.consumed = 1;
        unit_print(&u, "\\x%02x", (unsigned)(unsigned char)s[0]);
    } else if (short_escape(code)) {
        unit_print(&u, "\\%c", short_escape(code));
    } else if (must_escape(code)) {
        unit_print(&u, "\\u%04x", (unsigned)code);
    } else if (quoted && (code == '"' || code == '\\')) {
        unit_print(&u, "\\%c", (int)code);
    } else {
        memcpy(u.text, s, u.consumed);
        u.len = u.consumed;
    }
    return u;
}

static void append(struct detail *d, const char *text, size_t len)
{
    assert(len < d->size - d->len);
    memcpy(d->text + d->len, text, len);
    d->len += len;
    d->text[d->len] = '\0';
}

/* Appends as many whole characters as fit into `room` bytes; returns how many bytes of input. */
static size_t append_units(struct detail *d, const char *s, size_t len, size_t room, bool quoted)
{
    size_t at = 0;
    while (at < len) {
        struct unit u = next_unit(s + at, len - at, quoted);
        if (u.len > room)
            break;
        append(d, u.text, u.len);
        room -= u.len;
        at += u.consumed;
    }
    return at;
}

void detail_print(struct detail *d, const char *fmt, ...)
{
    char text[PRINT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        append_units(d, text, strlen(text), d->size - 1 - d->len, false);
}

void detail_quote(struct detail *d, const char *bytes, size_t len, size_t max)
{
    static const char end[] = "\"...";
    size_t room = d->size - 1 - d->len;
    if (room < 1 + strlen(end))
        return;
    room -= 1 + strlen(end);

    append(d, "\"", 1);
    size_t shown = append_units(d, bytes, len, room < max ? room : max, true);
    append(d, end, shown == len ? 1 : strlen(end));
}
