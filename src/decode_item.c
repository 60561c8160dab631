/* SPDX-License-Identifier: MIT */
#include "decode_item.h"

#include "detail.h"
#include "err.h"
#include "json_text.h"
#include "number.h"
#include "timestamp.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct field field_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return (struct field){name, json_is_null(value) ? NULL : value};
}

struct field field_or(struct field first, struct field second)
{
    return first.value || !second.value ? first : second;
}

struct decode_item *decode_add(struct decoded *out, enum record_source source)
{
    if (out->count == out->cap) {
        out->cap = out->cap ? out->cap * 2 : 8;
        out->items = err_realloc(out->items, out->cap * sizeof *out->items);
    }
    struct decode_item *item = &out->items[out->count++];
    item->verdict = DECODE_TICK;
    item->reason = REJECT_NONE;
    item->detail[0] = '\0';
    item->record = (struct record){.bid = NAN, .ask = NAN, .source = source};
    return item;
}

void decode_add_ignored(struct decoded *out)
{
    decode_add(out, SOURCE_CANONICAL)->verdict = DECODE_IGNORED;
}

static void reject(struct decode_item *item, enum reject_reason reason)
{
    item->verdict = DECODE_REJECTED;
    item->reason = reason;
}

bool decode_reject(struct decode_item *item, enum reject_reason reason, const char *fmt, ...)
{
    char text[DECODE_DETAIL_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);

    reject(item, reason);
    struct detail d = detail_start(item->detail, sizeof item->detail);
    detail_print(&d, "%s", text);
    return false;
}

static bool has_nul(const json_t *value)
{
    return json_is_string(value) &&
           memchr(json_string_value(value), '\0', json_string_length(value)) != NULL;
}

bool decode_reject_field(struct decode_item *item, enum reject_reason reason, struct field f)
{
    reject(item, has_nul(f.value) ? REJECT_NUL_BYTE : reason);
    struct detail d = detail_start(item->detail, sizeof item->detail);
    detail_print(&d, "%s: ", f.name);
    json_text_describe(f.value, &d);
    return false;
}

/* As decode_reject_field(), for a text that is too long to be shown whole. */
static bool reject_long(struct decode_item *item, struct field f, size_t max)
{
    reject(item, REJECT_TEXT_TOO_LONG);
    struct detail d = detail_start(item->detail, sizeof item->detail);
    detail_print(&d, "%s: %zu bytes, not %zu: ", f.name, json_string_length(f.value), max);
    json_text_describe(f.value, &d);
    return false;
}

static void decode_object(const struct decode_job *job, const json_t *value,
                          enum record_source source, decode_one_fn *decode_one, const void *context)
{
    struct decode_item *item = decode_add(job->out, source);
    if (json_is_object(value))
        decode_one(job, value, context, item);
    else
        decode_reject_field(item, REJECT_UNKNOWN_SHAPE, (struct field){"not an object", value});
}

void decode_each(const struct decode_job *job, const json_t *value, enum record_source source,
                 decode_one_fn *decode_one, const void *context)
{
    size_t count = json_array_size(value);
    if (!json_is_array(value)) {
        decode_object(job, value, source, decode_one, context);
    } else if (count == 0) {
        decode_add_ignored(job->out);
    } else if (count > job->options->max_ticks) {
        decode_reject(decode_add(job->out, source), REJECT_TOO_MANY_TICKS, "%zu, not %zu", count,
                      job->options->max_ticks);
    } else {
        for (size_t i = 0; i < count; i++)
            decode_object(job, json_array_get(value, i), source, decode_one, context);
    }
}

bool field_number(struct field f, double *value)
{
    if (json_is_number(f.value))
        *value = json_number_value(f.value);
    else if (!json_is_string(f.value) ||
             !number_parse(json_string_value(f.value), json_string_length(f.value), value))
        return false;
    return isfinite(*value);
}

bool decode_symbol(struct decode_item *item, struct field f)
{
    size_t len = json_string_length(f.value);
    if (!f.value)
        return decode_reject(item, REJECT_NO_SYMBOL, "%s: missing", f.name);
    if (!json_is_string(f.value) || has_nul(f.value))
        return decode_reject_field(item, REJECT_BAD_SYMBOL, f);
    if (len == 0)
        return decode_reject(item, REJECT_NO_SYMBOL, "%s: empty", f.name);
    if (len > RECORD_SYMBOL_MAX)
        return reject_long(item, f, RECORD_SYMBOL_MAX);
    item->record.symbol_len = (uint8_t)len;
    memcpy(item->record.symbol, json_string_value(f.value), len + 1);
    return true;
}

bool decode_exchange(const struct decode_job *job, struct decode_item *item, struct field f)
{
    const char *exchange = job->options->default_exchange;
    size_t len = strlen(exchange);
    if (f.value) {
        exchange = json_string_value(f.value);
        len = json_string_length(f.value);
        if (!exchange || has_nul(f.value))
            return decode_reject_field(item, REJECT_BAD_EXCHANGE, f);
        if (len > RECORD_EXCHANGE_MAX)
            return reject_long(item, f, RECORD_EXCHANGE_MAX);
    }
    item->record.exchange_len = (uint8_t)len;
    memcpy(item->record.exchange, exchange, len + 1);
    return true;
}

static bool take_kafka_time(const struct decode_job *job, struct decode_item *item,
                            const char *name)
{
    int64_t time_ms = job->message->timestamp_ms;
    if (time_ms == MESSAGE_NO_TIME)
        return decode_reject(item, REJECT_NO_TIME, "%s: missing, and so is Kafka's timestamp",
                             name);
    if (__builtin_mul_overflow(time_ms, 1000, &item->record.time_us))
        return decode_reject(item, REJECT_BAD_TIME, "Kafka's timestamp: %lld ms",
                             (long long)time_ms);
    return true;
}

bool decode_time(const struct decode_job *job, struct decode_item *item, struct field f)
{
    if (!f.value)
        return take_kafka_time(job, item, f.name);
    if (json_is_integer(f.value)) {
        item->record.time_us = timestamp_from_integer(json_integer_value(f.value));
        return true;
    }
    if (json_is_string(f.value) &&
        timestamp_parse(json_string_value(f.value), json_string_length(f.value),
                        &item->record.time_us))
        return true;
    return decode_reject_field(item, REJECT_BAD_TIME, f);
}

bool decode_price(struct decode_item *item, struct field f)
{
    if (!f.value)
        return decode_reject(item, REJECT_NO_PRICE, "%s: missing", f.name);
    if (!field_number(f, &item->record.price) || !(item->record.price > 0))
        return decode_reject_field(item, REJECT_BAD_PRICE, f);
    return true;
}

bool decode_volume(struct decode_item *item, struct field f)
{
    double volume = 0;
    if (f.value && (!field_number(f, &volume) || !(volume >= 0)))
        return decode_reject_field(item, REJECT_BAD_VOLUME, f);
    item->record.volume = volume + 0.0; /* -0 is 0 */
    return true;
}

bool decode_quote(struct decode_item *item, struct field f, double *value)
{
    *value = NAN;
    if (f.value && (!field_number(f, value) || !(*value > 0)))
        return decode_reject_field(item, REJECT_BAD_QUOTE, f);
    return true;
}
