/* SPDX-License-Identifier: MIT */
/*
 * Sorts items by event time, then arrival, in bounded memory: what does not fit goes in sorted runs
 * to an unnamed temporary file ($TMPDIR, else /var/tmp) and is merged from there.
 */
#ifndef TICKREPLAY_ITEMSORT_H
#define TICKREPLAY_ITEMSORT_H

#include "err.h"
#include "item.h"
#include <stdbool.h>
#include <stddef.h>

struct itemsort;

/* Keeps up to `in_memory` items (at least 1) in memory. */
struct itemsort *itemsort_new(size_t in_memory);
void itemsort_free(struct itemsort *s);

/* False: the temporary file cannot be written; `e` says why. */
bool itemsort_add(struct itemsort *s, const struct item *i, struct err *e)
    __attribute__((warn_unused_result));

/* Ends the adding. */
bool itemsort_finish(struct itemsort *s, struct err *e) __attribute__((warn_unused_result));

/* The next item, which stays until the call after; *item is NULL at the end. */
bool itemsort_next(struct itemsort *s, const struct item **item, struct err *e)
    __attribute__((warn_unused_result));

#endif
