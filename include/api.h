/* SPDX-License-Identifier: MIT */
/*
 * The documents that are served as JSON, and the events of the stream; their shapes are in
 * docs/http.md.
 *
 * Pure: from the vitals, into a buffer (appended).
 */
#ifndef TICKD_API_H
#define TICKD_API_H

#include "buf.h"
#include "vitals.h"
#include <stdbool.h>
#include <stdint.h>

void api_pairs(struct buf *out, const struct vitals *v);
void api_latest_prices(struct buf *out, const struct vitals *v);
void api_status(struct buf *out, const struct vitals *v);
void api_ready(struct buf *out, const struct vitals *v);
void api_health(struct buf *out, const struct vitals *v);

/* Server-sent events, each with its empty line. */

/* Prices that have changed since change number `since` (quotes_change()); 0: all. Nothing is
 * appended if none has. */
void api_event_prices(struct buf *out, const struct vitals *v, uint64_t since);
/* State, totals and rates of all pairs. */
void api_event_state(struct buf *out, const struct vitals *v);

#endif
