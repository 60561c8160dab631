/* SPDX-License-Identifier: MIT */
/*
 * Line plots as SVG that is written into a page: colours are the page's classes (line1, line2, ...
 * axis, grid), so that dark mode is its business. Pure.
 */
#ifndef TICKREPLAY_PLOT_H
#define TICKREPLAY_PLOT_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>

struct plot_line {
    const char *name;
    const double *values; /* one for each x; NaN is a gap */
    bool right;           /* against the axis on the right */
};

struct plot {
    const char *id; /* unique in the page */
    const char *title;
    const char *left_unit;
    const char *right_unit; /* "" = no axis on the right */
    const double *x;        /* seconds, rising */
    size_t count;
    const struct plot_line *lines;
    size_t line_count;
};

/* Appends a <figure> with title, legend and plot. */
void plot_put(const struct plot *p, struct buf *out);

/* Appends formatted text. */
void plot_print(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The distance of the marks of an axis from 0 to `max`: 1, 2, 2.5 or 5 times a power of ten, such
 * that there are 3 to 6 marks above 0. `max` > 0. */
double plot_step(double max);

#endif
