/* SPDX-License-Identifier: MIT */
#include "utf8.h"

/* What a lead byte announces. `low` is the smallest code point that needs this length. */
struct lead {
    size_t length;
    uint32_t bits;
    uint32_t low;
};

static struct lead read_lead(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, byte, 0};
    if (byte >= 0xc2 && byte <= 0xdf)
        return (struct lead){2, byte & 0x1fU, 0x80};
    if (byte >= 0xe0 && byte <= 0xef)
        return (struct lead){3, byte & 0x0fU, 0x800};
    if (byte >= 0xf0 && byte <= 0xf4)
        return (struct lead){4, byte & 0x07U, 0x10000};
    return (struct lead){0, 0, 0};
}

size_t utf8_next(const char *s, size_t len, uint32_t *code)
{
    if (len == 0)
        return 0;
    struct lead lead = read_lead((uint8_t)s[0]);
    if (lead.length == 0 || lead.length > len)
        return 0;

    uint32_t point = lead.bits;
    for (size_t i = 1; i < lead.length; i++) {
        uint8_t byte = (uint8_t)s[i];
        if ((byte & 0xc0U) != 0x80U)
            return 0;
        point = point << 6 | (byte & 0x3fU);
    }
    if (point < lead.low || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    if (code)
        *code = point;
    return lead.length;
}

size_t utf8_valid_prefix(const char *s, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = utf8_next(s + at, len - at, NULL);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}
