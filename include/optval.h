/* SPDX-License-Identifier: MIT */
/*
 * The value of one option: text on its way in and out, and its place in struct config between.
 * Pure.
 */
#ifndef TICKD_OPTVAL_H
#define TICKD_OPTVAL_H

#include "config.h"
#include "err.h"
#include "options.h"
#include <stdbool.h>
#include <stddef.h>

/* Reads `text` into `c`, which owned what was there before. False: `e` says why not and what would
 * be right, without the value. */
bool optval_set(const struct option *o, struct config *c, const char *text, struct err *e)
    __attribute__((warn_unused_result));

/* Reads the text of an alias with its scale: "0.5" (s) becomes "500" (ms), on the heap. */
char *optval_scale(const struct option *o, const char *text, struct err *e)
    __attribute__((warn_unused_result));

/* The value in force as text that optval_set() takes, on the heap; secrets included. */
char *optval_get(const struct option *o, const struct config *c);

/* Frees what the option owns in `c`. */
void optval_fini(const struct option *o, struct config *c);

/* What values are right: "0 to 60000 ms", "yes or no", "earliest or latest". Cut to fit. */
void optval_describe(const struct option *o, char *out, size_t size);

#endif
