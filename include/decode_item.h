/* SPDX-License-Identifier: MIT */
/*
 * What the decoders of all shapes share: adding items to a message's result, and reading a tick's
 * fields from JSON by one set of rules (docs/formats.md, "Fields"). Internal to the decoder.
 *
 * Readers return true if the field is good; else they have rejected the item and the decoder stops
 * with it, so that the first bad field gives the reason.
 */
#ifndef TICKD_DECODE_ITEM_H
#define TICKD_DECODE_ITEM_H

#include "decode.h"
#include <jansson.h>
#include <stdbool.h>

/* One message on its way through the decoder; all borrowed. */
struct decode_job {
    const struct decode_options *options;
    const struct message *message;
    struct decoded *out;
};

/* A member of an object. `value` is borrowed, and NULL if the member is absent or null: the two are
 * the same everywhere. */
struct field {
    const char *name;
    const json_t *value;
};

struct field field_of(const json_t *object, const char *name);

/* The first if it has a value, else the second if that has one, else the first. */
struct field field_or(struct field first, struct field second);

/* Appends an item, a tick from `source` with nothing in it yet. Valid until the next one is added.
 */
struct decode_item *decode_add(struct decoded *out, enum record_source source);

/* Appends an item that is not a tick. */
void decode_add_ignored(struct decoded *out);

/* Reject the item; return false. A field with a NUL byte in it is rejected for that, whatever the
 * reason was to be. */
bool decode_reject(struct decode_item *item, enum reject_reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool decode_reject_field(struct decode_item *item, enum reject_reason reason, struct field f);

/* Decodes one object into `item`; `context` is what decode_each() was given. */
typedef void decode_one_fn(const struct decode_job *job, const json_t *object, const void *context,
                           struct decode_item *item);

/* One item for an object, one for each element of an array (an element that is no object is
 * rejected), one ignored item for an empty array, and one rejected item for an array longer than
 * max_ticks or for what is neither. */
void decode_each(const struct decode_job *job, const json_t *value, enum record_source source,
                 decode_one_fn *decode_one, const void *context);

/* The field as a finite double: a JSON number, or a string that number_parse() takes. */
bool field_number(struct field f, double *value);

/* Required; 1 to RECORD_SYMBOL_MAX bytes. */
bool decode_symbol(struct decode_item *item, struct field f);
/* Absent: options' default; at most RECORD_EXCHANGE_MAX bytes. */
bool decode_exchange(const struct decode_job *job, struct decode_item *item, struct field f);
/* RFC 3339, an integer, or an integer in a string (timestamp.h); absent: Kafka's. */
bool decode_time(const struct decode_job *job, struct decode_item *item, struct field f);
/* Required; above zero. */
bool decode_price(struct decode_item *item, struct field f);
/* Absent: 0; zero or more. */
bool decode_volume(struct decode_item *item, struct field f);
/* Absent: NaN; above zero. */
bool decode_quote(struct decode_item *item, struct field f, double *value);

#endif
