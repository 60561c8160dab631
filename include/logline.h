/* SPDX-License-Identifier: MIT */
/*
 * The text of one log line: logfmt or JSON, escaped, cut to a length that a pipe takes at once.
 *
 * Pure; what the bytes of a value are does not matter: control characters and what a terminal would
 * obey are escaped, invalid UTF-8 becomes U+FFFD, and a JSON line is one JSON object whatever
 * comes.
 */
#ifndef TICKD_LOGLINE_H
#define TICKD_LOGLINE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* PIPE_BUF of Linux: a write of this size to a pipe is taken whole or not at all. */
#define LOGLINE_MAX 4096

struct logline {
    char text[LOGLINE_MAX];
    size_t len;
    bool json;
    bool empty; /* no key yet */
    bool full;  /* something was cut; nothing is added any more */
};

/* Starts a line. `priority` 0..7 puts a journald prefix in front; -1 does not. */
void logline_begin(struct logline *l, bool json, int priority);

/* Adds one pair; `number` asks for a bare number in JSON, where `value` is one. */
void logline_put(struct logline *l, const char *key, const char *value, size_t len, bool number);

/* Adds the pairs of a format as log_event() takes it. */
void logline_put_fields(struct logline *l, const char *fields, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Ends the line with a newline, after cut=true if something did not fit. */
void logline_end(struct logline *l);

#endif
