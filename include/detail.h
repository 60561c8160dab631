/* SPDX-License-Identifier: MIT */
/*
 * Short texts about bad input, safe to store in rejected_ticks.detail and to show in a terminal.
 *
 * Writes into memory of the caller, which is at every moment a NUL-terminated, valid UTF-8 string
 * without control characters; what does not fit is cut at a character. Pure.
 */
#ifndef TICKD_DETAIL_H
#define TICKD_DETAIL_H

#include <stddef.h>

struct detail {
    char *text;
    size_t size; /* of the memory, the NUL included */
    size_t len;
};

/* Starts an empty text in `size` (at least 1) bytes at `text`. */
struct detail detail_start(char *text, size_t size);

/* Appends formatted text. Strings from outside may be passed to %s: they are escaped as the rest
 * is. */
void detail_print(struct detail *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends `len` bytes in double quotes; at most `max` bytes of output between the quotes, and "..."
 * after them if not all is shown. */
void detail_quote(struct detail *d, const char *bytes, size_t len, size_t max);

#endif
