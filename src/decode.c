/* SPDX-License-Identifier: MIT */
/*
 * Usual path: look at the size, let decode_fast() scan the message. What that declines is parsed:
 * tell the shape by the keys, let the shape's decoder add the items. The parser is the reference:
 * decode_fast() gives the same items, or declines.
 */
#include "decode.h"

#include "decode_canonical.h"
#include "decode_fast.h"
#include "decode_frame.h"
#include "json_text.h"
#include <assert.h>
#include <stdlib.h>

void decoded_init(struct decoded *d)
{
    json_text_init();
    *d = (struct decoded){.items = NULL};
}

void decoded_fini(struct decoded *d)
{
    free(d->items);
    free(d->unescaped);
    *d = (struct decoded){.items = NULL};
}

static const char *name_of(enum decode_shape shape)
{
    switch (shape) {
    case SHAPE_AUTO:
        break;
    case SHAPE_CANONICAL:
        return "canonical";
    case SHAPE_RELAY:
        return "relay";
    case SHAPE_PACIFICA:
        return "pacifica";
    }
    return "auto";
}

/* SHAPE_AUTO if it is none of them. */
static enum decode_shape recognise(const json_t *value)
{
    if (json_is_array(value) || decode_canonical_is(value))
        return SHAPE_CANONICAL;
    if (decode_frame_is(value))
        return decode_frame_is_relayed(value) ? SHAPE_RELAY : SHAPE_PACIFICA;
    return SHAPE_AUTO;
}

static void decode_value(const struct decode_job *job, const json_t *value)
{
    enum decode_shape wanted = job->options->shape;
    enum decode_shape shape = recognise(value);
    if (shape == SHAPE_AUTO) {
        struct field f = {"neither tick nor frame", value};
        decode_reject_field(decode_add(job->out, SOURCE_CANONICAL), REJECT_UNKNOWN_SHAPE, f);
    } else if (wanted != SHAPE_AUTO && wanted != shape) {
        decode_reject(decode_add(job->out, SOURCE_CANONICAL), REJECT_UNKNOWN_SHAPE,
                      "shape: %s, and decoder = %s", name_of(shape), name_of(wanted));
    } else if (shape == SHAPE_CANONICAL) {
        decode_canonical(job, value);
    } else {
        decode_frame(job, value);
    }
}

static void decode_by_parsing(const struct decode_job *job)
{
    char text[DECODE_DETAIL_MAX];
    struct detail why = detail_start(text, sizeof text);
    enum reject_reason reason = REJECT_NONE;
    json_t *value =
        json_text_parse(job->message->payload, job->message->payload_len, &reason, &why);
    if (!value) {
        decode_reject(decode_add(job->out, SOURCE_CANONICAL), reason, "%s", text);
        return;
    }
    decode_value(job, value);
    json_decref(value);
}

void decode_message(const struct decode_options *options, const struct message *m,
                    struct decoded *out)
{
    const struct decode_job job = {.options = options, .message = m, .out = out};
    out->count = 0;
    if (!m->payload || m->payload_len == 0)
        decode_reject(decode_add(out, SOURCE_CANONICAL), REJECT_BAD_JSON, "empty message");
    else if (m->payload_len > options->max_message_bytes)
        decode_reject(decode_add(out, SOURCE_CANONICAL), REJECT_TOO_LARGE, "%zu bytes, not %zu",
                      m->payload_len, options->max_message_bytes);
    else if (options->parse_all || !decode_fast(&job))
        decode_by_parsing(&job);
    assert(out->count > 0);
}
