/* SPDX-License-Identifier: MIT */
/*
 * Text appended to a buffer, without printf: a recording is written a field at a time, millions of
 * them. Pure.
 */
#ifndef TICKREPLAY_TEXT_H
#define TICKREPLAY_TEXT_H

#include "buf.h"
#include <stdint.h>

/* A string, without its NUL. */
void text_put(struct buf *b, const char *s);

void text_put_int(struct buf *b, int64_t value);

/* A number of 0 or more, with zeros in front up to `width` digits (at most 20). */
void text_put_padded(struct buf *b, int64_t value, int width);

/* "2025-11-15T16:45:36.209097" and `zone` behind it; `digits` (0-6) after the point. */
void text_put_time(struct buf *b, int64_t time_us, int digits, const char *zone);

/* A JSON string with its quotes; bytes that are not UTF-8 go through as they are. */
void text_put_json(struct buf *b, const char *s, size_t len);

#endif
