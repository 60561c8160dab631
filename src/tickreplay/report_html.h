/* SPDX-License-Identifier: MIT */
/*
 * A measurement as one HTML page that needs nothing but itself: no script, no font, no image from
 * elsewhere. Readable on a phone and in dark mode. Pure.
 */
#ifndef TICKREPLAY_REPORT_HTML_H
#define TICKREPLAY_REPORT_HTML_H

#include "buf.h"
#include "measurement.h"

/* Appends the page. */
void report_html(const struct measurement *m, struct buf *out);

#endif
