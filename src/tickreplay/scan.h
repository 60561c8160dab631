/* SPDX-License-Identifier: MIT */
/*
 * Finds, in the text of a message, where its symbols and event times stand, so that they can be
 * read or replaced while every other byte stays as it is. It is not a JSON parser: it reads what
 * has the shape of a known message and stops at what has not. Pure.
 *
 * Times are looked for where docs/formats.md has them: a message of another shape has none. Symbols
 * are also found in frames of other exchanges ("symbol" or "s", at the top or in "data").
 */
#ifndef TICKREPLAY_SCAN_H
#define TICKREPLAY_SCAN_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
    TOKEN_SYMBOL,  /* the text between the quotes */
    TOKEN_INTEGER, /* a time in s, ms, us or ns, with quotes or without; without them here */
    TOKEN_RFC3339, /* a time as text, without its quotes */
};

struct token {
    enum token_kind kind;
    uint32_t at;
    uint32_t len;
};

/* Reused from message to message. */
struct scan {
    struct token *tokens; /* in the order of the text */
    size_t count;
    size_t cap;
    struct buf inner;   /* a message inside a string, without its escapes */
    struct buf offsets; /* where each of its bytes came from */
};

void scan_init(struct scan *s);
void scan_fini(struct scan *s);

/* Replaces what `s` held. Texts of 4 GiB and more have no tokens. */
void scan_message(struct scan *s, const char *text, size_t len);

/* The first symbol, or NULL. */
const struct token *scan_symbol(const struct scan *s);

/* The first event time in Unix us. False if there is none. */
bool scan_time(const struct scan *s, const char *text, int64_t *time_us);

#endif
