/* SPDX-License-Identifier: MIT */
/*
 * Writes JSON into a buffer, value by value: commas and escapes are its business, matching brackets
 * are the caller's.
 *
 * Pure. Whatever bytes a string has, what comes out is valid JSON in UTF-8: control characters are
 * escaped, and so are '<', '>' and '&', so that it may stand in HTML; what is not UTF-8 becomes
 * U+FFFD.
 */
#ifndef TICKD_JSON_OUT_H
#define TICKD_JSON_OUT_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
    struct buf *out; /* borrowed */
    bool comma;      /* a value stands before the next one */
};

/* Appends to what `out` holds. */
void json_out_init(struct json_out *j, struct buf *out);

/* '{', '[' and what closes them. */
void json_out_open(struct json_out *j, char bracket);
void json_out_close(struct json_out *j, char bracket);

/* The name of the member that comes next; a plain word. */
void json_out_key(struct json_out *j, const char *name);

void json_out_text(struct json_out *j, const char *text); /* NULL is null */
void json_out_bytes(struct json_out *j, const char *text, size_t len);
void json_out_int(struct json_out *j, int64_t value);
/* The shortest decimal that is this double again; null if it is not finite. */
void json_out_number(struct json_out *j, double value);
/* Rounded to `decimals`. */
void json_out_round(struct json_out *j, double value, int decimals);
void json_out_bool(struct json_out *j, bool value);
void json_out_null(struct json_out *j);
/* RFC 3339 in UTC with microseconds, as a string; null for INT64_MIN. */
void json_out_time(struct json_out *j, int64_t unix_us);

#endif
