/* SPDX-License-Identifier: MIT */
/*
 * A recording: files that are read one after the other, each in the format that its first line
 * shows.
 *
 *     jsonl   {"time":...}                        one message a line
 *     tsv     1723161480000872619 TAB {...}       arrival (Unix s, ms, us or ns, also with a
 * fraction) tsv3    1618677786.799668 TAB bybit TAB {...} csv     time,symbol,price,... a header
 * naming the columns of a tick; each row becomes a canonical tick
 *
 * Blank lines are passed over. What cannot be read is said with file and line, counted by the
 * caller, and the rest is read.
 */
#ifndef TICKREPLAY_RECORDING_H
#define TICKREPLAY_RECORDING_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDING_NO_TIME INT64_MIN

enum recording_format { FORMAT_AUTO, FORMAT_JSONL, FORMAT_TSV, FORMAT_TSV3, FORMAT_CSV };

/* One message. Borrowed until the next call. */
struct entry {
    int64_t arrival_ns; /* Unix time, or RECORDING_NO_TIME */
    const char *exchange;
    size_t exchange_len; /* 0 = the format has none */
    const char *payload;
    size_t payload_len;
};

enum recording_result {
    RECORDING_ENTRY,
    RECORDING_END,
    RECORDING_WAITING, /* nothing yet, or a signal came; call again */
    RECORDING_BAD,     /* a line, or the rest of a file; `e` says which and why. Call again */
};

struct recording;

/* `paths` are borrowed until recording_free(). */
struct recording *recording_new(char *const *paths, size_t count, enum recording_format format);
void recording_free(struct recording *r);

enum recording_result recording_next(struct recording *r, struct entry *entry, struct err *e);

/* Begins again with the first file. */
void recording_rewind(struct recording *r);

/* "FILE:LINE" of what recording_next() gave last. */
void recording_where(const struct recording *r, struct err *where);

/* How much of the files has been read, 0 to 1, or -1 if their size is not known. */
double recording_progress(const struct recording *r);

/* The format of a name, false if there is none. */
bool recording_format_parse(const char *name, enum recording_format *format);

#endif
