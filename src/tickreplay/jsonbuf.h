/* SPDX-License-Identifier: MIT */
/*
 * A JSON value as text at the end of a buffer.
 */
#ifndef TICKREPLAY_JSONBUF_H
#define TICKREPLAY_JSONBUF_H

#include "buf.h"
#include <jansson.h>
#include <stddef.h>

/* Appends `value`, indented by so many blanks a level, and a newline. Takes the reference. */
void jsonbuf_put_new(struct buf *out, json_t *value, size_t indent);

#endif
