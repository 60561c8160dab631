/* SPDX-License-Identifier: MIT */
/*
 * The messages that a stream consists of - canonical ticks, Pacifica's frames, the relay's
 * envelopes
 * - at the speed of the stream: one pass over the bytes, nothing copied but the texts of the
 * record, nothing allocated. Internal to the decoder.
 *
 * It knows only what is right: ticks, and frames that are to be ignored. A message with anything
 * wrong or unusual in it is declined, and then parsed in full; so there is one place that says why
 * a message is rejected.
 */
#ifndef TICKD_DECODE_FAST_H
#define TICKD_DECODE_FAST_H

#include "decode_item.h"

/* Adds the very items that parsing would give, or returns false and adds nothing. */
bool decode_fast(const struct decode_job *job);

#endif
