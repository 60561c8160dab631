/* SPDX-License-Identifier: MIT */
/*
 * The lines of a source, numbered from 1. Owns the source.
 */
#ifndef TICKREPLAY_LINES_H
#define TICKREPLAY_LINES_H

#include "err.h"
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_BYTES (16 << 20)

enum line_result {
    LINE_READ,
    LINE_END,
    LINE_WAITING,  /* nothing yet, or a signal came; call again */
    LINE_TOO_LONG, /* above LINE_MAX_BYTES; passed over, there may be more lines */
    LINE_FAILED,   /* no more lines: `e` says why */
};

struct lines;

/* NULL: `e` says why. */
struct lines *lines_open(const char *path, struct err *e);
void lines_close(struct lines *l);

/* The next line, without its newline; it may be changed, and holds until the next call. A last line
 * without a newline is a line, unless the source broke off there. */
enum line_result lines_next(struct lines *l, char **line, size_t *len, struct err *e);

/* Number of the line that lines_next() gave last. */
uint64_t lines_number(const struct lines *l);

/* As in source.h. */
uint64_t lines_position(const struct lines *l);
uint64_t lines_size(const struct lines *l);

#endif
