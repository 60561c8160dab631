/* SPDX-License-Identifier: MIT */
/*
 * Pacifica's websocket frames, as they come and in the relay's envelope: {"channel": ..., "data":
 * ...}. Internal to the decoder.
 */
#ifndef TICKD_DECODE_FRAME_H
#define TICKD_DECODE_FRAME_H

#include "decode_item.h"

/* True if the object is a frame, or a control frame without a channel ("error", "err"). */
bool decode_frame_is(const json_t *object);

/* True if the frame is in the relay's envelope, which has a symbol or a time of its own. */
bool decode_frame_is_relayed(const json_t *frame);

/* Adds the items of a frame for which decode_frame_is() holds. */
void decode_frame(const struct decode_job *job, const json_t *frame);

#endif
