/* SPDX-License-Identifier: MIT */
/*
 * Renders the vitals for Prometheus, from the one table in metrics_list.h.
 *
 * Pure.
 */
#ifndef TICKD_METRICS_H
#define TICKD_METRICS_H

#include "buf.h"
#include "vitals.h"

enum metrics_format {
    METRICS_TEXT,        /* text/plain; version=0.0.4 */
    METRICS_OPENMETRICS, /* application/openmetrics-text; version=1.0.0 */
};

/* The format that a request's Accept header (or NULL) asks for. */
enum metrics_format metrics_negotiate(const char *accept);

/* The value for Content-Type. Static storage. */
const char *metrics_content_type(enum metrics_format format);

/* Appends the whole exposition. */
void metrics_render(struct buf *out, const struct vitals *v, enum metrics_format format);

#endif
