/* SPDX-License-Identifier: MIT */
/*
 * Reads a small file whole: configuration and secrets. Blocks; for start-up and reload only.
 */
#ifndef TICKD_SLURP_H
#define TICKD_SLURP_H

#include "err.h"
#include <stdbool.h>
#include <stddef.h>

struct slurp {
    char *text; /* heap; text[len] is '\0' */
    size_t len;
    bool public; /* a regular file that every user may read */
};

/* False: `e` says why, beginning with the path, and errno is set. More than `limit` bytes are
 * refused. */
bool slurp(struct slurp *s, const char *path, size_t limit, struct err *e)
    __attribute__((warn_unused_result));

/* True for a regular file that every user may read; false for one that cannot be looked at. */
bool slurp_is_public(const char *path);

/* Reads one value: a newline at the end is cut; an empty file, one with a NUL byte or
 * one of more than 64 KiB is refused. */
bool slurp_value(struct slurp *s, const char *path, struct err *e)
    __attribute__((warn_unused_result));

#endif
