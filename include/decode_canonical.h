/* SPDX-License-Identifier: MIT */
/*
 * Canonical ticks: an object that names the columns, or an array of such. Internal to the decoder.
 */
#ifndef TICKD_DECODE_CANONICAL_H
#define TICKD_DECODE_CANONICAL_H

#include "decode_item.h"

/* True if the object says by its keys that it is a tick, complete or not. */
bool decode_canonical_is(const json_t *object);

/* Adds the items of `value`, an object or an array. */
void decode_canonical(const struct decode_job *job, const json_t *value);

#endif
