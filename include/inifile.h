/* SPDX-License-Identifier: MIT */
/*
 * Reads "key = value" lines. Pure.
 *
 * A line is blank, a comment (first character # or ;), or a key, '=', and a value, which is the
 * rest of the line without blanks at its ends. The value is taken as it stands: no quotes, no
 * escapes, no comment behind it, no continuation, no limit to its length, so that a password may
 * hold anything but a newline. There are no sections.
 */
#ifndef TICKD_INIFILE_H
#define TICKD_INIFILE_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

/* One pair. False stops with the error set in `e`. */
typedef bool inifile_fn(void *ctx, unsigned line, const char *key, const char *value,
                        struct err *e);

/* Calls `fn` for each pair of `text` (changed while reading; text[len] must be writable). False:
 * `e` names `name` and the line. */
bool inifile_parse(const char *name, char *text, size_t len, inifile_fn *fn, void *ctx,
                   struct err *e) __attribute__((warn_unused_result));

#endif
